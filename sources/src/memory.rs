//! Failures that stand against another try, for as long as they hold.

use tokio::time::Instant;

use crate::{Action, FailureClass, Retry, SourceError, Timestamp};

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
            Retry::Backoff if is_slow(error) => Until::Moment(Instant::now() + started.elapsed()),
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

/// A server that names its failure of a login stays with it, while every try presents the credential.
fn is_slow(error: &SourceError) -> bool {
    match error {
        SourceError::Named { attempt, .. } => attempt.action == Action::Login,
        _ => matches!(
            error.class(),
            FailureClass::BrokenAnswer
                | FailureClass::RateLimited
                | FailureClass::TimedOut
                | FailureClass::Unreachable
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::error::NamedFailure;
    use crate::{Attempt, Said, system};

    static FAILED: NamedFailure =
        NamedFailure { class: FailureClass::ServerError, headline: "", text: "", advice: "" };

    #[tokio::test(start_paused = true)]
    async fn a_named_failure_of_a_login_stands_as_long_as_its_tries_took() {
        let of = |action| {
            let attempt = Attempt::new(system("zetasafe").unwrap(), action, String::new());
            SourceError::Named { attempt, status: 400, failure: &FAILED, said: Said::default() }
        };
        let started = Instant::now();
        advance(Duration::from_secs(3)).await;
        assert!(Memory::of(&of(Action::Otp), started).is_none());
        let memory = Memory::of(&of(Action::Login), started).unwrap();
        assert!(memory.standing(Timestamp::UNIX_EPOCH).is_some());
        advance(Duration::from_secs(3)).await;
        assert!(memory.standing(Timestamp::UNIX_EPOCH).is_none());
    }
}
