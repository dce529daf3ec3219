//! Notices that the wall clock was set, by the clock that nobody sets.

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokio::time::Instant;

/// The two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Jumps {
    wall: Timestamp,
    steady: Instant,
}

impl Jumps {
    /// From now on.
    pub fn since(wall: Timestamp, steady: Instant) -> Self {
        Jumps { wall, steady }
    }

    /// By how much the wall clock was set since the last time that it was, if it was. A machine that slept is seen as
    /// one whose clock was put forward: the steady clock sleeps, too. What is less than a second waits until it is
    /// more: clocks are also corrected a little at a time.
    pub fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<TimeDelta> {
        let passed = TimeDelta::from_std(steady.saturating_duration_since(self.steady)).ok()?;
        let by = wall - self.wall.checked_add_signed(passed)?;
        if by.abs() < LEAST {
            return None;
        }
        *self = Jumps { wall, steady };
        Some(by)
    }
}

const LEAST: TimeDelta = TimeDelta::seconds(1);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn wall(secs: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(secs)
    }

    #[tokio::test]
    async fn a_clock_that_was_set_is_noticed_once_and_one_that_goes_is_not() {
        let start = Instant::now();
        let steady = |secs| start + Duration::from_secs(secs);
        let mut jumps = Jumps::since(wall(0), start);
        assert_eq!(jumps.look(wall(30), steady(30)), None);
        assert_eq!(jumps.look(wall(3660), steady(60)), Some(TimeDelta::seconds(3600)));
        assert_eq!(jumps.look(wall(3670), steady(70)), None);
        assert_eq!(jumps.look(wall(80), steady(80)), Some(TimeDelta::seconds(-3600)));
        assert_eq!(jumps.look(wall(80), steady(80)), None);
    }

    #[tokio::test]
    async fn what_clocks_drift_apart_counts_once_it_is_a_second() {
        let start = Instant::now();
        let mut jumps = Jumps::since(wall(0), start);
        let drifted = |minute: i64| wall(minute * 60) + TimeDelta::milliseconds(minute * 300);
        let found = (1..=8_i64).map(|minute| {
            let steady = start + Duration::from_secs(minute.unsigned_abs() * 60);
            jumps.look(drifted(minute), steady).map(|by| by.num_milliseconds())
        });
        let expected = [None, None, None, Some(1200), None, None, None, Some(1200)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
