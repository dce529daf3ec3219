//! What a JSON Web Token says about itself. Nothing is verified: it is a hint, not a proof.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::json::Fields;

/// The JSON text of the claims, if the token has three parts and the middle one can be decoded.
pub fn claims(token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    BASE64.decode(claims).ok().map(Zeroizing::new)
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
        let claims = Fields::parse(&claims(token)?).ok()?;
        Some(Times { issued: claims.number("iat"), ends: claims.number("exp")? })
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
pub(crate) mod tests {
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

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
}
