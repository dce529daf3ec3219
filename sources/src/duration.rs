//! Durations as users write them: `90s`, `1h30m`, `500ms`.

use std::time::Duration;

use thiserror::Error;

/// Why a text is not a duration.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DurationError {
    /// Nothing was written.
    #[error("it is empty; write a number and a unit, as in \"90s\" or \"1h30m\"")]
    Empty,
    /// A minus sign.
    #[error("it is negative; a duration here is a number and a unit, as in \"90s\" or \"1h30m\"")]
    Negative,
    /// A number without its unit.
    #[error(
        "it has a number without a unit; write \"{0}s\" if seconds are meant; the units are ms, s, m and h"
    )]
    NoUnit(String),
    /// A number without its unit, after others that have one.
    #[error("its last number has no unit; write it in full, as in \"{0}\"; the units are ms, s, m and h")]
    NoLastUnit(String),
    /// Something where a number should be.
    #[error("it has no number where one is expected; write a number and a unit, as in \"90s\" or \"1h30m\"")]
    NoNumber,
    /// More than can be counted.
    #[error("it is too long; the longest duration is about 500 years")]
    TooLong,
    /// A unit that does not exist.
    #[error("`{0}` is no unit; the units are ms, s, m and h, as in \"90s\" or \"1h30m\"")]
    UnknownUnit(String),
    /// What is meant is clear, but it has to be written otherwise: in this way.
    #[error("write \"{0}\": each number is followed, without a blank, by one of the units ms, s, m and h")]
    Wording(String),
}

/// Reads a duration: one or more numbers, each with its unit, as in `90s`, `1h30m`, `1.5h` or `500ms`.
///
/// # Errors
/// Says what is wrong and what would be right. The text itself is not repeated.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    strict(text).map_err(|error| match error {
        DurationError::NoUnit(_) => with_last_unit(text).map_or(error, DurationError::NoLastUnit),
        DurationError::NoNumber | DurationError::UnknownUnit(_) => {
            reworded(text).map_or(error, DurationError::Wording)
        }
        other => other,
    })
}

fn strict(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text.trim();
    match rest.chars().next() {
        None => return Err(DurationError::Empty),
        Some('-') => return Err(DurationError::Negative),
        // The one number that means the same in every unit.
        Some('0') if rest == "0" => return Ok(Duration::ZERO),
        Some(_) => {}
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = split_at(rest, |c| !is_number(c));
        let (unit, after) = split_at(after, |c| is_number(c) || c == ' ');
        nanos = nanos.saturating_add(part(number, unit, after)?);
        rest = after;
    }
    match u64::try_from(nanos) {
        Ok(nanos) => Ok(Duration::from_nanos(nanos)),
        Err(_) => Err(DurationError::TooLong),
    }
}

/// The right form of what was written with blanks or with the names of units, as in `10 days`.
fn reworded(text: &str) -> Option<String> {
    let mut right = String::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (number, after) = split_at(rest, |c| !is_number(c));
        let (word, after) = split_at(after.trim_start(), |c| !c.is_alphabetic());
        match word.to_lowercase().as_str() {
            "ms" | "millisecond" | "milliseconds" => right.extend([number, "ms"]),
            "s" | "sec" | "secs" | "second" | "seconds" => right.extend([number, "s"]),
            "m" | "min" | "mins" | "minute" | "minutes" => right.extend([number, "m"]),
            "h" | "hr" | "hrs" | "hour" | "hours" => right.extend([number, "h"]),
            "d" | "day" | "days" => right.push_str(&days(number)?),
            _ => return None,
        }
        rest = after.trim_start_matches([' ', ',']);
    }
    strict(&right).ok().map(|_| right)
}

/// The same with the next smaller unit at its end, where only that is missing.
fn with_last_unit(text: &str) -> Option<String> {
    let text = text.trim();
    let unit = match text.trim_end_matches(is_number).chars().last()? {
        'h' => "m",
        'm' => "s",
        _ => "ms",
    };
    let right = format!("{text}{unit}");
    (right.len() <= LONGEST_SHOWN && strict(&right).is_ok()).then_some(right)
}

