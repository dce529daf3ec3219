//! How long a system asks to wait.

use std::time::Duration;

use super::message::{Answer, http_date};
use crate::Timestamp;

/// What the headers of an answer that means this status ask for, with the second that is added to be safe.
pub(super) fn asked(answer: &Answer, meant: u16) -> Option<Duration> {
    // Some gateways tell the end of the current window with every answer, which is no reason to wait for it.
    if meant == 429 { asked_by_limit(answer) } else { asked_by_retry_after(answer) }
}

fn asked_by_limit(answer: &Answer) -> Option<Duration> {
    asked_by_retry_after(answer)
        .or_else(|| Some(seconds(answer.header("x-rate-limit-retry-after-seconds")?)? + MARGIN))
        .or_else(|| Some(seconds(answer.header("ratelimit-reset")?)? + MARGIN))
        .or_else(|| Some(seconds(answer.header("x-ratelimit-reset")?)? + MARGIN))
}

fn asked_by_retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.header("retry-after")?;
    let wait = seconds(text).or_else(|| until(text, answer.date().unwrap_or(answer.received_at)))?;
    Some(wait + MARGIN)
}

/// The wait before the next try where nobody asks for one: 1 s, doubled each time, and a random quarter more.
pub(super) fn backoff(tries_made: u32) -> Duration {
    let step = BACKOFF * 2u32.saturating_pow(tries_made.saturating_sub(1));
    step + step.mul_f64(fastrand::f64() / 4.0)
}

/// The second that is added to every wait a system asks for, in case it rounds down.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// An integer at the start, in seconds: gateways write `13`, `13s` and `"0 seconds"`.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim_start_matches([' ', '\t', '"']);
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if digits.is_empty() || rest.starts_with(':') {
        return None;
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)).min(LONGEST))
}

/// The time until an HTTP date; nothing if it has passed.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    Some((http_date(text)? - now).to_std().unwrap_or_default().min(LONGEST))
}

const BACKOFF: Duration = Duration::from_secs(1);
/// Beyond any sense, but still within the calendar.
const LONGEST: Duration = Duration::from_hours(8784);

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use zeroize::Zeroizing;

    use super::*;

    fn asked_by(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let received_at = chrono::DateTime::parse_from_rfc3339("2026-11-06T08:49:00Z").unwrap().to_utc();
        let answer = Answer {
            path: "/".into(),
            status: StatusCode::OK,
            headers,
            body: Zeroizing::new(Vec::new()),
            received_at,
            spent: Duration::ZERO,
            waited: Duration::ZERO,
        };
        asked(&answer, 429).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_first_header_that_can_be_read_decides_and_a_second_is_added() {
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(Headers, Option<u64>); 11] = [
            (&[("retry-after", "13")], Some(14)),
            (&[("retry-after", "13s")], Some(14)),
            (&[("retry-after", "\"0 seconds\"")], Some(1)),
            (&[("retry-after", "Fri, 06 Nov 2026 08:49:37 GMT")], Some(38)),
            (&[("retry-after", "Fri, 06 Nov 2026 08:00:00 GMT")], Some(1)),
            (&[("x-rate-limit-retry-after-seconds", "20"), ("x-ratelimit-reset", "30")], Some(21)),
            (&[("retry-after", "soon"), ("x-ratelimit-reset", "30")], Some(31)),
            (&[("retry-after", "5"), ("x-rate-limit-retry-after-seconds", "20")], Some(6)),
            (&[("ratelimit-reset", "42"), ("ratelimit-remaining", "0")], Some(43)),
            (&[("retry-after", "7"), ("ratelimit-reset", "42")], Some(8)),
            (&[("x-rate-limit-remaining", "3"), ("x-ratelimit-remaining", "7")], None),
        ];
        for (headers, wait) in cases {
            assert_eq!(asked_by(headers), wait, "{headers:?}");
        }
        assert_eq!(asked_by(&[("retry-after", "99999999999999999999")]), Some(LONGEST.as_secs() + 1));
    }

    #[test]
    fn backoff_doubles_and_never_exceeds_a_quarter_more() {
        for (tries, least) in [(1, 1.0), (2, 2.0), (3, 4.0)] {
            let wait = backoff(tries).as_secs_f64();
            assert!((least..=least * 1.25).contains(&wait), "{tries}: {wait}");
        }
    }
}
