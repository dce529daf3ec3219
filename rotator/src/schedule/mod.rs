//! Schedules: crontab(5) expressions in a time zone.
//!
//! croner reads the expression and tells which days it means; how the wall clock maps to real time, where it jumps,
//! is decided in `search`, because croner skips the day on which a list such as `30 2,14 * * *` falls into a gap.

mod clock;
mod error;
mod field;
mod gap;
mod pattern;
mod search;
mod table;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{Datelike, SecondsFormat};
use chrono_tz::Tz;
use tokenferry_sources::Timestamp;

pub use clock::WallTime;
pub use error::{FieldProblem, ScheduleError};
use gap::WidestGap;
use pattern::Pattern;

/// A cron expression in a time zone. Clones, and all that were parsed from the same two texts, share one copy.
#[derive(Clone)]
pub struct Schedule(Arc<Inner>);

struct Inner {
    expression: Box<str>,
    zone: Tz,
    pattern: Pattern,
    widest: Mutex<Option<WidestGap>>,
}

impl Schedule {
    /// Reads a crontab(5) expression (five fields, or a name such as `@hourly`) and the IANA name of a time zone.
    ///
    /// # Errors
    /// Says which field is wrong and what is right, without repeating the text; also when the expression never fires.
    pub fn parse(expression: &str, time_zone: &str) -> Result<Schedule, ScheduleError> {
        let zone: Tz = time_zone.parse().map_err(|_| ScheduleError::TimeZone)?;
        let expression = expression.trim();
        table::shared(expression, zone, || {
            let (expression, pattern) = (expression.into(), Pattern::parse(expression)?);
            Ok(Inner { expression, zone, pattern, widest: Mutex::default() })
        })
        .map(Schedule)
    }

    /// The expression, as written.
    pub fn expression(&self) -> &str {
        &self.0.expression
    }

    /// The IANA name of the time zone.
    pub fn time_zone(&self) -> &'static str {
        self.0.zone.name()
    }

    /// The first time after `time`. `None` only thousands of years from now.
    ///
    /// What falls into a gap of the wall clock fires at the first valid instant after it, unless every hour is meant
    /// anyhow. When the wall clock repeats itself, fixed times fire once, and what has `*` for its minutes or hours
    /// follows real time.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        search::next_after(&self.0.pattern, self.0.zone, within_reach(time)?)
    }

    /// The last time not after `time`.
    pub fn last_until(&self, time: Timestamp) -> Option<Timestamp> {
        search::last_until(&self.0.pattern, self.0.zone, within_reach(time)?)
    }

    /// The longest wait for the next time that begins within so many years from `from`. Reckoned once for all
    /// schedules that share this one.
    pub fn largest_gap(&self, from: Timestamp, years: u32) -> Duration {
        let Some(from) = within_reach(from) else { return Duration::MAX };
        let mut known = self.0.widest.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(widest) if (widest.from, widest.years) == (from, years) => widest.gap,
            _ => known.insert(WidestGap::find(&self.0.pattern, self.0.zone, from, years)).gap,
        }
    }

    /// How many times can lie within a window of that length at most. Rather too many: days that are not meant count, too.
    pub fn most_within(&self, window: Duration) -> u64 {
        self.0.pattern.most_within(window.as_secs() / 60)
    }

    /// A point in time as the clocks in the schedule's time zone show it, with their offset from UTC.
    pub fn local(&self, time: Timestamp) -> String {
        if (1..=LAST_YEAR).contains(&time.year()) {
            time.with_timezone(&self.0.zone).to_rfc3339_opts(SecondsFormat::Secs, false)
        } else {
            time.to_rfc3339_opts(SecondsFormat::Secs, true)
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Schedule {}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({:?} in {})", self.expression(), self.0.zone)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.expression(), self.0.zone)
    }
}

/// Moves what is before the year 1 into it; chrono cannot reckon local times near the ends of its range.
fn within_reach(time: Timestamp) -> Option<Timestamp> {
    match time.year() {
        ..1 => chrono::NaiveDate::from_ymd_opt(1, 1, 1)?.and_hms_opt(0, 0, 0).map(|first| first.and_utc()),
        1..=LAST_YEAR => Some(time),
        _ => None,
    }
}

const LAST_YEAR: i32 = 9000;

#[cfg(test)]
mod tests;
