//! When a token ends that the login says nothing about: the token itself may say it, as a JSON Web Token.

use std::time::Duration;

use chrono::TimeDelta;

use crate::clock::{in_writing, later};
use crate::jwt::Times;
use crate::transport::Answer;
use crate::{Expiry, Timestamp};

/// What is said about the end of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stated {
    /// It ends then, in Unix seconds.
    End(f64),
    /// It lives so many seconds from its arrival on.
    Life(f64),
}

impl Stated {
    /// What a token says itself.
    pub(crate) fn of_token(token: &str) -> Option<Self> {
        Some(match Times::of(token)? {
            Times { issued: Some(issued), ends } if ends > issued => Stated::Life(ends - issued),
            times => Stated::End(times.ends),
        })
    }
}

/// The expiry that follows from what was stated, or the end of the token if that has passed already.
pub(crate) fn until(
    stated: Option<Stated>,
    arrival: Arrival,
    ttl: Option<Duration>,
) -> Result<Expiry, Timestamp> {
    let assumed = ttl.and_then(|ttl| later(arrival.at, ttl));
    let reported = match stated {
        Some(Stated::Life(seconds)) if seconds < 1.0 => return Err(arrival.at),
        Some(Stated::Life(seconds)) => life_from(arrival.at, seconds),
        Some(Stated::End(seconds)) => {
            timestamp(seconds).map(|end| still_to_come(end, arrival)).transpose()?
        }
        None => None,
    };
    Ok(match (reported, assumed) {
        (Some(end), assumed) => Expiry::Reported(assumed.map_or(end, |assumed| end.min(assumed))),
        (None, Some(assumed)) => Expiry::Assumed(assumed),
        (None, None) => Expiry::Unknown,
    })
}

/// The life counts from the arrival on, whatever the clocks show: those of this machine, of the web server and of
/// the signer of the token may all differ.
fn life_from(arrived: Timestamp, seconds: f64) -> Option<Timestamp> {
    later(arrived, Duration::try_from_secs_f64(seconds.floor()).ok()?)
}

/// An end that stands alone is held against the issuer's clock, or against ours where the issuer shows none.
pub(crate) fn still_to_come(end: Timestamp, arrival: Arrival) -> Result<Timestamp, Timestamp> {
    let now = arrival.issuer_time.unwrap_or(arrival.at);
    if end <= now {
        return Err(end);
    }
    let in_step = arrival.issuer_ahead().is_none_or(|ahead| IN_STEP.contains(&ahead.num_seconds()));
    Ok(if in_step && end > arrival.at { end } else { arrival.at + (end - now) })
}

/// Clocks that differ by so much are not worth another end: an answer shows whole seconds, and it takes a while to
/// come. Behind that, an issuer whose clock is ahead would let us believe in a token for too long.
const IN_STEP: std::ops::RangeInclusive<i64> = -60..=2;

/// When a token arrived, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    /// What the issuer's answer gave as its time.
    pub(crate) issuer_time: Option<Timestamp>,
}

impl Arrival {
    pub(crate) fn of(answer: &Answer) -> Self {
        Arrival { at: answer.received_at, issuer_time: answer.date() }
    }

    /// By how much the issuer's clock is ahead of ours.
    pub(crate) fn issuer_ahead(&self) -> Option<TimeDelta> {
        self.issuer_time.map(|shown| shown - self.at)
    }

    /// By how much the clock of whoever signed the token is ahead of ours. It can only be told if it is: a token that
    /// was issued a while ago may have been kept somewhere.
    pub(crate) fn signer_ahead(&self, token: &str) -> Option<TimeDelta> {
        let issued = Times::of(token)?.issued.and_then(timestamp)?;
        Some(issued - self.at).filter(|ahead| *ahead > TimeDelta::zero())
    }
}

/// Downwards, if anything: a token is better believed dead too early than too late.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of floats saturates, and what is out of reach is refused"
)]
pub(crate) fn timestamp(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_timestamp(seconds.floor() as i64, 0).and_then(in_writing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::tests::token;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + secs, 0).unwrap()
    }

    fn expiry(token: &str, arrival: Arrival, ttl: Option<Duration>) -> Result<Expiry, Timestamp> {
        until(Stated::of_token(token), arrival, ttl)
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
    fn a_life_is_not_held_against_any_clock() {
        let old = token(r#"{"iat":1799990000,"exp":1799993600}"#);
        for issuer_time in [None, Some(0), Some(-10_000), Some(10_000)] {
            assert_eq!(expiry(&old, arrival(issuer_time), None), Ok(Expiry::Reported(at(3600))));
        }
    }

    #[test]
    fn an_end_alone_is_held_against_the_time_of_the_answer() {
        let end_alone = token(r#"{"exp":1799999900}"#);
        assert_eq!(expiry(&end_alone, arrival(Some(-1000)), None), Ok(Expiry::Reported(at(900))));
        assert_eq!(expiry(&end_alone, arrival(Some(0)), None), Err(at(-100)));
        assert_eq!(expiry(&end_alone, arrival(None), None), Err(at(-100)));
    }

    #[test]
    fn an_end_alone_is_the_same_while_after_it_was_issued_whatever_our_clock_shows() {
        let end_alone = token(r#"{"exp":1800000600}"#);
        let left = |issuer_secs| match expiry(&end_alone, arrival(Some(issuer_secs)), None) {
            Ok(Expiry::Reported(end)) => (end - at(0)).num_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!([-3600, -61, 3, 300].map(left), [4200, 661, 597, 300]);
        assert_eq!([-60, -1, 0, 2].map(left), [600; 4], "what a second or a slow answer makes is not skew");
    }

    #[test]
    fn the_clock_of_the_issuer_is_read_off_its_answer_or_off_a_token_from_the_future() {
        assert_eq!(arrival(Some(90)).issuer_ahead(), Some(TimeDelta::seconds(90)));
        let signed =
            |iat: i64| arrival(None).signer_ahead(&token(&format!(r#"{{"iat":{iat},"exp":1900000000}}"#)));
        assert_eq!(signed(1_800_000_300), Some(TimeDelta::seconds(300)));
        assert_eq!(signed(1_799_990_000), None, "it may have been kept somewhere");
    }

    #[test]
    fn an_end_that_cannot_be_written_down_counts_as_not_stated() {
        let last = r#"{"exp":253402300799}"#;
        assert_eq!(
            crate::rfc3339(match of(last, None) {
                Ok(Expiry::Reported(at)) => at,
                other => panic!("{other:?}"),
            }),
            "9999-12-31T23:59:59Z"
        );
        let (millis, life) = (r#"{"exp":1800003600000}"#, r#"{"iat":0,"exp":253402300799}"#);
        for claims in [millis, life, r#"{"exp":253402300800}"#, r#"{"exp":-99999999999}"#] {
            assert_eq!(of(claims, None), Ok(Expiry::Unknown), "{claims}");
            assert_eq!(of(claims, Some(900)), Ok(Expiry::Assumed(at(900))), "{claims}");
        }
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
            let ttl = Some(Duration::from_mins(15));
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
