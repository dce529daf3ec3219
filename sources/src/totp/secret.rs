//! Secrets as people have them: base32 in groups of four, or an otpauth URI from a QR code.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{Algorithm, Label, Parameters};
use crate::{Timestamp, rfc3339};

/// Why a text is no secret for one-time passwords. Nothing of it is repeated.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TotpError {
    /// The URI says something else than what is set beside it.
    #[error("the otpauth URI has another `{0}` than the one that is set beside it; leave one of them out")]
    Contradiction(&'static str),
    /// A base32 text of impossible length.
    #[error("it is no complete base32 text; a part of it seems to be missing")]
    CutOff,
    /// The codes would be too short or too long.
    #[error("`digits` must be 6, 7 or 8")]
    Digits,
    /// An argument of the URI stands there twice.
    #[error("the otpauth URI has more than one `{0}`")]
    Duplicate(&'static str),
    /// Nothing was written.
    #[error("it is empty")]
    Empty,
    /// A URI for codes that follow a counter.
    #[error("the otpauth URI is not of the type `totp`; codes that follow a counter are not supported")]
    Hotp,
    /// No code ever holds that long.
    #[error(
        "a code holds for {} s only, so there is none with {} s left",
        period.as_secs(), minimum.as_secs_f64()
    )]
    MinimumTooLong {
        /// What was asked for.
        minimum: Duration,
        /// How long a code holds.
        period: Duration,
    },
    /// A text with characters that base32 does not have.
    #[error(
        "it is neither an otpauth URI nor base32, which has only the letters A to Z and the digits 2 to 7"
    )]
    NotBase32,
    /// Looks like a URI, but is none.
    #[error("it begins like an otpauth URI, but is none")]
    NotUri,
    /// A code that holds for no time, or for parts of a second, or for days.
    #[error("`period` must be a whole number of seconds, at least one, and at most a day, as in \"30s\"")]
    Period,
    /// An algorithm that RFC 6238 does not have.
    #[error("`algorithm` must be SHA1, SHA256 or SHA512")]
    UnknownAlgorithm,
    /// The next code comes later than anybody wants to wait.
    #[error(
        "the code of now is about to end, and the next one comes only at {}, which is later than in {} s", rfc3339(*next),
        max_wait.as_secs_f64()
    )]
    WaitTooLong {
        /// When the next code begins to hold.
        next: Timestamp,
        /// How long to wait at most.
        max_wait: Duration,
    },
    /// A URI without its secret.
    #[error("the otpauth URI has no `secret`")]
    WithoutSecret,
}

/// The bytes of a secret, with what the URI or the caller says about it.
pub(super) fn parse(
    secret: &SecretString,
    given: Parameters,
) -> Result<(Vec<u8>, Parameters, Label), TotpError> {
    let text = secret.expose_secret().trim();
    let (bytes, parameters, label) = match after_scheme(text) {
        Some(rest) => {
            let uri = Uri::parse(rest)?;
            (base32(&uri.secret)?, merge(given, uri.parameters)?, uri.label)
        }
        None => (base32(text)?, given, Label::default()),
    };
    check(parameters)?;
    Ok((bytes, parameters, label))
}

impl Algorithm {
    /// Reads `SHA1`, `sha-256` and the like.
    pub(super) fn parse(text: &str) -> Result<Self, TotpError> {
        match text.to_ascii_uppercase().replace(['-', '_'], "").trim_start_matches("HMAC") {
            "SHA1" => Ok(Algorithm::Sha1),
            "SHA256" => Ok(Algorithm::Sha256),
            "SHA512" => Ok(Algorithm::Sha512),
            _ => Err(TotpError::UnknownAlgorithm),
        }
    }
}

struct Uri {
    secret: Zeroizing<String>,
    parameters: Parameters,
    label: Label,
}

