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
