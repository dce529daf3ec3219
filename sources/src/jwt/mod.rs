//! What a JSON Web Token says about itself. Nothing is verified: it is a hint, not a proof.

mod claim;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Timestamp;
use crate::expiry::timestamp;

pub use self::claim::{Claim, Claims};

/// Why nothing can be read from a text. It never shows any of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum JwtError {
    /// White space within.
    #[error("there is a blank in it: give the token alone, without `Bearer` before it")]
    Blank,
    /// Five parts.
    #[error("it is an encrypted token (JWE), whose claims nobody but its recipient can read")]
    Encrypted,
    /// The end is beyond what a date can say.
    #[error("its claim `exp` is no time up to the year 9999: it has to count seconds, not milliseconds")]
    EndOutOfReach,
    /// The end is not a number.
    #[error("its claim `exp` is not a number of seconds")]
    EndNotANumber,
    /// The middle part is not in the encoding of such tokens.
    #[error("it is not a JSON Web Token: its middle part is not base64url")]
    NotBase64,
    /// The middle part is not what claims are written in.
    #[error("it is not a JSON Web Token: its middle part is not a JSON object")]
    NotAnObject,
    /// A number that cannot be handed on as it is.
    #[error("a number in its claims is too long to be kept exactly")]
    NumberTooLong,
    /// Another number of parts.
    #[error("it is not a JSON Web Token: {found} instead of three parts with dots between them", found = parts(*.0))]
    Parts(usize),
    /// Two claims of one name.
    #[error("its claims have one name twice, and nobody can tell which is meant")]
    Repeated,
    /// More levels than anybody reads.
    #[error("its claims are nested too deep")]
    TooDeep,
    /// More text than any server takes.
    #[error("it is longer than {} KiB", LONGEST / 1024)]
    TooLong,
}

/// The claims of a token, by name.
///
/// # Errors
/// When the text is not such a token, or its claims cannot be read without loss.
pub fn claims(token: &str) -> Result<Claims, JwtError> {
    let json = middle_part(token)?;
    claim::object(std::str::from_utf8(&json).map_err(|_| JwtError::NotAnObject)?)
}

/// When a token ends, if it says so. Fractions of a second are cut off.
///
/// # Errors
/// As [`claims`], and when what it says is not a time.
pub fn expires_at(token: &str) -> Result<Option<Timestamp>, JwtError> {
    let end = match claims(token)?.remove("exp") {
        None | Some(Claim::Null) => return Ok(None),
        Some(end) => end.number().ok_or(JwtError::EndNotANumber)?,
    };
    timestamp(end).map(Some).ok_or(JwtError::EndOutOfReach)
}

/// Issue and end of a token, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    pub(crate) issued: Option<f64>,
    pub(crate) ends: f64,
}

impl Times {
    /// Read from a token that says when it ends.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let claims = claims(token).ok()?;
        let time = |name: &str| claims.get(name).and_then(Claim::number);
        Some(Times { issued: time("iat"), ends: time("exp")? })
    }
}

fn middle_part(token: &str) -> Result<Zeroizing<Vec<u8>>, JwtError> {
    // Files end with a line break.
    let token = token.trim_ascii();
    if token.len() > LONGEST {
        return Err(JwtError::TooLong);
    }
    if token.contains(char::is_whitespace) {
        return Err(JwtError::Blank);
    }
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.count()) {
        (Some(_), Some(claims), Some(_), 0) => {
            BASE64.decode(claims).map(Zeroizing::new).map_err(|_| JwtError::NotBase64)
        }
        (_, _, Some(_), 2) => Err(JwtError::Encrypted),
        _ => Err(JwtError::Parts(token.split('.').filter(|part| !part.is_empty()).count())),
    }
}

fn parts(found: usize) -> String {
    match found {
        0 => "it is empty".to_owned(),
        1 => "it has one part".to_owned(),
        more => format!("it has {more}"),
    }
}

/// Sixteen times what web servers take as headers.
const LONGEST: usize = 256 * 1024;

