//! What a secret looks like where somebody wrote it down.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter texts cannot be told from others, and are not looked for; but for codes.
pub const SHORTEST: usize = 8;

/// Whether it is a one-time code too short for [`SHORTEST`]. Where such a number stands alone it is no other.
pub(crate) fn is_code(text: &str) -> bool {
    (6..SHORTEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How a secret stands in a text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Form {
    /// As it is.
    Plain,
    /// Inside base64, of the standard alphabet or that for URLs.
    Base64,
    /// As hexadecimal digits.
    Hexadecimal,
    /// With percent escapes, also twice.
    UrlEncoded,
    /// As a list of the numbers of its bytes, at least the last of them.
    Bytes,
    /// With the escapes of JSON, or of Rust's and Go's quoted strings.
    Escaped,
    /// Only its beginning, in plain.
    Beginning,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain text",
            Self::Base64 => "base64",
            Self::Hexadecimal => "hexadecimal",
            Self::UrlEncoded => "URL encoding",
            Self::Bytes => "a list of bytes",
            Self::Escaped => "escaped text",
            Self::Beginning => "its first characters",
        })
    }
}

/// All texts of which one stands where the whole of `secret` was written down.
pub(crate) fn whole(secret: &str) -> Vec<(Form, String)> {
    let mut found = vec![(Form::Plain, secret.to_owned())];
    let mut add = |form, texts: Vec<String>| found.extend(texts.into_iter().map(|text| (form, text)));
    add(Form::Base64, base64(secret.as_bytes()));
    add(Form::Hexadecimal, vec![hexadecimal(secret), hexadecimal(secret).to_uppercase()]);
    add(Form::UrlEncoded, url_encoded(secret));
    add(Form::Bytes, [", ", ","].map(|between| bytes(secret, between)).to_vec());
    add(Form::Escaped, escaped(secret));
    found
}

/// What nobody writes unless it is of this secret; nothing if that would be nearly all of it.
pub(crate) fn beginning(secret: &str) -> Option<&str> {
    let end = public_part(secret) + SHORTEST;
    secret.get(..end).filter(|beginning| beginning.len() < secret.len())
}

/// How much of the secret is no secret: what made-up ones of tests, JWTs and Zenoti's tokens begin with, and all that
/// comes before the password in a URL.
fn public_part(secret: &str) -> usize {
    if let Some((before, password)) = password_of_url(secret) {
        return before + public_part(password);
    }
    let up_to = |mark: char| secret.find(mark).map_or(0, |at| at + mark.len_utf8());
    match secret {
        _ if secret.starts_with("planted-") || secret.starts_with("sandbox-") => SHORTEST,
        _ if secret.starts_with("eyJ") => up_to('.'),
        _ if secret.starts_with("AN:") => up_to('|'),
        _ => 0,
    }
}

/// The password in a URL and what follows it, and how much comes before.
fn password_of_url(secret: &str) -> Option<(usize, &str)> {
    let (_, rest) = secret.split_once("://")?;
    let (user, password) = rest.split_once(':')?;
    let is_user = !user.contains(['/', '@']) && password.contains('@');
    is_user.then(|| (secret.len() - password.len(), password))
}

/// What base64 makes of `secret` inside a longer text, at each of the three alignments. The characters at both ends
/// also depend on the neighbours, and are left out.
fn base64(secret: &[u8]) -> Vec<String> {
    let whole_groups = |skipped: usize| {
        let rest = secret.get(skipped..)?;
        rest.get(..rest.len() / 3 * 3)
    };
    let groups = (0..3).filter_map(whole_groups);
    groups.flat_map(|bytes| [STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)]).collect()
}

fn hexadecimal(secret: &str) -> String {
    secret.bytes().flat_map(digits).collect()
}

/// As Rust's `{:?}` and JSON show bytes that nobody knew to be text. Of a long secret the end will do.
fn bytes(secret: &str, between: &str) -> String {
    let skipped = secret.len().saturating_sub(TELLING_BYTES);
    let numbers: Vec<String> = secret.bytes().skip(skipped).map(|byte| byte.to_string()).collect();
    numbers.join(between)
}

/// Everybody agrees on letters and digits only: the other characters are left as they are by some encoders.
fn url_encoded(secret: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for spared in ["-_.~", "-_.*", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#", ""] {
        let lower = percent_encoded(secret, spared, |digit| digit);
        let upper = percent_encoded(secret, spared, |digit| digit.to_ascii_uppercase());
        texts.extend([lower.replace("%20", "+"), upper.replace("%20", "+"), lower, upper]);
    }
    let twice: Vec<String> = texts.iter().map(|text| text.replace('%', "%25")).collect();
    texts.extend(twice);
    texts
}

fn percent_encoded(secret: &str, spared: &str, case: impl Fn(char) -> char) -> String {
    let mut text = String::new();
    for byte in secret.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || spared.contains(character) {
            text.push(character);
        } else {
            text.push('%');
            text.extend(digits(byte).map(&case));
        }
    }
    text
}

fn digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap_or_default())
}

/// In JSON as most write it, as Go does, which escapes what means something in HTML, and quoted twice, as a log line
/// in JSON has the quoted text of a message.
fn escaped(secret: &str) -> Vec<String> {
    let quoted = |text: &str| format!("{text:?}").trim_matches('"').to_owned();
    let once = quoted(secret);
    let html = once.replace('<', r"\u003c").replace('>', r"\u003e").replace('&', r"\u0026");
    vec![quoted(&once), once, html, secret.replace('/', r"\/")]
}

const TELLING_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_may_know_is_not_taken_for_the_beginning() {
        assert_eq!(beginning("k3xq0-81ab-77"), Some("k3xq0-81"));
        assert_eq!(beginning("planted-secret/case"), Some("planted-secret/c"));
        assert_eq!(beginning("sandbox-password"), None);
        assert_eq!(
            beginning("eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.c2ln"),
            Some("eyJhbGciOiJIUzI1NiJ9.eyJpYXQi")
        );
        assert_eq!(beginning("AN:acme|JfR$0123456789"), Some("AN:acme|JfR$0123"));
        let url = "postgres://rotator:k3xq0-81ab-77@db.example:5432/tokenferry";
        assert_eq!(beginning(url), Some("postgres://rotator:k3xq0-81"));
        assert_eq!(
            beginning(&url.replace("k3x", "planted-k3x")),
            Some("postgres://rotator:planted-k3xq0-81")
        );
        assert_eq!(beginning("https://hooks.example:8443/k3xq0-81ab-77"), Some("https://"));
        assert_eq!(beginning("short"), None);
    }
}
