//! Schedules against crontab(5): random expressions against a brute-force oracle, and a table of changes of the clock.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use fastrand::Rng;
use tokenferry_rotator::schedule::{Schedule, ScheduleError};
use tokenferry_sources::Timestamp;

const EXPRESSIONS: usize = 3000;

#[test]
fn random_expressions_mean_what_crontab_says() {
    let mut random = Rng::with_seed(5);
    let (mut refused, mut restricted) = (0, 0);
    for _ in 0..EXPRESSIONS {
        let expression = random_expression(&mut random);
        let oracle = Oracle::read(&expression);
        restricted += usize::from(oracle.restricts_both_days());
        let Some(matching_days) = oracle.first_days() else {
            refused += 1;
            assert_eq!(Schedule::parse(&expression, "UTC"), Err(ScheduleError::Never), "{expression}");
            continue;
        };
        let schedule =
            Schedule::parse(&expression, "UTC").unwrap_or_else(|error| panic!("{expression}: {error}"));
        let starts = [START, random.i64(START..END), random.i64(START..END), matching_days];
        for start in starts {
            let mut time = Timestamp::from_timestamp(start, 0).unwrap();
            for _ in 0..5 {
                let expected = oracle.next_after(time);
                assert_eq!(schedule.next_after(time), Some(expected), "{expression} after {time}");
                time = expected;
            }
        }
    }
    assert!(refused > 20 && restricted > 500, "{refused} refused, {restricted} with two day fields");
}

#[test]
fn when_the_clock_changes_fixed_times_fire_once_and_intervals_go_on() {
    for (zone, expression, from, expected) in CHANGES {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let mut time: Timestamp = from.parse().unwrap();
        for expected in *expected {
            time = schedule.next_after(time).unwrap();
            assert_eq!(schedule.local(time), *expected, "{expression} in {zone} from {from}");
        }
    }
}

