//! Texts with places that secrets and values are filled into.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::issue::Taken;

/// A text with placeholders. What is filled in is never looked through for placeholders again.
pub(super) struct Template(Vec<Part>);

enum Part {
    Literal(String),
    Placeholder(Placeholder),
}

/// What stands between two pairs of braces.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Placeholder {
    Secret(String),
    Value(String),
}

/// What placeholders stand for in one login.
pub(super) struct Known<'a> {
    pub(super) secrets: &'a BTreeMap<String, SecretString>,
    pub(super) values: BTreeMap<String, Taken>,
}

impl Template {
    /// Reads a text. The error says what is wrong without repeating it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix(OPEN) {
                literal.push_str(OPEN);
                rest = after;
                continue;
            }
            let (inner, after) = after.split_once("}}").ok_or(NO_PLACEHOLDER)?;
            let placeholder = Placeholder::parse(inner.trim()).ok_or(NO_PLACEHOLDER)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Placeholder(placeholder));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Template(parts))
    }

    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Literal(_) => None,
        })
    }

    /// Whether it is a text that holds no placeholder, and is not empty.
    pub(super) fn is_bare_text(&self) -> bool {
        matches!(self.0.as_slice(), [Part::Literal(_)])
    }

    /// Whether more is written out than may stand beside a credential that is filled in: the word for the scheme in
    /// front, as in `Bearer {{…}}`, the name of what follows, as in `session={{…}}`, and what separates them.
    pub(super) fn spells_credential_out(&self) -> bool {
        let mut parts = self.0.iter().enumerate();
        self.is_bare_text()
            || parts.any(|(index, part)| match part {
                Part::Literal(text) => !words(text).all(|word| {
                    let is_scheme = index == 0 && text.strip_prefix(word).is_some_and(begins_apart);
                    (is_scheme && is_short_word(word, LONGEST_SCHEME)) || is_beside(word)
                }),
                Part::Placeholder(_) => false,
            })
    }

    /// The text with everything filled in, as it is.
    pub(super) fn fill(&self, known: &Known<'_>) -> Zeroizing<String> {
        self.fill_by(known, |text, filled| filled.push_str(text))
    }

    /// The text with everything filled in by a function that may escape it.
    pub(super) fn fill_by(
        &self,
        known: &Known<'_>,
        write: impl Fn(&str, &mut Zeroizing<String>),
    ) -> Zeroizing<String> {
        // Large enough to hold a token, so that it does not grow and leave copies behind.
        let mut filled = Zeroizing::new(String::with_capacity(8192));
        for part in &self.0 {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Placeholder(placeholder) => write(known.text(placeholder), &mut filled),
            }
        }
        filled
    }

    /// The first placeholder whose text fulfils a condition.
    pub(super) fn find(&self, known: &Known<'_>, is: impl Fn(&str) -> bool) -> Option<&Placeholder> {
        self.placeholders().find(|placeholder| is(known.text(placeholder)))
    }
}

impl Placeholder {
    fn parse(inner: &str) -> Option<Self> {
        let (kind, name) = inner.split_once('.')?;
        let name = is_name(name).then(|| name.to_owned())?;
        match kind {
            "secrets" => Some(Placeholder::Secret(name)),
            "values" => Some(Placeholder::Value(name)),
            _ => None,
        }
    }
}

/// As it was written, but for blanks.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Placeholder(placeholder) => write!(f, "{{{{{placeholder}}}}}"),
        })
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placeholder::Secret(name) => write!(f, "secrets.{name}"),
            Placeholder::Value(name) => write!(f, "values.{name}"),
        }
    }
}

impl<'a> Known<'a> {
    pub(super) fn new(secrets: &'a BTreeMap<String, SecretString>) -> Self {
        Known { secrets, values: BTreeMap::new() }
    }

    /// Everything that messages must not show.
    pub(super) fn all(&self) -> Vec<SecretString> {
        let values = self.values.values().map(|taken| &taken.text);
        self.secrets.values().chain(values).cloned().collect()
    }

