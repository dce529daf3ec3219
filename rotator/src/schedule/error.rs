//! Why a text is not a schedule. What was written is never repeated: it might be a secret in the wrong place.

use thiserror::Error;

/// Why an expression and a time zone are not a schedule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// One of the five fields is wrong.
    #[error("its {field} is wrong: {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong and what is right.
        problem: FieldProblem,
    },
    /// More or fewer than five fields.
    #[error(
        "it has {0} fields; a crontab(5) expression has five (minute, hour, day of the month, month, weekday), as in \
         \"*/30 * * * *\", without seconds and years, or is a name such as @hourly"
    )]
    FieldCount(usize),
    /// It names no time that ever comes, as 30 February.
    #[error(
        "it never fires: no day of any year is meant by its day of the month, month and weekday together"
    )]
    Never,
    /// `@reboot`.
    #[error(
        "@reboot is not a time; at its start the program logs in only where a token is due, and a schedule such as \
         @daily or \"0 3 * * *\" says when that is"
    )]
    Reboot,
    /// The time zone does not exist.
    #[error(
        "it is no time zone; write a name of the IANA list, such as \"UTC\" or \"Europe/Berlin\", case included"
    )]
    TimeZone,
    /// Another name with `@`.
    #[error(
        "it is no known name; the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"
    )]
    UnknownName,
    /// Every field is fine, and still the engine does not take it.
    #[error("it cannot be read; a crontab(5) expression looks like \"*/30 * * * *\" or \"0 3 * * MON-FRI\"")]
    Unreadable,
}

impl ScheduleError {
    /// Whether the time zone is to blame, and not the expression.
    pub fn is_time_zone(&self) -> bool {
        matches!(self, ScheduleError::TimeZone)
    }
}

/// What is wrong with a field, and what is right.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FieldProblem {
    /// Nothing before, between or after commas.
    #[error("a value is missing next to a comma")]
    Empty,
    /// `L` and `LW` in one list.
    #[error(
        "L (the last day) and LW (the last weekday) cannot stand together; write two rotations or one of them"
    )]
    LastTwice,
    /// Something that is no value of this field.
    #[error("it takes {0}")]
    NotAValue(&'static str),
    /// A number that this field does not have.
    #[error("its values go from {min} to {max}")]
    OutOfRange {
        /// The least.
        min: u8,
        /// The greatest.
        max: u8,
    },
    /// `22-2`.
    #[error("a range ends before it begins; split it at the turn, as in \"22-23,0-2\" for hours")]
    Reversed,
    /// `*` beside other values.
    #[error("`*` means every value and cannot stand in a list")]
    StarInList,
    /// `*/90` in minutes.
    #[error("a step is a number from 1 to {max} here")]
    Step {
        /// The greatest that has a meaning.
        max: u8,
    },
    /// `5/10`.
    #[error("a step follows `*` or a range, as in \"*/10\" or \"5-59/10\"")]
    StepAlone,
}
