//! The wall clock as a parameter, so that tests can turn it.

use std::fmt::Debug;

use chrono::Datelike;
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

/// `from` plus `life`, or `None` if nobody could write that down.
pub(crate) fn later(from: Timestamp, life: std::time::Duration) -> Option<Timestamp> {
    let life = chrono::Duration::from_std(life).ok()?;
    from.checked_add_signed(life).and_then(in_writing)
}

/// A point in time that RFC 3339 can write: it has four digits for the year.
pub(crate) fn in_writing(time: Timestamp) -> Option<Timestamp> {
    (0..=9999).contains(&time.year()).then_some(time)
}

/// A point in time as users see it everywhere: RFC 3339, UTC, whole seconds.
pub fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The point in time that a text in the form of RFC 3339 means.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
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

    #[test]
    fn what_cannot_be_written_down_is_no_time() {
        let last = chrono::DateTime::parse_from_rfc3339("9999-12-31T23:59:59Z").unwrap().to_utc();
        assert_eq!(later(last, Duration::ZERO), Some(last));
        assert_eq!(rfc3339(last), "9999-12-31T23:59:59Z");
        for life in [Duration::from_secs(1), Duration::MAX] {
            assert_eq!(later(last, life), None);
        }
        assert_eq!(in_writing(Timestamp::MIN_UTC), None);
    }
}
