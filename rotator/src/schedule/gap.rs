//! The longest wait between two times of a schedule.

use std::time::Duration;

use chrono::{Months, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use tokenferry_sources::Timestamp;

use super::pattern::Pattern;
use super::search;

/// The longest wait, and where it was looked for.
#[derive(Clone, Copy)]
pub(super) struct WidestGap {
    pub(super) from: Timestamp,
    pub(super) years: u32,
    pub(super) gap: Duration,
}

impl WidestGap {
    /// Goes through the times, but in one step over each day on which the wall clock does not jump.
    pub(super) fn find(pattern: &Pattern, zone: Tz, from: Timestamp, years: u32) -> Self {
        let gap = widest(pattern, zone, from, years).and_then(|gap| gap.to_std().ok());
        WidestGap { from, years, gap: gap.unwrap_or(Duration::MAX) }
    }
}

fn widest(pattern: &Pattern, zone: Tz, from: Timestamp, years: u32) -> Option<TimeDelta> {
    let end = from.checked_add_months(Months::new(years.checked_mul(12)?))?;
    let (first, last) = (pattern.first_time()?, pattern.last_time()?);
    let within_a_day = pattern.widest_within_a_day();
    let mut at = search::next_after(pattern, zone, from)?;
    let mut widest = at - from;
    while at <= end {
        let wall = search::wall(zone, at);
        if wall.time() == first && is_plain(zone, wall.date()) {
            widest = widest.max(within_a_day);
            at += last - first;
        }
        let next = search::next_after(pattern, zone, at)?;
        widest = widest.max(next - at);
        at = next;
    }
    Some(widest)
}

/// Whether the day has 24 hours.
fn is_plain(zone: Tz, day: NaiveDate) -> bool {
    let begin = |day: NaiveDate| zone.from_local_datetime(&day.and_time(NaiveTime::MIN)).single();
    let ends = begin(day).zip(day.succ_opt().and_then(begin));
    ends.is_some_and(|(begin, end)| end.signed_duration_since(begin) == TimeDelta::days(1))
}
