//! Looking for planted secrets, also in the usual encodings.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use tokenferry_leaks::{Form, SHORTEST, Search, Secret};

/// The forms in which `secret` stands in `haystack`.
pub fn forms_found(haystack: &[u8], secret: &str) -> Vec<Form> {
    let secret = Secret { name: String::new(), value: secret.to_owned() };
    let leaks = Search::new(&[secret]).unwrap().leaks_in(haystack);
    leaks.into_iter().map(|leak| leak.form).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Panics if one of `secrets` stands in `haystack`, in any form.
///
/// # Panics
///
/// See above. The message names the secret by its number and the place, and does not print the text.
pub fn assert_none(haystack: &[u8], secrets: &[&str], place: &str) {
    for (number, secret) in secrets.iter().enumerate() {
        assert!(secret.len() >= SHORTEST, "secret {number} is too short to be told from other text");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_nobody_planted_is_found_by_its_form() {
        let found = |text: &str| std::panic::catch_unwind(|| assert_no_token(text, "a text")).is_err();
        assert!(found("token=\"s.abcdefghijklmnopqrstuvwx\""));
        assert!(found("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.c2ln"));
        assert!(!found("it ends. tests.rs; s.short; https://notes.example.internal/tokens.abcdefghijklmnop"));
    }

    #[test]
    #[should_panic(expected = "secret 1 stands in a text as [Base64]")]
    fn a_secret_is_told_by_its_number_and_form() {
        assert_none(b"x: cGxhbnRlZCBzZWNyZXQvMQ", &["another secret", "planted secret/1"], "a text");
    }
}