/// Time zone, expression, from when, and what comes then.
type Change = (&'static str, &'static str, &'static str, &'static [&'static str]);

const CHANGES: &[Change] = &[
    // Berlin: from 02:00 to 03:00 on 29 March, back from 03:00 to 02:00 on 25 October.
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-03-28T00:00:00Z",
        &["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "30 2,14 * * *",
        "2026-03-28T20:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-29T14:30:00+02:00", "2026-03-30T02:30:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "10,50 2,3 * * *",
        "2026-03-28T20:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-29T03:10:00+02:00", "2026-03-29T03:50:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "*/20 * * * *",
        "2026-03-29T00:30:00Z",
        &["2026-03-29T01:40:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "5 * * * *",
        "2026-03-29T00:00:00Z",
        &["2026-03-29T01:05:00+01:00", "2026-03-29T03:05:00+02:00", "2026-03-29T04:05:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "*/10 2 * * *",
        "2026-03-28T20:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"],
    ),
    (
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-24T20:00:00Z",
        &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    ),
    (
        "Europe/Berlin",
        "30 2,14 * * *",
        "2026-10-25T00:30:00Z",
        &["2026-10-25T14:30:00+01:00", "2026-10-26T02:30:00+01:00"],
    ),
    (
        "Europe/Berlin",
        "*/30 * * * *",
        "2026-10-24T23:45:00Z",
        &[
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ],
    ),
    // The second half of the repeated hour, asked for from its first half, where the next day is far away.
    (
        "Europe/Berlin",
        "*/30 2 25 10 *",
        "2026-10-25T00:31:00Z",
        &["2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2027-10-25T02:00:00+02:00"],
    ),
    // New York: 8 March and 1 November, both at 02:00.
    (
        "America/New_York",
        "0,30 2 * * SUN",
        "2026-03-02T00:00:00Z",
        &["2026-03-08T03:00:00-04:00", "2026-03-15T02:00:00-04:00", "2026-03-15T02:30:00-04:00"],
    ),
    (
        "America/New_York",
        "30 1 * * *",
        "2026-11-01T05:30:00Z",
        &["2026-11-02T01:30:00-05:00", "2026-11-03T01:30:00-05:00"],
    ),
    (
        "America/New_York",
        "@hourly",
        "2026-11-01T04:00:00Z",
        &["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"],
    ),
    // Lord Howe changes by half an hour: 5 April and 4 October, both at 02:00.
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-02T20:00:00Z",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "*/20 * * * *",
        "2026-10-03T15:15:00Z",
        &["2026-10-04T02:40:00+11:00", "2026-10-04T03:00:00+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2026-04-04T00:00:00Z",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    ),
    (
        "Australia/Lord_Howe",
        "*/15 * * * *",
        "2026-04-04T14:31:00Z",
        &[
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
            "2026-04-05T02:00:00+10:30",
        ],
    ),
    // Casablanca goes back for Ramadan: 15 February at 03:00, forward again on 22 March at 02:00.
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-02-14T12:00:00Z",
        &["2026-02-15T02:30:00+01:00", "2026-02-16T02:30:00+00:00"],
    ),
    (
        "Africa/Casablanca",
        "0 */2 * * *",
        "2026-02-15T00:30:00Z",
        &["2026-02-15T02:00:00+01:00", "2026-02-15T02:00:00+00:00", "2026-02-15T04:00:00+00:00"],
    ),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-03-21T12:00:00Z",
        &["2026-03-22T03:00:00+01:00", "2026-03-23T02:30:00+01:00"],
    ),
    // Santiago changes at midnight: on 6 September the day begins at 01:00.
    (
        "America/Santiago",
        "@daily",
        "2026-09-05T12:00:00Z",
        &["2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"],
    ),
    (
        "America/Santiago",
        "0 */12 * * *",
        "2026-09-05T17:00:00Z",
        &["2026-09-06T01:00:00-03:00", "2026-09-06T12:00:00-03:00"],
    ),
    // Apia had no 30 December 2011.
    (
        "Pacific/Apia",
        "0 9 * * *",
        "2011-12-29T12:00:00Z",
        &["2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"],
    ),
    // Kolkata never changes.
    (
        "Asia/Kolkata",
        "30 2 29 3 *",
        "2026-03-01T00:00:00Z",
        &["2026-03-29T02:30:00+05:30", "2027-03-29T02:30:00+05:30"],
    ),
];

/// 2024 to 2060.
const START: i64 = 1_704_067_200;
const END: i64 = 2_871_763_200;

fn random_expression(random: &mut Rng) -> String {
    let mut field = |limits: (i64, i64), names: &[&str], star: u8| -> String {
        if random.u8(0..100) < star {
            return "*".to_owned();
        }
        let (min, max) = limits;
        let items = if random.u8(0..4) == 0 { random.usize(2..4) } else { 1 };
        let item = |_| {
            let (one, other) = (random.i64(min..=max), random.i64(min..=max));
            let step = random.i64(1..=(max - min).min(12));
            match random.u8(0..8) {
                0 | 1 => format!("{}-{}", one.min(other), one.max(other)),
                2 => format!("{}-{}/{step}", one.min(other), one.max(other)),
                3 | 4 => format!("*/{}", step.min(7)),
                5 if !names.is_empty() => names[random.usize(0..names.len())].to_owned(),
                _ => one.to_string(),
            }
        };
        (0..items).map(item).collect::<Vec<_>>().join(",")
    };
    let minute = field((0, 59), &[], 20);
    let hour = field((0, 23), &[], 25);
    let day = field((1, 31), &[], 30);
    let month = field((1, 12), &["JAN", "feb", "Jun", "DEC"], 50);
    let weekday = field((0, 7), &["SUN", "mon", "Fri", "SAT"], 40);
    match random.u8(0..40) {
        0 => format!("{minute} {hour} {} 2 *", random.u8(29..32)),
        _ => format!("{minute} {hour} {day} {month} {weekday}"),
    }
}

/// Vixie cron, as plainly as it can be told: sets of values, and two flags for stars.
struct Oracle {
    minutes: BTreeSet<i64>,
    hours: BTreeSet<i64>,
    days: BTreeSet<i64>,
    months: BTreeSet<i64>,
    weekdays: BTreeSet<i64>,
    day_star: bool,
    weekday_star: bool,
}

impl Oracle {
    fn read(expression: &str) -> Oracle {
        let expression = expression.to_uppercase();
        let fields: Vec<&str> = expression.split(' ').collect();
        Oracle {
            minutes: values(fields[0], 0, 59),
            hours: values(fields[1], 0, 23),
            days: values(fields[2], 1, 31),
            months: values(fields[3], 1, 12),
            weekdays: values(fields[4], 0, 7).into_iter().map(|weekday| weekday % 7).collect(),
            day_star: fields[2].starts_with('*'),
            weekday_star: fields[4].starts_with('*'),
        }
    }

    fn restricts_both_days(&self) -> bool {
        self.days.len() < 31 && self.weekdays.len() < 7
    }

    fn is_on(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(&i64::from(date.day()));
        let weekday = self.weekdays.contains(&i64::from(date.weekday().num_days_from_sunday()));
        let days = if self.day_star || self.weekday_star { day && weekday } else { day || weekday };
        days && self.months.contains(&i64::from(date.month()))
    }

    /// Some second shortly before a day that matches; `None` if none does in all the years of the calendar that can
    /// differ.
    fn first_days(&self) -> Option<i64> {
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let day = first.iter_days().take(41 * 366).find(|day| self.is_on(*day))?;
        Some(day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() - 61)
    }

    fn next_after(&self, after: Timestamp) -> Timestamp {
        let mut date = after.date_naive();
        loop {
            if self.is_on(date) {
                let midnight = date.and_hms_opt(0, 0, 0).unwrap().and_utc();
                let minutes = (0..24 * 60).filter(|minute| {
                    self.hours.contains(&(minute / 60)) && self.minutes.contains(&(minute % 60))
                });
                let mut times = minutes.map(|minute| midnight + TimeDelta::minutes(minute));
                if let Some(time) = times.find(|time| *time > after) {
                    return time;
                }
            }
            date = date + Days::new(1);
        }
    }
}

fn values(field: &str, min: i64, max: i64) -> BTreeSet<i64> {
    let names = ["JAN", "FEB", "JUN", "DEC", "SUN", "MON", "FRI", "SAT"];
    let number = |text: &str| match names.iter().position(|name| *name == text) {
        Some(name) => [1, 2, 6, 12, 0, 1, 5, 6][name],
        None => text.parse().unwrap(),
    };
    let item = |item: &str| {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((first, last)) => (number(first), number(last)),
            None => (number(range), number(range)),
        };
        (first..=last).step_by(step.parse().unwrap()).collect::<Vec<i64>>()
    };
    field.split(',').flat_map(item).collect()
}
