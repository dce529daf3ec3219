//! The operating systems of devices, by the vendor's codes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::nearest::did_you_mean;

/// An operating system.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "each is the system of that name")]
pub enum OsType {
    Ios,
    Android,
    Windows,
    MacOs,
    Linux,
}

/// The word is no operating system; one of them may have been meant.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "there is no such operating system; {0} must be one of `ios`, `android`, `windows`, `macos`, `linux`"
)]
pub struct UnknownOsType(String);

impl OsType {
    /// All of them, in the order of their codes, which begin with 1.
    pub const ALL: &'static [OsType] =
        &[OsType::Ios, OsType::Android, OsType::Windows, OsType::MacOs, OsType::Linux];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            OsType::Ios => "ios",
            OsType::Android => "android",
            OsType::Windows => "windows",
            OsType::MacOs => "macos",
            OsType::Linux => "linux",
        }
    }

    /// Its number in the API.
    pub const fn code(self) -> u8 {
        match self {
            OsType::Ios => 1,
            OsType::Android => 2,
            OsType::Windows => 3,
            OsType::MacOs => 4,
            OsType::Linux => 5,
        }
    }
}

impl fmt::Display for OsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OsType {
    type Err = UnknownOsType;

    /// Reads the name, in capitals or not, or the number.
    fn from_str(text: &str) -> Result<Self, UnknownOsType> {
        let is_meant = |os: &&OsType| os.name().eq_ignore_ascii_case(text) || os.code().to_string() == text;
        OsType::ALL.iter().find(is_meant).copied().ok_or_else(|| {
            let names: Vec<&'static str> = OsType::ALL.iter().map(|os| os.name()).collect();
            UnknownOsType(did_you_mean(text, &names))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of section 5 of the fact sheet.
    #[test]
    fn names_and_codes_mean_the_same() {
        let cases = [("iOS", 1), ("ANDROID", 2), ("windows", 3), ("macOS", 4), ("Linux", 5)];
        for (name, code) in cases {
            assert_eq!(name.parse::<OsType>().unwrap().code(), code);
            assert_eq!(code.to_string().parse::<OsType>(), name.parse());
        }
        assert!(["", "0", "6", "win", "03"].iter().all(|text| text.parse::<OsType>().is_err()));
    }
}
