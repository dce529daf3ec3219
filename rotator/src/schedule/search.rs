//! From the wall clock of a time zone to real time, over gaps and repeated hours.

use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use chrono_tz::{GapInfo, Tz};
use tokenferry_sources::Timestamp;

use super::pattern::Pattern;

/// The first time after `after`.
pub(super) fn next_after(pattern: &Pattern, zone: Tz, after: Timestamp) -> Option<Timestamp> {
    let wall = wall(zone, after);
    let ahead = first_from(pattern, zone, next_minute(wall)?, after);
    // Where the wall clock will soon go back, what lies behind on it is yet to come once more.
    match repeated_from(zone, after).filter(|_| pattern.follows_real_time) {
        Some(repeated) => {
            let again = first_from(pattern, zone, next_minute(repeated - TimeDelta::nanoseconds(1))?, after);
            ahead.into_iter().chain(again).min()
        }
        None => ahead,
    }
}

/// The last time not after `until`: by halving, since what comes next is known for every moment.
pub(super) fn last_until(pattern: &Pattern, zone: Tz, until: Timestamp) -> Option<Timestamp> {
    let fires_after = |minutes: i64| {
        let from = until.checked_sub_signed(TimeDelta::try_minutes(minutes)?)?;
        next_after(pattern, zone, from).filter(|at| *at <= until)
    };
    let mut far = 1;
    while fires_after(far).is_none() {
        far *= 2;
        until.checked_sub_signed(TimeDelta::try_minutes(far)?)?;
    }
    let mut near = far / 2;
    while far - near > 1 {
        let middle = near + (far - near) / 2;
        if fires_after(middle).is_some() { far = middle } else { near = middle }
    }
    fires_after(far)
}

/// What the clocks of the time zone show.
pub(super) fn wall(zone: Tz, time: Timestamp) -> NaiveDateTime {
    time.with_timezone(&zone).naive_local()
}

/// The first time after `after` whose place on the wall clock is not before `from`.
fn first_from(pattern: &Pattern, zone: Tz, from: NaiveDateTime, after: Timestamp) -> Option<Timestamp> {
    let mut from = from;
    loop {
        let tick = pattern.next(from)?;
        let fires = match zone.from_local_datetime(&tick) {
            MappedLocalTime::Single(only) => [Some(only), None],
            MappedLocalTime::Ambiguous(first, second) => {
                [Some(first), Some(second).filter(|_| pattern.follows_real_time)]
            }
            // Where every hour is meant, the next one stands in for the one that is missing.
            MappedLocalTime::None if pattern.is_on_every_hour() => [None, None],
            MappedLocalTime::None => [GapInfo::new(&tick, &zone).and_then(|gap| gap.end), None],
        };
        let mut fires = fires.into_iter().flatten().map(|at| at.to_utc());
        if let Some(at) = fires.find(|at| *at > after) {
            return Some(at);
        }
        from = next_minute(tick)?;
    }
}

/// What the wall clock goes back to, if it shows now what it will soon show again.
fn repeated_from(zone: Tz, now: Timestamp) -> Option<NaiveDateTime> {
    let offset = |time: Timestamp| zone.offset_from_utc_datetime(&time.naive_utc()).fix();
    let MappedLocalTime::Ambiguous(_, again) = zone.from_local_datetime(&wall(zone, now)) else {
        return None;
    };
    let (mut before, mut back) = (now, again.to_utc());
    if offset(before) == offset(back) {
        return None;
    }
    while back - before > TimeDelta::seconds(1) {
        let middle = before + (back - before) / 2;
        if offset(middle) == offset(now) { before = middle } else { back = middle }
    }
    // The change is on a full second.
    wall(zone, back).with_nanosecond(0)
}

fn next_minute(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.with_second(0)?.with_nanosecond(0)?.checked_add_signed(TimeDelta::minutes(1))
}