/// Padding is not allowed there, but some issuers write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
pub(crate) mod tests {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    pub(crate) fn token(claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn times_may_be_integers_or_floats_with_or_without_padding() {
        let times = |issued, ends| Some(Times { issued, ends });
        assert_eq!(Times::of(&token(r#"{"exp":3600}"#)), times(None, 3600.0));
        assert_eq!(Times::of(&token(r#"{"exp":3600.5,"iat":100}"#)), times(Some(100.0), 3600.5));
        for claims in [r#"{"exp":1}"#, r#"{"exp":12}"#, r#"{"exp":123,"sub":"ÿþ?>"}"#] {
            let padded = format!("e30.{}.c2ln", URL_SAFE.encode(claims));
            assert!(Times::of(&padded).is_some(), "{claims}");
        }
    }

    #[test]
    fn anything_else_has_no_times() {
        let no_end = token(r#"{"iat":100}"#);
        let text = token(r#"{"exp":"3600"}"#);
        let array = token("[]");
        for token in ["", "eyJraWQiOiJ4In0", "a.b", "a.!!.c", "a.e30.c.d", "..", &no_end, &text, &array] {
            assert_eq!(Times::of(token), None, "{token}");
        }
    }

    #[test]
    fn each_text_that_is_no_such_token_is_told_why() {
        let standard = format!("e30.{}.c2ln", STANDARD_NO_PAD.encode(r#"{"sub":"ÿþ?>"}"#));
        let cases = [
            (String::new(), JwtError::Parts(0)),
            (" \n".to_owned(), JwtError::Parts(0)),
            ("opaque".to_owned(), JwtError::Parts(1)),
            ("a.e30".to_owned(), JwtError::Parts(2)),
            ("a.e30.c.d".to_owned(), JwtError::Parts(4)),
            ("a.b.c.d.e.f".to_owned(), JwtError::Parts(6)),
            ("a.b.c.d.e".to_owned(), JwtError::Encrypted),
            ("a..c.d.e".to_owned(), JwtError::Encrypted),
            ("Bearer a.e30.c".to_owned(), JwtError::Blank),
            ("a.e3\n0.c".to_owned(), JwtError::Blank),
            ("a.!!.c".to_owned(), JwtError::NotBase64),
            (standard, JwtError::NotBase64),
            ("..".to_owned(), JwtError::NotAnObject),
            ("a._w.c".to_owned(), JwtError::NotAnObject),
            (format!("a.{}.c", "A".repeat(LONGEST)), JwtError::TooLong),
        ];
        for (text, expected) in cases {
            assert_eq!(claims(&text).err(), Some(expected), "{}", text.chars().take(30).collect::<String>());
        }
        assert!(claims("a.e30.\n").unwrap().is_empty(), "a token without a signature, from a file");
    }

    #[test]
    fn the_end_is_a_time_or_nothing_or_an_error() {
        let end = |claims: &str| expires_at(&token(claims)).map(|end| end.map(crate::rfc3339));
        let at = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(end(r#"{"exp":1800003600}"#), at("2027-01-15T09:00:00Z"));
        assert_eq!(end(r#"{"exp":1800003600.999}"#), at("2027-01-15T09:00:00Z"));
        assert_eq!(end(r#"{"exp":1.8000036e9}"#), at("2027-01-15T09:00:00Z"));
        assert_eq!(end(r#"{"exp":-1}"#), at("1969-12-31T23:59:59Z"));
        assert_eq!((end("{}"), end(r#"{"exp":null}"#)), (Ok(None), Ok(None)));
        for out_of_reach in ["1800003600000", "253402300800", "1e300", "-1e300"] {
            assert_eq!(end(&format!(r#"{{"exp":{out_of_reach}}}"#)), Err(JwtError::EndOutOfReach));
        }
        for not_a_number in [r#""1800003600""#, "true", "[1]", "{}"] {
            assert_eq!(end(&format!(r#"{{"exp":{not_a_number}}}"#)), Err(JwtError::EndNotANumber));
        }
    }
}
