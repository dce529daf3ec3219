//! A place that wants a one-time password (RFC 6238), reckoned here without any other program's help.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ring::hmac;

use super::session::refusal;
use super::{Http, form, member};
use crate::answer::empty;
use crate::conditions::Conditions;

/// Takes the code of now, and no other.
pub(crate) async fn check(
    State(service): State<Arc<Http>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = form(&headers, &body);
    let sent = form.as_deref().and_then(|form| member(form, "code"));
    let right = code(&service.options.totp_secret, conditions.now());
    if sent.is_some() && sent == right.as_deref() {
        return empty(StatusCode::NO_CONTENT);
    }
    refusal(StatusCode::UNAUTHORIZED, "not the code of now")
}

fn code(secret: &str, now: i64) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret)?);
    let tag = hmac::sign(&key, &(now / 30).to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last()? & 15);
    let four: [u8; 4] = tag.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let bits: String = text
        .bytes()
        .map(|byte| {
            let value = ALPHABET.iter().position(|letter| *letter == byte)?;
            Some(format!("{value:05b}"))
        })
        .collect::<Option<_>>()?;
    let bytes = bits.as_bytes().chunks_exact(8).filter_map(|byte| std::str::from_utf8(byte).ok());
    bytes.map(|byte| u8::from_str_radix(byte, 2).ok()).collect()
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(code(secret, 59).as_deref(), Some("287082"));
        assert_eq!(code(secret, 1_111_111_109).as_deref(), Some("081804"));
        assert_eq!(code("1", 59), None);
    }
}
