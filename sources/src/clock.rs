//! The wall clock as a parameter, so that tests can turn it.

use std::fmt::Debug;

use tokio::time::Instant;

/// A point in time, in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Tells the wall time.
pub trait Clock: Debug + Send + Sync {
    /// The wall time now.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }
}

/// A clock for tests: wall time that moves with tokio's time, which tests can pause and advance.
#[derive(Clone, Debug)]
pub struct TestClock {
    base: Timestamp,
    start: Instant,
}

impl TestClock {
    /// A clock that shows `base` now.
    pub fn new(base: Timestamp) -> Self {
        TestClock { base, start: Instant::now() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.base + self.start.elapsed()
    }
}

/// `from` plus `life`, or `None` beyond the end of the calendar.
pub(crate) fn later(from: Timestamp, life: std::time::Duration) -> Option<Timestamp> {
    chrono::Duration::from_std(life).ok().and_then(|life| from.checked_add_signed(life))
}

/// A point in time as users see it everywhere: RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_test_clock_moves_with_tokio_time() {
        let clock = TestClock::new(Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().timestamp(), 90);
    }
}
