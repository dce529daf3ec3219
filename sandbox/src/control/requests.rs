//! The request log: what was asked, without any secret.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The words that may begin an `Authorization` header; anything else could be a token sent without one.
const SCHEMES: [&str; 2] = ["basic", "bearer"];

/// Query arguments whose names contain one of these hold secrets.
const SECRET_WORDS: [&str; 5] = ["assertion", "password", "passwd", "secret", "token"];

/// Paths and queries are kept up to this many characters.
const LONGEST: usize = 2048;

/// One request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RequestRecord {
    /// Counts up from 1, also past what the log still holds.
    pub sequence: u64,
    /// `GET`, `POST`, ...
    pub method: String,
    /// As sent, without the query.
    pub path: String,
    /// The query as sent, percent escapes and all; values of secret arguments are replaced by `***`.
    pub query: Option<String>,
    /// Header names in lower case, in the order of arrival.
    pub headers: Vec<String>,
    /// The scheme of `Authorization` in lower case: `basic`, `bearer`, or `other`.
    pub authorization_scheme: Option<String>,
    /// What the `_=` argument was.
    pub cache_buster: CacheBuster,
    /// Nothing as long as there is no answer; 0 if there was none.
    pub status: Option<u16>,
}

/// The `_=` argument of a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheBuster {
    /// There was none.
    Absent,
    /// Another value than that of the request before at the same path.
    Fresh,
    /// The same value again.
    Repeated,
}

impl RequestRecord {
    pub(crate) fn new(sequence: u64, head: &Parts, cache_buster: CacheBuster) -> Self {
        Self {
            sequence,
            method: head.method.to_string(),
            path: shortened(head.uri.path().to_owned()),
            query: head.uri.query().map(|query| shortened(without_secrets(query))),
            headers: head.headers.iter().map(|(name, _)| name.to_string()).collect(),
            authorization_scheme: authorization_scheme(head),
            cache_buster,
            status: None,
        }
    }
}

/// The value of `_=`, as sent.
pub(crate) fn cache_busting_value(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("_="))
}

fn authorization_scheme(head: &Parts) -> Option<String> {
    let value = head.headers.get(AUTHORIZATION)?.as_bytes();
    let word = value.split(|&byte| byte == b' ').next().unwrap_or_default();
    let known = SCHEMES.iter().find(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()));
    Some((*known.unwrap_or(&"other")).to_owned())
}

fn without_secrets(query: &str) -> String {
    let pairs: Vec<String> = query.split('&').map(without_secret).collect();
    pairs.join("&")
}

fn without_secret(pair: &str) -> String {
    let name = pair.split('=').next().unwrap_or_default();
    let plain = percent_decode_str(name).decode_utf8_lossy().to_lowercase();
    if SECRET_WORDS.iter().any(|word| plain.contains(word)) {
        return format!("{name}=***");
    }
    pair.to_owned()
}

fn shortened(text: String) -> String {
    if text.len() <= LONGEST { text } else { text.chars().take(LONGEST).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept_as_sent_except_for_secrets() {
        for (sent, kept) in [
            ("udid=AB%3A501&_=7", "udid=AB%3A501&_=7"),
            ("user=a%20b+c", "user=a%20b+c"),
            ("username=me&password=hidden", "username=me&password=***"),
            ("pass%77ord=hidden&x", "pass%77ord=***&x"),
            ("secretKey=hidden&access_token=hidden", "secretKey=***&access_token=***"),
        ] {
            assert_eq!(without_secrets(sent), kept);
        }
    }
}
