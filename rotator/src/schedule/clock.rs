//! What a time on the wall clock of a schedule's time zone means.

use chrono::{MappedLocalTime, NaiveDateTime, TimeZone};
use chrono_tz::GapInfo;
use tokenferry_sources::Timestamp;

use super::Schedule;

/// A time on the wall clock, in real time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WallTime {
    /// It comes once.
    Once(Timestamp),
    /// Clocks jump over it, to this moment.
    Skipped(Timestamp),
    /// Clocks go back and show it again.
    Twice(Timestamp, Timestamp),
}

impl WallTime {
    /// The first moment at which clocks show it, or something later.
    pub fn first(self) -> Timestamp {
        match self {
            WallTime::Once(at) | WallTime::Skipped(at) | WallTime::Twice(at, _) => at,
        }
    }
}

impl Schedule {
    /// When the clocks in the schedule's time zone show this. `None` far from our time.
    pub fn at_wall(&self, wall: NaiveDateTime) -> Option<WallTime> {
        let zone = self.0.zone;
        match zone.from_local_datetime(&wall) {
            MappedLocalTime::Single(only) => Some(WallTime::Once(only.to_utc())),
            MappedLocalTime::Ambiguous(first, second) => {
                Some(WallTime::Twice(first.to_utc(), second.to_utc()))
            }
            MappedLocalTime::None => {
                GapInfo::new(&wall, &zone)?.end.map(|end| WallTime::Skipped(end.to_utc()))
            }
        }
    }

    /// What the clocks in the schedule's time zone show.
    pub fn wall(&self, time: Timestamp) -> NaiveDateTime {
        super::search::wall(self.0.zone, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_jump_over_times_and_show_others_twice() {
        let schedule = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
        let at_wall = |text: &str| schedule.at_wall(text.parse().unwrap()).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(at_wall("2026-11-22T02:30:00"), WallTime::Once(at("2026-11-22T01:30:00Z")));
        assert_eq!(at_wall("2026-03-29T02:30:00"), WallTime::Skipped(at("2026-03-29T01:00:00Z")));
        let twice = WallTime::Twice(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(at_wall("2026-10-25T02:30:00"), twice);
        assert_eq!(schedule.wall(at("2026-10-25T01:30:00Z")).to_string(), "2026-10-25 02:30:00");
    }
}
