//! A time that is about to come, for schedules that name it.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A full minute.
#[derive(Debug)]
pub(super) struct Tick(DateTime<Utc>);

impl Tick {
    /// The first that is not before this pause is over.
    pub(super) fn after(pause: Duration) -> Self {
        Self::not_before(Utc::now() + pause)
    }

    fn not_before(time: DateTime<Utc>) -> Self {
        let minute = TimeDelta::minutes(1);
        let down = time.duration_trunc(minute).unwrap_or(time);
        Self(if down == time { time } else { down + minute })
    }

    /// As a schedule that names it.
    pub(super) fn schedule(&self) -> String {
        self.0.format("%-M %-H %-d %-m *").to_string()
    }

    /// How long it is until then.
    pub(super) fn left(&self) -> Duration {
        (self.0 - Utc::now()).to_std().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_a_full_minute_and_a_schedule() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let tick = Tick::not_before(time("2026-12-31T23:59:00.001Z"));
        assert_eq!((tick.0, tick.schedule().as_str()), (time("2027-01-01T00:00:00Z"), "0 0 1 1 *"));
        let full = time("2026-11-22T06:07:00Z");
        assert_eq!(Tick::not_before(full).0, full);
    }
}
