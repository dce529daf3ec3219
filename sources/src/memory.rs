//! Failures that stand against another try, for as long as they hold.

use tokio::time::Instant;

use crate::{FailureClass, Retry, SourceError, Timestamp};

/// A failure that is given again instead of asking again.
#[derive(Debug)]
pub(crate) struct Memory {
    failure: SourceError,
    until: Until,
}

#[derive(Debug)]
enum Until {
    Forever,
    Moment(Instant),
    Time(Timestamp),
}

impl Memory {
    /// Remembers a failure of something that was started then; `None` if another try is in order at once.
    pub(crate) fn of(error: &SourceError, started: Instant) -> Option<Self> {
        let until = match error.retry() {
            Retry::Never => Until::Forever,
            Retry::At(time) => Until::Time(time),
            // Reads in a row would each wait as long as the first: one of two is enough.
            Retry::Backoff if is_slow(error.class()) => Until::Moment(Instant::now() + started.elapsed()),
            Retry::Backoff => return None,
        };
        Some(Memory { failure: error.clone(), until })
    }

    /// The failure, if it still stands.
    pub(crate) fn standing(&self, now: Timestamp) -> Option<&SourceError> {
        let holds = match self.until {
            Until::Forever => true,
            Until::Moment(moment) => Instant::now() < moment,
            Until::Time(time) => now < time,
        };
        holds.then_some(&self.failure)
    }
}

fn is_slow(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::BrokenAnswer
            | FailureClass::RateLimited
            | FailureClass::TimedOut
            | FailureClass::Unreachable
    )
}
