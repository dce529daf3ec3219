//! Many secrets, in all forms, looked for in one go.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use crate::forms::{self, Form, SHORTEST, is_code};

/// A text that must not be found, and what it is to be called.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct Secret {
    /// What it is; not a secret.
    pub name: String,
    /// The text.
    pub value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A secret that was found.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Leak {
    /// The line in which it ends, counted from 1.
    pub line: usize,
    /// Which one, by its place in the list.
    pub secret: usize,
    /// What it looks like there.
    pub form: Form,
}

/// Looks for secrets.
#[derive(Debug)]
pub struct Search {
    automaton: AhoCorasick,
    /// Secret and form of each pattern.
    owners: Vec<(usize, Form)>,
}

impl Search {
    /// For these secrets as a whole. Those of fewer than [`SHORTEST`] bytes are left out, but for codes of six or seven
    /// digits: these are found where they stand alone.
    ///
    /// # Errors
    /// When there are more than fit into memory.
    pub fn new(secrets: &[Secret]) -> Result<Self, BuildError> {
        Self::of(secrets, |secret| forms::whole(&secret.value))
    }

    /// The same, and for the first characters of each, which say more than anybody should know.
    ///
    /// # Errors
    /// When there are more than fit into memory.
    pub fn with_beginnings(secrets: &[Secret]) -> Result<Self, BuildError> {
        Self::of(secrets, |secret| {
            let mut forms = forms::whole(&secret.value);
            forms.extend(forms::beginning(&secret.value).map(|text| (Form::Beginning, text.to_owned())));
            forms
        })
    }

    fn of(secrets: &[Secret], forms: impl Fn(&Secret) -> Vec<(Form, String)>) -> Result<Self, BuildError> {
        let mut patterns = BTreeMap::new();
        for (index, secret) in secrets.iter().enumerate() {
            let forms = match secret.value.len() {
                SHORTEST.. => forms(secret),
                _ if is_code(&secret.value) => vec![(Form::Plain, secret.value.clone())],
                _ => continue,
            };
            for (form, text) in forms {
                patterns.entry(text).or_insert((index, form));
            }
        }
        let automaton = AhoCorasick::new(patterns.keys())?;
        Ok(Self { automaton, owners: patterns.into_values().collect() })
    }

    /// What stands in `text`, line by line.
    pub fn leaks_in(&self, text: &[u8]) -> Vec<Leak> {
        let (mut leaks, mut line, mut counted) = (Vec::new(), 1, 0);
        for found in self.automaton.find_overlapping_iter(text) {
            let between = text.get(counted..found.end()).unwrap_or_default();
            line += between.split(|byte| *byte == b'\n').skip(1).count();
            counted = found.end();
            let Some(&(secret, form)) = self.owners.get(found.pattern().as_usize()) else { continue };
            if found.len() >= SHORTEST || is_alone(text, found.range()) {
                leaks.push(Leak { line, secret, form });
            }
        }
        leaks.sort();
        leaks.dedup();
        leaks
    }
}

/// Whether the digits at `range` are no part of a longer number, of a fraction of a second, or of a name.
fn is_alone(text: &[u8], range: Range<usize>) -> bool {
    let before = range.start.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(range.end);
    !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        && !after.is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3cr3t\"/<of a ~user>";

    /// The forms in which the secret stands in the second line.
    fn forms(text: &str) -> Vec<Form> {
        let secrets = ["another-secret", VALUE, "short", "1234"];
        let secrets = secrets.map(|value| Secret { name: String::new(), value: value.to_owned() });
        let leaks =
            Search::with_beginnings(&secrets).unwrap().leaks_in(format!("a line\n{text}\n").as_bytes());
        assert!(leaks.iter().all(|leak| leak.line == 2 && leak.secret == 1), "{leaks:?}");
        leaks.into_iter().map(|leak| leak.form).collect()
    }

    #[test]
    fn a_planted_secret_is_found_in_every_form() {
        use base64::Engine;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE};
        assert_eq!(forms(&format!("token={VALUE} ")), [Form::Plain, Form::Beginning]);
        for before in ["", "x", "xy"] {
            let text = format!("{before}{VALUE}, more");
            assert_eq!(forms(&STANDARD.encode(&text)), [Form::Base64]);
            assert_eq!(forms(&URL_SAFE.encode(&text)), [Form::Base64]);
        }
        let digits = "733363723374222f3c6f662061207e757365723e";
        assert_eq!(forms(digits), [Form::Hexadecimal]);
        assert_eq!(forms(&digits.to_uppercase()), [Form::Hexadecimal]);
        for text in ["s3cr3t%22%2F%3Cof%20a%20~user%3E", "s3cr3t%22%2f%3cof+a+%7euser%3e"] {
            assert_eq!(forms(text), [Form::UrlEncoded]);
        }
        for text in
            ["s3cr3t%2522%252F%253Cof%2520a%2520~user%253E", "s3cr3t%2522%252f%253cof+a+%257euser%253e"]
        {
            assert_eq!(forms(text), [Form::UrlEncoded]);
        }
        let bytes = VALUE.as_bytes();
        assert_eq!(forms(&format!("{bytes:?}")), [Form::Bytes]);
        assert_eq!(forms(&serde_json::to_string(bytes).unwrap()), [Form::Bytes]);
        for text in
            [r#"s3cr3t\"/<of a ~user>"#, r#"s3cr3t\"/\u003cof a ~user\u003e"#, r#"s3cr3t\\\"/<of a ~user>"#]
        {
            assert_eq!(forms(text), [Form::Escaped]);
        }
        assert_eq!(forms("it begins with s3cr3t\"/…"), [Form::Beginning]);
    }

    #[test]
    fn a_short_code_is_found_where_it_stands_alone() {
        let codes = ["287082", "5924287"].map(|code| Secret { name: String::new(), value: code.to_owned() });
        let search = Search::with_beginnings(&codes).unwrap();
        for text in ["287082", "code=287082&x", r#"{"otp":"5924287"}"#, "the code 287082."] {
            assert_eq!(search.leaks_in(text.as_bytes()).len(), 1, "{text}");
        }
        for text in ["12870820", "2026-01-01T00:00:00.287082Z", "0.287082 s", "a287082", "59242870"] {
            assert_eq!(search.leaks_in(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_clean() {
        for text in [
            "",
            "s3cr3t, another secret, c2hvcnQ, short, 1234",
            "2026-01-01T00:00:00Z INFO rotated version=1",
        ] {
            assert_eq!(forms(text), []);
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret { name: "password".to_owned(), value: VALUE.to_owned() };
        assert_eq!(format!("{secret:?}"), r#"Secret { name: "password", .. }"#);
    }
}
