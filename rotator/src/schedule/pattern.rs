//! What an expression means on the wall clock, before any time zone.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use croner::parser::{CronParser, Seconds, Year};
use croner::{CronComponent, CronPattern, Weekday};

use super::ScheduleError;
use super::field::Field;

/// A pattern of wall-clock minutes that matches at least once.
pub(super) struct Pattern {
    days: CronPattern,
    /// Bit by bit.
    minutes: u64,
    hours: u32,
    /// Whether it is an interval (`*/10`, `@hourly`), as crontab(5) tells them: by a star for the minutes or hours.
    pub(super) follows_real_time: bool,
}

impl Pattern {
    pub(super) fn parse(expression: &str) -> Result<Pattern, ScheduleError> {
        let capitals = expression.to_ascii_uppercase();
        let fields: Vec<&str> = named(&capitals)?.split_whitespace().collect();
        let &[minute, hour, day, _, weekday] = &fields[..] else {
            return Err(ScheduleError::FieldCount(fields.len()));
        };
        Field::ALL.iter().zip(&fields).try_for_each(|(field, text)| field.check(text))?;
        // Both day fields have to match, as in Vixie cron, when one of them begins with a star.
        let both = day.starts_with('*') || weekday.starts_with('*');
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed);
        let cron = parser
            .dom_and_dow(both)
            .build()
            .parse(&fields.join(" "))
            .map_err(|_| ScheduleError::Unreadable)?;
        let pattern = Pattern {
            minutes: bits(&cron.pattern.minutes),
            hours: u32::try_from(bits(&cron.pattern.hours)).unwrap_or_default(),
            follows_real_time: minute.starts_with('*') || hour.starts_with('*'),
            days: slim(cron.pattern),
        };
        pattern.next(DateTime::UNIX_EPOCH.naive_utc()).map(|_| pattern).ok_or(ScheduleError::Never)
    }

    /// The first match that is not before `from`.
    pub(super) fn next(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut day = from.date();
        if let Some(time) = self.time_from(from.hour(), from.minute()).filter(|_| self.is_on(day)) {
            return Some(day.and_time(time));
        }
        let last = day.checked_add_months(CALENDAR_REPEATS)?;
        loop {
            day = self.next_candidate(day)?;
            if day > last {
                return None;
            }
            if self.is_on(day) {
                return self.first_time().map(|time| day.and_time(time));
            }
        }
    }

    /// Its first time on every day it is on.
    pub(super) fn first_time(&self) -> Option<NaiveTime> {
        self.time_from(0, 0)
    }

    /// Its last time on every day it is on.
    pub(super) fn last_time(&self) -> Option<NaiveTime> {
        time(self.hours.checked_ilog2()?, self.minutes.checked_ilog2()?)
    }

    /// The longest wait within a day, from its first time to its last.
    pub(super) fn widest_within_a_day(&self) -> TimeDelta {
        let times = self.times_of_a_day();
        times.clone().zip(times.skip(1)).map(|(one, other)| other - one).max().unwrap_or_default()
    }

    /// How many times can lie within so many minutes at most, both ends included, if every day were meant.
    pub(super) fn most_within(&self, minutes: u64) -> u64 {
        let times: Vec<u64> =
            self.times_of_a_day().map(|time| u64::from(time.num_seconds_from_midnight() / 60)).collect();
        let of_a_day = times.len() as u64;
        let (days, rest) = (minutes / MINUTES_OF_A_DAY, minutes % MINUTES_OF_A_DAY);
        let tomorrow = times.iter().map(|time| time + MINUTES_OF_A_DAY);
        let both: Vec<u64> = times.iter().copied().chain(tomorrow).collect();
        let until = |start: u64| both.partition_point(|time| *time <= start + rest) as u64;
        let most = (0..).zip(&times).map(|(before, start)| until(*start) - before).max();
        days * of_a_day + most.unwrap_or_default()
    }

    fn times_of_a_day(&self) -> impl Iterator<Item = NaiveTime> + Clone + '_ {
        std::iter::successors(self.first_time(), |at| {
            let after = at.overflowing_add_signed(TimeDelta::minutes(1));
            if after.1 == 0 { self.time_from(after.0.hour(), after.0.minute()) } else { None }
        })
    }

    /// Whether no hour is left out.
    pub(super) fn is_on_every_hour(&self) -> bool {
        self.hours.count_ones() == 24
    }

    fn is_on(&self, day: NaiveDate) -> bool {
        let weekday = Weekday::from_days_from_sunday(day.weekday().num_days_from_sunday());
        let matches = self.days.day_match(day.year(), day.month(), day.day(), weekday);
        self.is_in(day.month()) && matches.unwrap_or(false)
    }

    fn is_in(&self, month: u32) -> bool {
        self.days.month_match(month).unwrap_or(false)
    }

    /// The next day, or the first of the next month if this month is not meant.
    fn next_candidate(&self, day: NaiveDate) -> Option<NaiveDate> {
        if self.is_in(day.month()) {
            day.checked_add_days(Days::new(1))
        } else {
            day.with_day(1)?.checked_add_months(Months::new(1))
        }
    }

    fn time_from(&self, hour: u32, minute: u32) -> Option<NaiveTime> {
        if self.hours >> hour & 1 == 1
            && let Some(minute) = first_bit(self.minutes >> minute << minute)
        {
            return time(hour, minute);
        }
        // Beyond 23 nothing is set.
        let later = u64::from(self.hours) >> (hour + 1) << (hour + 1);
        time(first_bit(later)?, first_bit(self.minutes)?)
    }
}

/// The fields behind a name such as `@hourly`, or the fields themselves.
fn named(capitals: &str) -> Result<&str, ScheduleError> {
    match capitals.trim() {
        "@REBOOT" => Err(ScheduleError::Reboot),
        "@YEARLY" | "@ANNUALLY" => Ok("0 0 1 1 *"),
        "@MONTHLY" => Ok("0 0 1 * *"),
        "@WEEKLY" => Ok("0 0 * * 0"),
        "@DAILY" | "@MIDNIGHT" => Ok("0 0 * * *"),
        "@HOURLY" => Ok("0 * * * *"),
        name if name.starts_with('@') => Err(ScheduleError::UnknownName),
        fields => Ok(fields),
    }
}

/// Without what is not needed to tell days: the years alone take 5 KB.
fn slim(mut pattern: CronPattern) -> CronPattern {
    let nothing = || CronComponent::new(0, 0, 0, 0);
    (pattern.seconds, pattern.minutes, pattern.hours) = (nothing(), nothing(), nothing());
    pattern.years = nothing();
    pattern
}

fn bits(component: &CronComponent) -> u64 {
    component.values().into_iter().fold(0, |bits, value| bits | 1 << value)
}

fn first_bit(bits: u64) -> Option<u32> {
    (bits != 0).then(|| bits.trailing_zeros())
}

fn time(hour: u32, minute: u32) -> Option<NaiveTime> {
    NaiveTime::from_hms_opt(hour, minute, 0)
}

const MINUTES_OF_A_DAY: u64 = 24 * 60;
/// After 400 years the calendar repeats itself, weekdays included: what did not match until then never does.
const CALENDAR_REPEATS: Months = Months::new(400 * 12);
