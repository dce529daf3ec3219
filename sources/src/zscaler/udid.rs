//! The identifier of an enrolled device.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A device's UDID, as the portal shows it. Not secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Udid(Arc<str>);

/// Why a text is no UDID.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidUdid {
    /// Nothing but blanks.
    #[error("a UDID cannot be empty")]
    Empty,
    /// A line break or the like.
    #[error("a UDID cannot contain line breaks or other control characters")]
    ControlCharacter,
    /// More than the UDID.
    #[error("the UDID begins or ends with white space; take that off")]
    SurroundingSpace,
    /// Longer than any.
    #[error("a UDID has at most 256 characters")]
    TooLong,
}

impl Udid {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Udid {
    type Error = InvalidUdid;

    fn try_from(text: &str) -> Result<Self, InvalidUdid> {
        if text.trim().is_empty() {
            Err(InvalidUdid::Empty)
        } else if text.chars().any(char::is_control) {
            Err(InvalidUdid::ControlCharacter)
        } else if text.trim() != text {
            Err(InvalidUdid::SurroundingSpace)
        } else if text.chars().count() > 256 {
            Err(InvalidUdid::TooLong)
        } else {
            Ok(Udid(text.into()))
        }
    }
}

impl fmt::Display for Udid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_udid_becomes_one() {
        let mac = "1F2E3D4C-0000-1111-2222-333344445555:501";
        assert_eq!(Udid::try_from(mac).unwrap().as_str(), mac);
        assert_eq!(Udid::try_from("  "), Err(InvalidUdid::Empty));
        assert_eq!(Udid::try_from("a\n"), Err(InvalidUdid::ControlCharacter));
        assert_eq!(Udid::try_from(" a:1"), Err(InvalidUdid::SurroundingSpace));
        assert_eq!(Udid::try_from("a:1 "), Err(InvalidUdid::SurroundingSpace));
        assert!(Udid::try_from("a".repeat(256).as_str()).is_ok());
        assert_eq!(Udid::try_from("a".repeat(257).as_str()), Err(InvalidUdid::TooLong));
    }
}
