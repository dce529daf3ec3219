//! When a Zscaler token ends: the login does not say, the token may.

use std::time::Duration;

use crate::clock::later;
use crate::jwt::Times;
use crate::{Expiry, Timestamp};

/// The expiry of a token, or the end it states if that has passed already by the issuer's own clock.
pub(super) fn expiry(token: &str, arrival: Arrival, ttl: Option<Duration>) -> Result<Expiry, Timestamp> {
    let assumed = ttl.and_then(|ttl| later(arrival.at, ttl));
    let stated = Times::of(token).and_then(|times| Some((times, timestamp(times.ends)?)));
    let Some((times, stated)) = stated else {
        return Ok(assumed.map_or(Expiry::Unknown, Expiry::Assumed));
    };
    let issued_now = times.issued.filter(|issued| times.ends > *issued);
    let over = match (arrival.issuer_time, issued_now) {
        (Some(issuer_time), _) => stated <= issuer_time,
        (None, Some(_)) => false,
        (None, None) => stated <= arrival.at,
    };
    if over {
        return Err(stated);
    }
    let end = match issued_now {
        // The life counts from now on, so that a wrong clock on either side does no harm.
        Some(issued) => after(arrival.at, times.ends - issued),
        None if stated > arrival.at => stated,
        None => arrival.issuer_time.map_or(stated, |time| arrival.at + (stated - time)),
    };
    Ok(Expiry::Reported(assumed.map_or(end, |assumed| end.min(assumed))))
}

/// When a token arrived, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: Timestamp,
    /// What the issuer's answer gave as its time.
    pub(super) issuer_time: Option<Timestamp>,
}

fn after(from: Timestamp, seconds: f64) -> Timestamp {
    let life = Duration::try_from_secs_f64(seconds.floor()).unwrap_or(Duration::MAX);
    later(from, life).unwrap_or(Timestamp::MAX_UTC)
}

/// Downwards, if anything: a token is better believed dead too early than too late.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of floats saturates, and chrono refuses the rest"
)]
fn timestamp(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_timestamp(seconds.floor() as i64, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::tests::token;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + secs, 0).unwrap()
    }

    fn of(claims: &str, ttl: Option<u64>) -> Result<Expiry, Timestamp> {
        expiry(&token(claims), arrival(None), ttl.map(Duration::from_secs))
    }

    fn arrival(issuer_secs: Option<i64>) -> Arrival {
        Arrival { at: at(0), issuer_time: issuer_secs.map(at) }
    }

    #[test]
    fn the_token_itself_says_when_it_ends() {
        assert_eq!(of(r#"{"exp":1800003600}"#, None), Ok(Expiry::Reported(at(3600))));
        assert_eq!(of(r#"{"exp":1800003600.9}"#, None), Ok(Expiry::Reported(at(3600))));
    }

    #[test]
    fn a_skewed_clock_does_no_harm_if_the_token_says_when_it_was_issued() {
        let behind = r#"{"iat":1799990000,"exp":1799993600}"#;
        assert_eq!(of(behind, None), Ok(Expiry::Reported(at(3600))));
        let ahead = r#"{"iat":1800010000,"exp":1800010600}"#;
        assert_eq!(of(ahead, None), Ok(Expiry::Reported(at(600))));
    }

    #[test]
    fn a_skewed_clock_is_told_from_an_old_token_by_the_time_of_the_answer() {
        let old = token(r#"{"iat":1799990000,"exp":1799993600}"#);
        assert_eq!(expiry(&old, arrival(Some(0)), None), Err(at(-6400)));
        assert_eq!(expiry(&old, arrival(Some(-10_000)), None), Ok(Expiry::Reported(at(3600))));
        let end_alone = token(r#"{"exp":1799999900}"#);
        assert_eq!(expiry(&end_alone, arrival(Some(-1000)), None), Ok(Expiry::Reported(at(900))));
        assert_eq!(expiry(&end_alone, arrival(Some(0)), None), Err(at(-100)));
    }

    #[test]
    fn the_configured_life_can_only_shorten_what_is_stated() {
        assert_eq!(of(r#"{"exp":1800003600}"#, Some(600)), Ok(Expiry::Reported(at(600))));
        assert_eq!(of(r#"{"exp":1800003600}"#, Some(7200)), Ok(Expiry::Reported(at(3600))));
    }

    #[test]
    fn without_a_stated_end_it_is_assumed_or_unknown() {
        for text in ["eyJraWQiOiJ4In0", "opaque", &token("{}"), &token(r#"{"exp":1e300}"#)] {
            assert_eq!(expiry(text, arrival(None), None), Ok(Expiry::Unknown), "{text}");
            let ttl = Some(Duration::from_secs(900));
            assert_eq!(expiry(text, arrival(None), ttl), Ok(Expiry::Assumed(at(900))), "{text}");
        }
    }

    #[test]
    fn a_token_that_is_over_on_arrival_is_told_apart() {
        assert_eq!(of(r#"{"exp":1799999999}"#, Some(600)), Err(at(-1)));
        assert_eq!(of(r#"{"iat":1799999999,"exp":1799999999}"#, None), Err(at(-1)));
        assert_eq!(of(r#"{"exp":-1}"#, None).unwrap_err().timestamp(), -1);
    }
}
