//! Takes known secrets out of a text.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The forms in which secrets could come back.
pub(crate) struct Mask(Vec<Pattern>);

impl Mask {
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let texts = secrets.iter().flat_map(|secret| texts(secret.expose_secret()));
        Mask(texts.flat_map(|text| patterns(&text)).collect())
    }

    /// The text with every secret replaced. Finds that touch or overlap become one, so that no rest of a secret
    /// stays where another one begins within it.
    pub(crate) fn apply(&self, text: &str) -> String {
        let (text, starts) = (text.as_bytes(), self.starts());
        let mut shown = Vec::with_capacity(text.len());
        let mut covered = 0;
        for (at, &byte) in text.iter().enumerate() {
            let end = starts[usize::from(byte)].then(|| self.end(text, at)).flatten();
            if let Some(end) = end.filter(|end| *end > covered) {
                if at > covered || covered == 0 {
                    shown.extend_from_slice(b"***");
                }
                covered = end;
            }
            if at >= covered {
                shown.push(byte);
            }
        }
        // Whole characters were taken out: a secret is text, and so are its forms.
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Where the longest of the secrets ends that begin here.
    fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        self.0.iter().filter_map(|pattern| pattern.end(text, at)).max()
    }

    /// The bytes that a secret can begin with. Most of a text is passed over by them.
    fn starts(&self) -> [bool; 256] {
        let mut starts = [false; 256];
        for first in self.0.iter().filter_map(|pattern| pattern.bytes.first()) {
            for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase(), b'%', b'+'] {
                starts[usize::from(byte)] = true;
            }
        }
        starts
    }
}

/// One form of one secret.
struct Pattern {
    bytes: Zeroizing<Vec<u8>>,
    form: Form,
    /// Whether it counts only as a word of its own.
    alone: bool,
}

#[derive(Clone, Copy)]
enum Form {
    /// In capitals or not.
    AnyCase,
    /// Each byte as it is or as a percent escape: what is escaped, and in which case, differs between encoders.
    Escaped,
    Exact,
}

impl Pattern {
    fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let length = match self.form {
            Form::AnyCase => {
                rest.get(..self.bytes.len())?.eq_ignore_ascii_case(&self.bytes).then_some(self.bytes.len())?
            }
            Form::Escaped => escaped_length(&self.bytes, rest)?,
            Form::Exact => rest.starts_with(&self.bytes).then_some(self.bytes.len())?,
        };
        let end = at + length;
        let open =
            |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        (!self.alone || (open(before) && open(text.get(end)))).then_some(end)
    }
}

