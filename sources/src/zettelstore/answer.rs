//! The answers of `/a`, of all releases.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::sexpr;
use crate::json::Fields;
use crate::transport::is_token;

/// A token and what is left of its life.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: SecretString,
    pub(super) life: Duration,
}

impl Issued {
    /// Reads an answer by its first character; the content type has never said the truth in all releases.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let (token_type, token, seconds) = match body.trim_ascii_start().first() {
            Some(b'(') => {
                let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
                let triple = sexpr::parse(text)?;
                (triple.token_type, triple.token, triple.seconds)
            }
            Some(b'{') => older(body)?,
            _ => return Err("it is neither an S-expression nor a JSON object"),
        };
        if !token_type.eq_ignore_ascii_case("Bearer") {
            return Err("its token is not of the type Bearer");
        }
        if token.expose_secret().is_empty() {
            return Err("its token is empty");
        }
        if !is_token(token.expose_secret()) {
            return Err("its token cannot be sent in a header");
        }
        Ok(Issued { token, life: Duration::from_secs(seconds) })
    }
}

/// The JSON of releases before 0.12; their manual and their servers name the token differently.
fn older(body: &[u8]) -> Result<(String, SecretString, u64), &'static str> {
    let fields = Fields::parse(body).map_err(|_| "it is not a JSON object")?;
    let token = fields.text("token").or_else(|| fields.text("access_token"));
    let token = token.ok_or("it has neither `token` nor `access_token`")?.clone();
    let token_type = match fields.text("token_type") {
        Some(token_type) => token_type.expose_secret().to_owned(),
        None if fields.is_null("token_type") => "Bearer".to_owned(),
        None => return Err("its `token_type` is not a text"),
    };
    let seconds = fields.number("expires_in").ok_or("it has no number `expires_in`")?;
    let life =
        Duration::try_from_secs_f64(seconds).map_err(|_| "its `expires_in` is not a number of seconds")?;
    Ok((token_type, token, life.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<(String, u64), &'static str> {
        Issued::parse(body.as_bytes())
            .map(|issued| (issued.token.expose_secret().to_owned(), issued.life.as_secs()))
    }

    #[test]
    fn the_first_character_decides() {
        let issued = Ok(("abc".to_owned(), 600));
        assert_eq!(parse("\n (\"BEARER\" \"abc\" 600)"), issued);
        assert_eq!(parse("{\"token\":\"abc\",\"token_type\":\"Bearer\",\"expires_in\":600}\n"), issued);
        assert_eq!(parse(" {\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":600}"), issued);
        assert_eq!(parse("{\"access_token\":\"abc\",\"expires_in\":600}"), issued);
    }

    #[test]
    fn what_is_no_usable_token_is_refused() {
        let cases = [
            "",
            "<html>",
            "Authentication failed\n",
            r#"("Basic" "abc" 600)"#,
            r#"("Bearer" "" 600)"#,
            r#"("Bearer" "a\nb" 600)"#,
            r#"{"token":"","expires_in":600}"#,
            r#"{"token":"abc"}"#,
            r#"{"token":"abc","expires_in":"soon"}"#,
            r#"{"token":"abc","expires_in":-1}"#,
            r#"{"token":"abc","token_type":"MAC","expires_in":600}"#,
            r#"{"expires_in":600}"#,
            r#"{"token":"abc","expires_in":600} x"#,
        ];
        for body in cases {
            assert!(parse(body).is_err(), "{body}");
        }
        assert!(Issued::parse(b"(\"Bearer\" \"a\xffb\" 600)").is_err());
    }
}
