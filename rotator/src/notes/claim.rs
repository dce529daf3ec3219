//! Saying that a login is about to be sent.

use std::fmt;

use chrono::TimeDelta;
use tokenferry_sources::{Timestamp, parse_rfc3339, rfc3339};

use super::fingerprint::{Fingerprint, Salt};

/// A login that is under way, so that nobody else sends the same one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    /// Whoever made it has died if nothing has come of it by then.
    until: Timestamp,
    login: Fingerprint,
}

impl Claim {
    /// For a login with this material.
    pub fn new(until: Timestamp, salt: Salt, material: &[u8]) -> Self {
        Claim { until, login: Fingerprint::of(salt, material) }
    }

    /// Whether a login with this material is under way. One that would last for very long was made by another clock.
    pub fn holds(&self, material: &[u8], now: Timestamp) -> bool {
        let left = self.until - now;
        left > TimeDelta::zero() && left < LONGEST && self.login.fits(material)
    }

    /// Reads `UNTIL FINGERPRINT`. `None` if it is nothing of that kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (until, login) = text.split_once(' ')?;
        Some(Claim { until: parse_rfc3339(until)?, login: Fingerprint::parse(login)? })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", rfc3339(self.until), self.login)
    }
}

const LONGEST: TimeDelta = TimeDelta::minutes(15);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn claim(seconds: i64) -> Claim {
        Claim::new(NOW + TimeDelta::seconds(seconds), Salt::of(["anna"]), b"hunter2")
    }

    #[test]
    fn a_claim_survives_writing_and_holds_for_its_login_until_its_time() {
        let read = Claim::parse(&claim(60).to_string()).unwrap();
        assert_eq!(read, claim(60));
        assert!(read.holds(b"hunter2", NOW));
        assert!(!read.holds(b"hunter3", NOW));
        assert!(!read.holds(b"hunter2", NOW + TimeDelta::seconds(60)));
    }

    #[test]
    fn a_claim_of_a_clock_that_was_far_ahead_holds_nobody_up() {
        assert!(!claim(3600).holds(b"hunter2", NOW));
    }

    #[test]
    fn garbage_is_no_claim() {
        let known = claim(60).to_string();
        for text in
            ["", " ", "1970-01-01T00:01:00Z", "x 00:11", &known.replace(' ', ""), &format!("{known}0")]
        {
            assert_eq!(Claim::parse(text), None, "{text}");
        }
    }
}
