//! How many logins a source may make in a time, as in `100/h`.

use std::fmt;
use std::time::Duration;

/// At most so many logins in any period of this length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    logins: u32,
    unit: Unit,
}

/// The length of the period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Rate {
    /// Reads a number of logins and a unit with a slash between them, and nothing else. `None` if it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let (logins, unit) = text.split_once('/')?;
        // `parse` would take a sign and zeros before the number, too.
        let logins = Some(logins).filter(|logins| logins.starts_with(|c| matches!(c, '1'..='9')))?;
        let logins = logins.parse().ok().filter(|logins| *logins <= MOST_LOGINS)?;
        let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        Some(Rate { logins, unit })
    }

    /// How many logins.
    pub fn logins(self) -> u32 {
        self.logins
    }

    /// In how long a time.
    pub fn period(self) -> Duration {
        Duration::from_secs(match self.unit {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
            Unit::Day => 86_400,
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, unit)| *unit == self.unit).map_or("", |(name, _)| *name);
        write!(f, "{}/{unit}", self.logins)
    }
}

/// More than this is no limit.
pub const MOST_LOGINS: u32 = 1_000_000;

const UNITS: [(&str, Unit); 4] =
    [("s", Unit::Second), ("m", Unit::Minute), ("h", Unit::Hour), ("d", Unit::Day)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        for (text, logins, secs) in
            [("100/h", 100, 3600), ("1/s", 1, 1), ("20/m", 20, 60), ("9/d", 9, 86_400)]
        {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.logins(), rate.period().as_secs()), (logins, secs));
            assert_eq!(rate.to_string(), text);
        }
    }

    #[test]
    fn there_is_one_form_only() {
        let others = [
            "",
            "/",
            "100",
            "/h",
            "0/h",
            "-1/h",
            "+1/h",
            "01/h",
            "1.5/h",
            "100/hour",
            "100 / h",
            "100/H",
            "100/h ",
            "100 per hour",
            "1000001/h",
            "100/1h",
            "1/h/h",
            "99999999999999999999/h",
        ];
        for text in others {
            assert_eq!(Rate::parse(text), None, "{text:?}");
        }
    }
}