    /// That there is one was checked when the settings were read.
    fn text(&self, placeholder: &Placeholder) -> &str {
        let found = match placeholder {
            Placeholder::Secret(name) => self.secrets.get(name),
            Placeholder::Value(name) => self.values.get(name).map(|taken| &taken.text),
        };
        found.map(ExposeSecret::expose_secret).unwrap_or_default()
    }
}

/// What secrets and values may be called.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Whether a text that is sent as it is looks as if something should be filled in.
pub(super) fn has_braces(text: &str) -> bool {
    text.contains(OPEN)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_separator).filter(|word| !word.is_empty())
}

fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, ';' | ',' | '"' | '&')
}

fn begins_apart(text: &str) -> bool {
    text.starts_with(is_separator)
}

/// A name with its `=`, or nothing that could be a credential.
fn is_beside(word: &str) -> bool {
    let is_name = word.strip_suffix('=').is_some_and(|name| is_short_word(name, LONGEST_NAME));
    is_name || !word.chars().any(char::is_alphanumeric)
}

fn is_short_word(word: &str, longest: usize) -> bool {
    word.len() <= longest && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// As long as `AWS4-HMAC-SHA256`.
const LONGEST_SCHEME: usize = 16;
const LONGEST_NAME: usize = 32;
const OPEN: &str = "{{";
const NO_PLACEHOLDER: &str = "it has a `{{` that does not begin a placeholder, which is `{{secrets.NAME}}` or \
                              `{{values.NAME}}`; write `{{{{` where two braces are meant";

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::http) fn filled(template: &str, secret: &str) -> String {
        let secrets = BTreeMap::from([("a".to_owned(), secret.into())]);
        Template::parse(template).unwrap().fill(&Known::new(&secrets)).to_string()
    }

    #[test]
    fn placeholders_are_filled_and_all_else_stays() {
        for (template, result) in [
            ("", ""),
            ("plain } {", "plain } {"),
            ("{{secrets.a}}", "S"),
            ("<{{ secrets.a }}{{secrets.a}}>", "<SS>"),
            ("{{{{secrets.a}}", "{{secrets.a}}"),
            ("{{{{{{secrets.a}}}}", "{{S}}"),
        ] {
            assert_eq!(filled(template, "S"), result, "{template}");
        }
    }

    #[test]
    fn what_is_filled_in_is_not_read_again() {
        assert_eq!(filled("{{secrets.a}}", "{{secrets.a}}"), "{{secrets.a}}");
        assert_eq!(filled("{{secrets.a}}secrets.a}}", "{{"), "{{secrets.a}}");
    }

    #[test]
    fn beside_a_credential_that_is_filled_in_nothing_secret_is_spelled_out() {
        for (text, expected) in [
            ("", false),
            ("{{secrets.a}}", false),
            ("Bearer {{secrets.a}}", false),
            ("Token token=\"{{secrets.a}}\"", false),
            ("session={{values.a}}; X-Other={{values.b}};", false),
            ("{{secrets.a}}:{{values.b}}", false),
            ("Bearer", true),
            ("Bearer LITERAL{{secrets.a}}", true),
            ("Bearer {{secrets.a}}LITERAL", true),
            ("Bearer LITERAL {{secrets.a}}", true),
            ("LITERAL{{secrets.a}}", true),
            ("a-word-too-long-for-a-scheme {{secrets.a}}", true),
            ("session=LITERAL; {{secrets.a}}", true),
            ("session=LITERAL={{secrets.a}}", true),
        ] {
            assert_eq!(Template::parse(text).unwrap().spells_credential_out(), expected, "{text}");
        }
    }

    #[test]
    fn other_braces_are_refused() {
        for text in [
            "{{",
            "{{}}",
            "{{secrets.a",
            "{{secret.a}}",
            "{{secrets.}}",
            "{{secrets.a b}}",
            "{{hunter2}}",
            "{{{secrets.a}}}",
        ] {
            let error = Template::parse(text).err().unwrap();
            assert!(error.contains("`{{{{`") && !error.contains("hunter2"), "{text}");
        }
    }
}