impl Uri {
    /// Reads what follows the scheme, piece by piece: a whole URL in memory would be one more copy of the secret.
    fn parse(rest: &str) -> Result<Self, TotpError> {
        let rest = rest.strip_prefix("//").ok_or(TotpError::NotUri)?;
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = query.split('#').next().unwrap_or_default();
        let (kind, path) = before.split_once('/').unwrap_or((before, ""));
        if !kind.eq_ignore_ascii_case("totp") {
            return Err(TotpError::Hotp);
        }
        let secret = argument(query, "secret")?.filter(|secret| !secret.is_empty());
        let period = |text: Zeroizing<String>| text.parse().map(Duration::from_secs);
        let parameters = Parameters {
            algorithm: argument(query, "algorithm")?.map(|text| Algorithm::parse(&text)).transpose()?,
            digits: argument(query, "digits")?
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| TotpError::Digits)?,
            period: argument(query, "period")?.map(period).transpose().map_err(|_| TotpError::Period)?,
        };
        let label = label(path, argument(query, "issuer")?.as_deref().map(String::as_str));
        Ok(Uri { secret: secret.ok_or(TotpError::WithoutSecret)?, parameters, label })
    }
}

fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("otpauth").then_some(rest)
}

/// The only value of an argument.
fn argument(query: &str, name: &'static str) -> Result<Option<Zeroizing<String>>, TotpError> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let value = values.next().map(|(_, value)| Zeroizing::new(value.into_owned()));
    if values.next().is_some() { Err(TotpError::Duplicate(name)) } else { Ok(value) }
}

/// `Issuer:account` stands in the path; an argument `issuer` is the newer way to say it.
fn label(path: &str, issuer: Option<&str>) -> Label {
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let (prefix, account) =
        path.split_once(':').map_or((None, &*path), |(issuer, account)| (Some(issuer), account));
    let shown = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    Label { issuer: issuer.or(prefix).and_then(shown), account: shown(account) }
}

/// What is said twice has to be the same.
fn merge(given: Parameters, uri: Parameters) -> Result<Parameters, TotpError> {
    Ok(Parameters {
        algorithm: either("algorithm", given.algorithm, uri.algorithm)?,
        digits: either("digits", given.digits, uri.digits)?,
        period: either("period", given.period, uri.period)?,
    })
}

fn either<T: PartialEq>(
    name: &'static str,
    given: Option<T>,
    uri: Option<T>,
) -> Result<Option<T>, TotpError> {
    match (given, uri) {
        (Some(given), Some(uri)) if given != uri => Err(TotpError::Contradiction(name)),
        (given, uri) => Ok(given.or(uri)),
    }
}

fn check(parameters: Parameters) -> Result<(), TotpError> {
    if parameters.digits.is_some_and(|digits| !(6..=8).contains(&digits)) {
        return Err(TotpError::Digits);
    }
    let possible =
        |period: Duration| period.subsec_nanos() == 0 && (1..=LONGEST_PERIOD).contains(&period.as_secs());
    if parameters.period.is_some_and(|period| !possible(period)) {
        return Err(TotpError::Period);
    }
    Ok(())
}

fn base32(text: &str) -> Result<Vec<u8>, TotpError> {
    let text = text.trim_end_matches(|c: char| c == '=' || c.is_whitespace());
    let mut clean = Zeroizing::new(String::with_capacity(text.len()));
    clean.extend(text.chars().filter(|c| !matches!(c, ' ' | '\t' | '-')).map(|c| c.to_ascii_uppercase()));
    if clean.is_empty() {
        return Err(TotpError::Empty);
    }
    if !clean.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')) {
        return Err(TotpError::NotBase32);
    }
    // One, three or six characters more than a multiple of eight are no whole number of bytes.
    if matches!(clean.len() % 8, 1 | 3 | 6) {
        return Err(TotpError::CutOff);
    }
    // Its copy of the text is wiped when it is dropped.
    totp_rs::Secret::Encoded(clean.to_string()).to_bytes().map_err(|_| TotpError::NotBase32)
}

const LONGEST_PERIOD: u64 = 24 * 60 * 60;