/// How much of a text is this secret, with any of its bytes escaped. A blank may be a `+`, as in forms.
fn escaped_length(secret: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &byte in secret {
        at += match text.get(at..)? {
            [b'%', high, low, ..] if hex_byte(*high, *low) == Some(byte) => 3,
            [first, ..] if *first == byte || (*first == b'+' && byte == b' ') => 1,
            _ => return None,
        };
    }
    Some(at)
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

/// A secret as it is, and what is left of it where texts are trimmed, put on one line or shown line by line.
fn texts(secret: &str) -> impl Iterator<Item = Zeroizing<String>> {
    let trimmed = |text: &str| Zeroizing::new(text.trim().to_owned());
    let on_one_line = Zeroizing::new(secret.chars().filter(|c| !c.is_control()).collect::<String>());
    let lines = secret.lines().filter(|line| line.trim().chars().count() >= SHORTEST_LINE).map(trimmed);
    let mut texts = vec![Zeroizing::new(secret.to_owned()), trimmed(&on_one_line), on_one_line];
    texts.extend(lines);
    texts.sort_unstable_by(|a, b| a.as_str().cmp(b));
    texts.dedup();
    texts.into_iter()
}

/// All forms of a secret. A very short one is looked for only where it stands alone: masked everywhere, it would
/// take ordinary words apart, and the gaps would tell it to the reader. Guessing it takes no longer anyway.
fn patterns(secret: &str) -> Vec<Pattern> {
    if secret.is_empty() {
        return Vec::new();
    }
    let alone = secret.chars().count() < SHORTEST;
    let pattern = |form, bytes: Vec<u8>| Pattern { bytes: bytes.into(), form, alone };
    let bytes = secret.as_bytes();
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    let hex = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let mut patterns = vec![
        pattern(Form::AnyCase, bytes.to_vec()),
        pattern(Form::Escaped, bytes.to_vec()),
        pattern(Form::AnyCase, hex),
    ];
    for alphabet in [STANDARD, URL_SAFE] {
        let padded = alphabet.encode(bytes);
        patterns.push(pattern(Form::Exact, padded.trim_end_matches('=').into()));
        patterns.push(pattern(Form::Exact, padded.into_bytes()));
        if !alone {
            patterns.extend((0..3).map(|shift| pattern(Form::Exact, within_base64(&alphabet, bytes, shift))));
        }
    }
    patterns
}

/// What does not depend on its neighbours when a secret is encoded as part of a longer text, so many bytes after a
/// group of three began.
fn within_base64(alphabet: &GeneralPurpose, secret: &[u8], shift: usize) -> Vec<u8> {
    let text = Zeroizing::new([vec![0; shift].as_slice(), secret].concat());
    let mut encoded = alphabet.encode(text.as_slice()).into_bytes();
    encoded.truncate(text.len() * 8 / 6);
    encoded.split_off((shift * 8).div_ceil(6))
}

const SHORTEST: usize = 4;
/// Shorter lines tell little, and may stand in any text.
const SHORTEST_LINE: usize = 8;

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    const SECRET: &str = "p@ss w/rd+ü~?>.-_%z";
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    const WITH_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');
    const OF_SCRIPTS: &AsciiSet =
        &UNRESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

    fn masked(secret: &str, text: &str) -> String {
        Mask::new(&[secret.into()]).apply(text)
    }

    #[test]
    fn a_secret_is_found_in_every_usual_form() {
        let hex = "70407373 20772f72 642bc3bc 7e3f3e2e 2d5f257a".replace(' ', "");
        let escaped: Vec<String> = [NON_ALPHANUMERIC, UNRESERVED, WITH_SLASH, OF_SCRIPTS]
            .map(|set| utf8_percent_encode(SECRET, set).to_string())
            .into();
        let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let mut forms =
            vec![SECRET.to_owned(), hex.to_uppercase(), hex, form.replace("%C3%BC", "%c3%bc"), form];
        forms.extend(escaped.iter().map(|form| form.replace("%2B", "%2b").replace("%C3%BC", "%c3%Bc")));
        forms.extend(escaped);
        forms.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|form| form.encode(SECRET)));
        for form in forms {
            assert_eq!(masked(SECRET, &format!("<{form}>")), "<***>");
        }
        assert_eq!(masked(SECRET, "nothing here"), "nothing here");
    }

    #[test]
    fn a_secret_is_found_inside_of_an_encoded_text() {
        for engine in [STANDARD, URL_SAFE] {
            for (before, after) in
                [("", "x"), ("a", ""), ("ab:", "yz"), ("anna:", ""), ("an:", "\n"), ("u", "ü")]
            {
                let shown = masked(SECRET, &engine.encode(format!("{before}{SECRET}{after}")));
                let rest = shown.replace("***", "");
                assert!(shown.contains("***") && rest.len() <= 6 + before.len() + after.len(), "{shown}");
            }
        }
        let pair = STANDARD.encode("anna:hunter2");
        assert_eq!(
            Mask::new(&["hunter2".into(), pair.as_str().into()]).apply(&format!("Basic {pair}")),
            "Basic ***"
        );
    }

    #[test]
    fn secrets_that_overlap_or_contain_each_other_leave_no_rest() {
        let mask = Mask::new(&["abcd".into(), "cdef".into(), "abcdefgh".into(), "".into()]);
        assert_eq!(mask.apply("<abcdef> <abcdefgh> <abcdabcd>"), "<***> <***> <***>");
        assert_eq!(masked("%25aa", "is %25aa wrong? %2525aa?"), "is *** wrong? ***?");
    }

    #[test]
    fn a_very_short_secret_is_masked_only_where_it_stands_alone() {
        assert_eq!(masked("a", "a bad key: \"a\" (YQ==)"), "*** bad key: \"***\" (***)");
        assert_eq!(masked("key", "the keys are gone"), "the keys are gone");
        assert_eq!(masked("*", "* and *** and a*b"), "*** and *** and a*b");
    }

    #[test]
    fn a_secret_is_found_however_its_lines_blanks_and_capitals_came_back() {
        let lines = "-- BEGIN --\r\nfirst line\r\n\r\nthe second\n--\n";
        for (secret, text) in [
            (lines, "<-- BEGIN --first linethe second-->"),
            (lines, "<first line>"),
            (lines, "<the second>"),
            ("hun\tter2", "<hunter2>"),
            (" hunter2 ", "<hunter2>"),
            ("Hunter2", "<hUNTER2>"),
        ] {
            assert_eq!(masked(secret, text), "<***>", "{secret:?}");
        }
        assert_eq!(masked(lines, "two -- dashes"), "two -- dashes");
    }

    #[test]
    fn a_long_text_is_no_burden() {
        let long = "a".repeat(1024 * 1024);
        assert_eq!(masked("a", &long), long);
        assert_eq!(masked("aaaa", &long), "***");
    }
}
