//! The form of answers, which depends on the release.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::Release;
use crate::answer::{granted, labelled, plain_line};

/// A token and the seconds it has left.
pub(crate) fn token(release: Release, token: &str, seconds: i64) -> Response {
    let member = if release == Release::V0_0_13 { "access_token" } else { "token" };
    granted(if release.speaks_json() {
        let answer = json!({member: token, "token_type": "Bearer", "expires_in": seconds});
        labelled(StatusCode::OK, "application/json", format!("{answer}\n"))
    } else {
        let answer = format!("({} {} {seconds})", quoted("Bearer"), quoted(token));
        labelled(StatusCode::OK, "text/plain; charset=utf-8", answer)
    })
}

/// The one answer to every login that fails.
pub(crate) fn authentication_failed() -> Response {
    let mut response = plain_line(StatusCode::UNAUTHORIZED, "Authentication failed");
    let challenge = HeaderValue::from_static(r#"Bearer realm="Default""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// The one answer to every renewal that fails.
pub(crate) fn not_authenticated() -> Response {
    plain_line(StatusCode::BAD_REQUEST, "Not authenticated")
}

/// A string as the project's printer writes it.
pub(crate) fn quoted(text: &str) -> String {
    if text.chars().any(needs_escape) {
        let escaped: String = text.chars().map(escaped).collect();
        return format!("\"{escaped}\"");
    }
    format!("\"{text}\"")
}

fn needs_escape(character: char) -> bool {
    matches!(character, '"' | '\\') || character.is_control()
}

fn escaped(character: char) -> String {
    let code = u32::from(character);
    match character {
        '"' | '\\' => format!("\\{character}"),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        // All control characters are below 0x100.
        _ if character.is_control() => format!("\\x{code:02X}"),
        _ => character.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_the_project_does() {
        for (text, written) in [
            ("plain", r#""plain""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\t\n\r", r#""\t\n\r""#),
            ("\u{1}\u{7f}\u{85}", r#""\x01\x7F\x85""#),
            ("Zoë 日本", "\"Zoë 日本\""),
        ] {
            assert_eq!(quoted(text), written);
        }
    }
}