/// Days in hours, or in minutes where they are no whole hours.
fn days(number: &str) -> Option<String> {
    let nanos = part(number, "h", "").ok()?.checked_mul(24)?;
    let minutes = nanos / NANOS_IN_MINUTE;
    nanos.is_multiple_of(NANOS_IN_MINUTE).then(|| {
        if minutes.is_multiple_of(60) { format!("{}h", minutes / 60) } else { format!("{minutes}m") }
    })
}

/// Whole seconds with their unit, for messages.
pub(crate) fn in_seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

/// Nanoseconds in one number with its unit. Reckoned in integers: `1.1h` is exactly 66 minutes.
fn part(number: &str, unit: &str, after: &str) -> Result<u128, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(DurationError::NoNumber);
    }
    let scale = match unit {
        "h" => 60 * NANOS_IN_MINUTE,
        "m" => NANOS_IN_MINUTE,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ns" => 1,
        "" => return Err(no_unit(number, after)),
        other => return Err(DurationError::UnknownUnit(shown(other))),
    };
    let whole = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let (_, fraction) = fraction.chars().fold((scale, 0u128), |(step, sum), digit| {
        let step = step / 10;
        (step, sum + step * u128::from(digit.to_digit(10).unwrap_or(0)))
    });
    Ok(u128::saturating_mul(whole, scale).saturating_add(fraction))
}

/// Seconds are what is meant only where there is not another word.
fn no_unit(number: &str, after: &str) -> DurationError {
    match split_at(after.trim_start(), |c| !c.is_alphabetic()) {
        ("", _) => DurationError::NoUnit(number.chars().take(20).collect()),
        (word, _) => DurationError::UnknownUnit(shown(word)),
    }
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

fn shown(unit: &str) -> String {
    unit.chars().filter(|c| !c.is_control()).take(10).collect()
}

fn split_at(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

const LONGEST_SHOWN: usize = 20;
const NANOS_IN_MINUTE: u128 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("500ms", 500),
            ("1.1h", 3_960_000),
            (".5s", 500),
            ("0s", 0),
            ("0", 0),
            ("1m0.5s", 60_500),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("1500us"), Ok(Duration::from_micros(1500)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_what_is_right() {
        let cases = [
            ("", "it is empty; write a number and a unit, as in \"90s\" or \"1h30m\""),
            (
                "300",
                "it has a number without a unit; write \"300s\" if seconds are meant; the units are ms, s, m and h",
            ),
            (
                "1h30",
                "its last number has no unit; write it in full, as in \"1h30m\"; the units are ms, s, m and h",
            ),
            ("-5s", "it is negative; a duration here is a number and a unit, as in \"90s\" or \"1h30m\""),
            (
                "15 minutes",
                "write \"15m\": each number is followed, without a blank, by one of the units ms, s, m and h",
            ),
            ("2 weeks", "`weeks` is no unit; the units are ms, s, m and h, as in \"90s\" or \"1h30m\""),
            ("2weeks", "`weeks` is no unit; the units are ms, s, m and h, as in \"90s\" or \"1h30m\""),
            (
                "soon",
                "it has no number where one is expected; write a number and a unit, as in \"90s\" or \"1h30m\"",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse_duration(text).unwrap_err().to_string(), message, "{text}");
        }
        for text in [
            "1.2.3s",
            "1.2.3 days",
            "0.0001 days",
            "5 0",
            "99999999999999999999 days",
            "5 minutes and more",
            ".s",
            "1h 30m",
            "99999999999999999999h",
            "9999999h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_clear_but_written_otherwise_gets_its_right_form() {
        let cases = [
            ("15 m", "15m"),
            ("15minutes", "15m"),
            ("1 min", "1m"),
            ("90 sec", "90s"),
            ("2 Seconds", "2s"),
            ("1 hour, 30 minutes", "1h30m"),
            ("1h 30m", "1h30m"),
            ("10 days", "240h"),
            ("2d", "48h"),
            ("1.5 days", "36h"),
            ("0.05 day", "72m"),
        ];
        for (text, right) in cases {
            assert_eq!(parse_duration(text), Err(DurationError::Wording(right.to_owned())), "{text}");
        }
    }
}
