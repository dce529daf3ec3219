//! Where a request may carry credentials, and which of them count.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::urlencoded;

/// User name and password, as bytes: a password in another encoding than UTF-8 is just wrong.
pub(crate) struct Credentials {
    pub(crate) username: Vec<u8>,
    pub(crate) password: Vec<u8>,
}

/// The form's credentials, else those of Basic authentication; nothing without a user name.
pub(crate) fn find(headers: &HeaderMap, body: &[u8]) -> Option<Credentials> {
    from_form(headers, body).or_else(|| from_basic(headers))
}

/// The text after `Bearer` and exactly one blank.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let token = after_scheme(headers, "bearer")?;
    (!token.starts_with(' ')).then_some(token)
}

fn from_form(headers: &HeaderMap, body: &[u8]) -> Option<Credentials> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let members = urlencoded::parse(body)?;
    let member = |name: &[u8]| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
    let username = member(b"username")?.trim_ascii().to_vec();
    let password = member(b"password").unwrap_or_default().to_vec();
    (!username.is_empty()).then_some(Credentials { username, password })
}

fn from_basic(headers: &HeaderMap) -> Option<Credentials> {
    let pair = STANDARD.decode(after_scheme(headers, "basic")?).ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    let (username, password) = (pair.get(..colon)?.to_vec(), pair.get(colon + 1..)?.to_vec());
    (!username.is_empty()).then_some(Credentials { username, password })
}

fn after_scheme<'headers>(headers: &'headers HeaderMap, scheme: &str) -> Option<&'headers str> {
    let (word, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    word.eq_ignore_ascii_case(scheme).then_some(rest)
}
