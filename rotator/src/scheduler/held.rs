//! Why a rotation does not run, for those who ask.

use tokenferry_sources::Timestamp;

/// A rotation waits on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Held {
    /// For what.
    pub by: HeldBy,
    /// Until when, if that is known.
    pub until: Option<Timestamp>,
}

impl Held {
    /// When a run that is planned for `at` will begin, as far as that is known.
    #[must_use]
    pub fn begins(held: Option<Held>, at: Timestamp) -> Timestamp {
        held.and_then(|held| held.until).map_or(at, |until| until.max(at))
    }
}

/// What a rotation waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeldBy {
    /// After a failure that may pass: a little patience.
    Backoff,
    /// After a refused login: a changed one, or the end of the time for which it is not repeated.
    Breaker,
    /// Nothing: its configuration says that it is not run.
    Disabled,
    /// After another failure that lasts: that somebody changes something, or the next time of its schedule.
    LastingFailure,
    /// The rate of its source.
    Rate,
    /// The other side asked for it.
    RetryAfter,
}

impl HeldBy {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            HeldBy::Backoff => "backoff",
            HeldBy::Breaker => "breaker",
            HeldBy::Disabled => "disabled",
            HeldBy::LastingFailure => "lasting_failure",
            HeldBy::Rate => "rate",
            HeldBy::RetryAfter => "retry_after",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            HeldBy::Backoff => "backoff",
            HeldBy::Breaker => "refused login",
            HeldBy::Disabled => "disabled",
            HeldBy::LastingFailure => "lasting failure",
            HeldBy::Rate => "rate",
            HeldBy::RetryAfter => "retry after",
        }
    }
}
