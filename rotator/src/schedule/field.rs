//! The grammar of the five fields. croner takes more than crontab(5) knows (`1,,2`, names in any field, `*/90`), and
//! its errors do not say which field is wrong.

use super::{FieldProblem, ScheduleError};

/// The five fields, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Field {
    Minute,
    Hour,
    DayOfMonth,
    Month,
    Weekday,
}

impl Field {
    pub(super) const ALL: [Field; 5] =
        [Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::Weekday];

    /// Checks what stands in this field, in capital letters.
    pub(super) fn check(self, text: &str) -> Result<(), ScheduleError> {
        self.list(text).map_err(|problem| ScheduleError::Field { field: self.name(), problem })
    }

    fn list(self, text: &str) -> Result<(), FieldProblem> {
        let is_day = matches!(self, Field::DayOfMonth | Field::Weekday);
        if text == "*" || (text == "?" && is_day) {
            return Ok(());
        }
        let has = |wanted: &str| text.split(',').any(|item| item == wanted);
        if has("L") && has("LW") {
            return Err(FieldProblem::LastTwice);
        }
        text.split(',').try_for_each(|item| self.item(item))
    }

    fn item(self, item: &str) -> Result<(), FieldProblem> {
        match (self, item) {
            (_, "") => return Err(FieldProblem::Empty),
            (_, "*") => return Err(FieldProblem::StarInList),
            (Field::DayOfMonth, "L" | "LW") => return Ok(()),
            _ => {}
        }
        if let Some(day) = self.with_modifier(item) {
            return self.value(day?).map(drop);
        }
        match item.split_once('/') {
            Some(("*", step)) => self.step(step),
            Some((range, step)) => {
                let (first, last) = range.split_once('-').ok_or(FieldProblem::StepAlone)?;
                self.range(first, last)?;
                self.step(step)
            }
            None => match item.split_once('-') {
                Some((first, last)) => self.range(first, last),
                None => self.value(item).map(drop),
            },
        }
    }

    /// The day in `15W`, `5L`, `5#L` and `5#2`.
    fn with_modifier(self, item: &str) -> Option<Result<&str, FieldProblem>> {
        match self {
            Field::DayOfMonth => item.strip_suffix('W').map(Ok),
            Field::Weekday => match item.split_once('#') {
                Some((day, "1" | "2" | "3" | "4" | "5" | "L")) => Some(Ok(day)),
                Some(_) => Some(Err(FieldProblem::NotAValue(self.takes()))),
                None => item.strip_suffix('L').map(Ok),
            },
            _ => None,
        }
    }

    fn range(self, first: &str, last: &str) -> Result<(), FieldProblem> {
        // At the end of a range Sunday is the seventh day.
        let last = if self == Field::Weekday && last == "SUN" { "7" } else { last };
        if self.value(first)? > self.value(last)? { Err(FieldProblem::Reversed) } else { Ok(()) }
    }

    fn step(self, step: &str) -> Result<(), FieldProblem> {
        // A step as wide as the field means its first value; a wider one would mean the same, which nobody expects.
        let max = match self {
            Field::Minute => 60,
            Field::Hour => 24,
            Field::DayOfMonth => 31,
            Field::Month => 12,
            Field::Weekday => 7,
        };
        match number(step) {
            Some(step) if (1..=max).contains(&step) => Ok(()),
            _ => Err(FieldProblem::Step { max }),
        }
    }

    fn value(self, text: &str) -> Result<u8, FieldProblem> {
        let (lowest, names): (u8, &[&str]) = match self {
            Field::Month => (1, &MONTHS),
            Field::Weekday => (0, &WEEKDAYS),
            _ => (0, &[]),
        };
        let (min, max) = self.limits();
        let by_name = (lowest..).zip(names).find_map(|(value, name)| (*name == text).then_some(value));
        match by_name.or_else(|| number(text)) {
            Some(value) if (min..=max).contains(&value) => Ok(value),
            Some(_) => Err(FieldProblem::OutOfRange { min, max }),
            None => Err(FieldProblem::NotAValue(self.takes())),
        }
    }

    fn limits(self) -> (u8, u8) {
        match self {
            Field::Minute => (0, 59),
            Field::Hour => (0, 23),
            Field::DayOfMonth => (1, 31),
            Field::Month => (1, 12),
            Field::Weekday => (0, 7),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day of the month",
            Field::Month => "month",
            Field::Weekday => "weekday",
        }
    }

    fn takes(self) -> &'static str {
        match self {
            Field::Minute => {
                "`*`, numbers from 0 to 59, ranges such as 0-29, steps such as */10, and lists of them"
            }
            Field::Hour => {
                "`*`, numbers from 0 to 23, ranges such as 8-17, steps such as */2, and lists of them"
            }
            Field::DayOfMonth => {
                "`*`, numbers from 1 to 31, ranges, steps, L (the last day), LW (the last weekday), 15W (the weekday \
                 nearest to the 15th), and lists of them"
            }
            Field::Month => {
                "`*`, numbers from 1 to 12, names from JAN to DEC, ranges, steps, and lists of them"
            }
            Field::Weekday => {
                "`*`, numbers from 0 to 7 (0 and 7 are Sunday), names from SUN to SAT, ranges, steps, FRI#2 (the \
                 second Friday), FRI#L or 5L (the last one), and lists of them"
            }
        }
    }
}

fn number(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u8::MAX))
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
