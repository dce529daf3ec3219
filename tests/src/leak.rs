//! Looking for planted secrets, also in the usual encodings.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The forms in which `secret` stands in `haystack`.
pub fn forms_found(haystack: &[u8], secret: &str) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(haystack);
    forms(secret)
        .into_iter()
        .filter(|(_, needles)| needles.iter().any(|needle| text.contains(needle)))
        .map(|(form, _)| form)
        .collect()
}

/// Panics if one of `secrets` stands in `haystack`, in any form.
///
/// # Panics
///
/// See above. The message names the secret by its number and the place, and does not print the text.
pub fn assert_none(haystack: &[u8], secrets: &[&str], place: &str) {
    for (number, secret) in secrets.iter().enumerate() {
        assert!(secret.len() >= 8, "secret {number} is too short to be told from other text");
        let found = forms_found(haystack, secret);
        assert!(found.is_empty(), "secret {number} stands in {place} as {found:?}");
    }
}

/// Panics if something in `text` has the form of a token of OpenBao or Vault, of Zettelstore, or of a JWT.
///
/// # Panics
///
/// See above. The message names the place and the beginning of the token only.
pub fn assert_no_token(text: &str, place: &str) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    for word in words.filter(|word| word.len() >= SHORTEST_TOKEN) {
        let beginning = TOKENS.iter().find(|beginning| word.starts_with(**beginning));
        assert!(
            beginning.is_none(),
            "something like a token stands in {place}: it begins with {beginning:?}"
        );
    }
}

/// How tokens begin: those of OpenBao and Vault, JWTs, and those of Zettelstore, whose text begins with `(1 "`.
const TOKENS: [&str; 6] = ["s.", "b.", "hvs.", "hvb.", "eyJ", "KDEgI"];

const SHORTEST_TOKEN: usize = 20;

/// Everything that is kept in a saved plan, by the name of the member.
pub fn plan_members(plan: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(plan).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

/// All files below `directory`, without following links and without the unpacked providers.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && entry.file_name() != "providers" {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}

fn forms(secret: &str) -> Vec<(&'static str, Vec<String>)> {
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    vec![
        ("plain text", vec![secret.to_owned()]),
        ("base64", base64_needles(secret)),
        ("hexadecimal", vec![hex.clone(), hex.to_uppercase()]),
        ("URL encoding", vec![url_encoded(secret), form_encoded(secret)]),
    ]
}

/// What base64 makes of `secret` inside a longer text, at each of the three alignments. The characters at both
/// ends also depend on the neighbours, and are left out.
fn base64_needles(secret: &str) -> Vec<String> {
    let mut needles = Vec::new();
    for skipped in 0..3 {
        let whole = &secret.as_bytes()[skipped..];
        let whole = &whole[..whole.len() / 3 * 3];
        needles.extend([STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]);
    }
    needles
}

fn url_encoded(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(byte.into()),
            _ => write!(text, "%{byte:02X}").unwrap(),
        }
        text
    })
}

fn form_encoded(secret: &str) -> String {
    url_encoded(secret).replace("%20", "+").replace('~', "%7E")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "planted secret/1";

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        for prefix in ["", "x", "xy"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{prefix}{SECRET} and more"));
            assert_eq!(forms_found(encoded.as_bytes(), SECRET), ["base64"]);
        }
        assert_eq!(forms_found(b"a=planted%20secret%2F1&", SECRET), ["URL encoding"]);
        assert_eq!(forms_found(b"706c616e746564207365637265742f31", SECRET), ["hexadecimal"]);
        assert_eq!(forms_found(b"{\"a\":\"planted secret/1\"}", SECRET), ["plain text"]);
    }

    #[test]
    fn a_token_that_nobody_planted_is_found_by_its_form() {
        let found = |text: &str| std::panic::catch_unwind(|| assert_no_token(text, "a text")).is_err();
        assert!(found("token=\"s.abcdefghijklmnopqrstuvwx\""));
        assert!(found("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.c2ln"));
        assert!(!found("it ends. tests.rs; s.short; https://notes.example.internal/tokens.abcdefghijklmnop"));
    }

    #[test]
    fn other_text_is_not_taken_for_the_secret() {
        assert_eq!(forms_found(b"planted secret/2, planted, cGxhbnRlZA", SECRET), Vec::<&str>::new());
    }
}
