//! When a Zscaler token ends: the login does not say, the token may.

use std::time::Duration;

use crate::clock::later;
use crate::jwt::Times;
use crate::{Expiry, Timestamp};

/// The expiry of a token, or the end it states if that has passed already.
pub(super) fn expiry(
    token: &str,
    received_at: Timestamp,
    ttl: Option<Duration>,
) -> Result<Expiry, Timestamp> {
    let assumed = ttl.and_then(|ttl| later(received_at, ttl));
    let Some(stated) = Times::of(token).and_then(|times| end(times, received_at)) else {
        return Ok(assumed.map_or(Expiry::Unknown, Expiry::Assumed));
    };
    if stated <= received_at {
        return Err(stated);
    }
    Ok(Expiry::Reported(assumed.map_or(stated, |assumed| stated.min(assumed))))
}

/// With the time of issue, the life counts from now on, so that a wrong clock on either side does no harm.
fn end(times: Times, received_at: Timestamp) -> Option<Timestamp> {
    match times.issued {
        Some(issued) if times.ends > issued => {
            Duration::try_from_secs_f64(times.ends - issued).ok().and_then(|life| later(received_at, life))
        }
        _ => timestamp(times.ends),
    }
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
        expiry(&token(claims), at(0), ttl.map(Duration::from_secs))
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
    fn the_configured_life_can_only_shorten_what_is_stated() {
        assert_eq!(of(r#"{"exp":1800003600}"#, Some(600)), Ok(Expiry::Reported(at(600))));
        assert_eq!(of(r#"{"exp":1800003600}"#, Some(7200)), Ok(Expiry::Reported(at(3600))));
    }

    #[test]
    fn without_a_stated_end_it_is_assumed_or_unknown() {
        for text in ["eyJraWQiOiJ4In0", "opaque", &token("{}"), &token(r#"{"exp":1e300}"#)] {
            assert_eq!(expiry(text, at(0), None), Ok(Expiry::Unknown), "{text}");
            let ttl = Some(Duration::from_secs(900));
            assert_eq!(expiry(text, at(0), ttl), Ok(Expiry::Assumed(at(900))), "{text}");
        }
    }

    #[test]
    fn a_token_that_is_over_on_arrival_is_told_apart() {
        assert_eq!(of(r#"{"exp":1799999999}"#, Some(600)), Err(at(-1)));
        assert_eq!(of(r#"{"iat":1799999999,"exp":1799999999}"#, None), Err(at(-1)));
        assert_eq!(of(r#"{"exp":-1}"#, None).unwrap_err().timestamp(), -1);
    }
}
