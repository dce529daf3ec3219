//! The moment that somebody asks about, as they write it.

use chrono::{NaiveDateTime, NaiveTime};
use thiserror::Error;
use tokenferry_sources::{Timestamp, parse_rfc3339};

use crate::schedule::{Schedule, WallTime};

/// A moment, and what is strange about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The moment.
    pub at: Timestamp,
    /// How the clocks of the schedule's time zone show it.
    pub clock: Clock,
}

/// How the wall clock shows a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// As any other.
    Plain,
    /// What was asked for does not exist: clocks jump over it, to the moment.
    Skipped {
        /// What was asked for.
        wall: NaiveDateTime,
    },
    /// Clocks show the same twice.
    Twice {
        /// For the first time.
        first: Timestamp,
        /// For the second time.
        second: Timestamp,
    },
}

/// A text that names no moment.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "this is no time: write it as in 2026-11-22T10:00:00Z, or without a zone as in 2026-11-22T10:00 or 10:00 (today), \
     which the clocks in the rotation's time zone show then"
)]
pub struct BadMoment;

impl Moment {
    /// Reads a moment. Without an offset from UTC it is what the clocks of the schedule's time zone show, and without a
    /// date it is today.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parse(text: &str, schedule: &Schedule, now: Timestamp) -> Result<Self, BadMoment> {
        if let Some(at) = parse_rfc3339(&text.replacen(' ', "T", 1)) {
            return Ok(Moment { at, clock: Clock::of(schedule, at) });
        }
        let wall = wall(text, schedule, now).ok_or(BadMoment)?;
        let on_clock = schedule.at_wall(wall).ok_or(BadMoment)?;
        let clock = match on_clock {
            WallTime::Once(_) => Clock::Plain,
            WallTime::Skipped(_) => Clock::Skipped { wall },
            WallTime::Twice(first, second) => Clock::Twice { first, second },
        };
        Ok(Moment { at: on_clock.first(), clock })
    }
}

impl Clock {
    fn of(schedule: &Schedule, at: Timestamp) -> Self {
        match schedule.at_wall(schedule.wall(at)) {
            Some(WallTime::Twice(first, second)) => Clock::Twice { first, second },
            _ => Clock::Plain,
        }
    }

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Clock::Plain => "plain",
            Clock::Skipped { .. } => "skipped",
            Clock::Twice { .. } => "twice",
        }
    }
}

fn wall(text: &str, schedule: &Schedule, now: Timestamp) -> Option<NaiveDateTime> {
    let date_and_time = text.trim().replacen(' ', "T", 1);
    let with_date = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let full = with_date.iter().find_map(|form| NaiveDateTime::parse_from_str(&date_and_time, form).ok());
    let today = || {
        let forms = ["%H:%M:%S", "%H:%M"];
        let time = forms.iter().find_map(|form| NaiveTime::parse_from_str(text.trim(), form).ok())?;
        Some(schedule.wall(now).date().and_time(time))
    };
    full.or_else(today)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Moment, BadMoment> {
        let schedule = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
        Moment::parse(text, &schedule, "2026-11-22T23:30:00Z".parse().unwrap())
    }

    #[test]
    fn a_moment_is_read_with_an_offset_or_as_local_clocks_show_it() {
        for (text, utc) in [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z"),
            ("2026-11-22 10:00:00+01:00", "2026-11-22T09:00:00Z"),
            ("2026-11-22T10:00:05", "2026-11-22T09:00:05Z"),
            ("2026-11-22 10:00", "2026-11-22T09:00:00Z"),
            ("10:00", "2026-11-23T09:00:00Z"),
            ("10:00:30", "2026-11-23T09:00:30Z"),
        ] {
            let expected = Moment { at: utc.parse().unwrap(), clock: Clock::Plain };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "now", "25:00", "2026-11-22", "2026-02-30T10:00", "10"] {
            assert_eq!(parse(text), Err(BadMoment), "{text}");
        }
    }

    #[test]
    fn what_clocks_skip_or_show_twice_is_noticed() {
        let skipped = parse("2026-03-29T02:30").unwrap();
        assert_eq!((skipped.at, skipped.clock.name()), ("2026-03-29T01:00:00Z".parse().unwrap(), "skipped"));
        let twice = parse("2026-10-25 02:30").unwrap();
        assert_eq!((twice.at, twice.clock.name()), ("2026-10-25T00:30:00Z".parse().unwrap(), "twice"));
        assert_eq!(parse("2026-10-25T01:30:00Z").unwrap().clock, twice.clock);
    }
}
