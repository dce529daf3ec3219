//! The secrets in HTTP messages, told by the names of what holds them.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::records::{are_recorded, note_secret};

/// Names of members, arguments and headers that hold secrets contain one of these, whatever separates their words.
const SECRET_WORDS: [&str; 13] = [
    "accesskey",
    "apikey",
    "assertion",
    "cookie",
    "credential",
    "jwt",
    "otp",
    "pass",
    "pwd",
    "secret",
    "session",
    "token",
    "xauth",
];

/// Of those, names that contain one of these hold none.
const OTHER_WORDS: [&str; 5] = ["endpoint", "expir", "life", "type", "url"];

/// The token that Zettelstore gives to everybody while its authentication is switched off.
const FREE_ACCESS: &str = "freeaccess";

/// Notes what the headers and the body of a request present, or those of an answer hand out. A query is noted as if it
/// were a body.
///
/// # Errors
/// When it cannot be written down.
pub fn note_message<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> io::Result<()> {
    if !are_recorded() {
        return Ok(());
    }
    headers.into_iter().try_for_each(|(name, value)| note_header(&name.to_ascii_lowercase(), value))?;
    note_body(body)
}

fn note_header(name: &str, value: &str) -> io::Result<()> {
    match name {
        "authorization" => note_authorization(value),
        "cookie" | "set-cookie" => {
            let value = value.split(';').next().unwrap_or_default();
            note("cookie", value.split_once('=').map_or("", |(_, value)| value))
        }
        _ => note_if_secret(name, value),
    }
}

/// What follows the scheme; of user and password, the password.
fn note_authorization(value: &str) -> io::Result<()> {
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    if !scheme.eq_ignore_ascii_case("basic") {
        return note("authorization", rest);
    }
    let text = STANDARD.decode(rest).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    note("password of an authorization", text.split_once(':').map_or("", |(_, password)| password))
}

fn note_body(body: &[u8]) -> io::Result<()> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return note_members("", &value);
    }
    let text = String::from_utf8_lossy(body);
    if text.starts_with('(') {
        // A token of Zettelstore: ("Bearer" "the token" 600).
        return note("token of an S-expression", text.split('"').nth(3).unwrap_or_default());
    }
    note_arguments(&text)
}

fn note_members(name: &str, value: &Value) -> io::Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| note_members(name, item)),
        Value::Object(members) => {
            let mut others = members.iter().filter(|(name, _)| !is_name_of_client(name, members));
            others.try_for_each(|(name, value)| note_members(name, value))
        }
        Value::String(text) => note_if_secret(name, text),
        _ => Ok(()),
    }
}

fn note_arguments(text: &str) -> io::Result<()> {
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.try_for_each(|(name, value)| note_if_secret(&decoded(name), &decoded(value)))
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn note_if_secret(name: &str, value: &str) -> io::Result<()> {
    if is_secret(name) || is_code(name, value) { note(name, value) } else { Ok(()) }
}

fn note(name: &str, value: &str) -> io::Result<()> {
    if value == FREE_ACCESS { Ok(()) } else { note_secret(&format!("`{name}` of an HTTP message"), value) }
}

/// Zscaler's legacy API calls the name of a client its API key. Its secret is the other.
fn is_name_of_client(name: &str, members: &Map<String, Value>) -> bool {
    name == "apiKey" && members.contains_key("secretKey")
}

/// A one-time code, and no code of an error.
fn is_code(name: &str, value: &str) -> bool {
    name == "code" && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(|character: char| !character.is_alphanumeric(), "");
    let one_of = |words: &[&str]| words.iter().any(|word| name.contains(word));
    one_of(&SECRET_WORDS) && !one_of(&OTHER_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_the_names_of_what_holds_them() {
        for name in [
            "access_token",
            "auth-token",
            "jwtToken",
            "logoutOtp",
            "exitPass",
            "client_secret",
            "secretKey",
            "session",
            "apiKey",
            "x-api-key",
            "X-Auth-Token",
            "jwt",
            "user_pwd",
            "credentials",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["username", "author", "access_token_expiry", "token_type", "message", "client_assertion_type"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn some_are_told_by_what_stands_beside_or_in_them() {
        let login = serde_json::json!({"apiKey": "client", "secretKey": "secret"});
        let members = login.as_object().unwrap();
        assert!(is_name_of_client("apiKey", members) && !is_name_of_client("secretKey", members));
        assert!(!is_name_of_client("apiKey", &Map::new()));
        assert!(is_code("code", "287082") && !is_code("code", "invalid_grant") && !is_code("status", "400"));
    }
}
