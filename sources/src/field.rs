//! The settings of a system, described once for every place that reads or documents them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::Reference;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, the same everywhere.
    pub name: &'static str,
    /// What can be written.
    pub kind: FieldKind,
    /// What it is for, in Markdown, for users.
    pub description: &'static str,
    /// What holds if nothing is written.
    pub default: Option<&'static str>,
    /// The environment variable that is read if nothing is written; see also [`Credential::variables`].
    ///
    /// [`Credential::variables`]: crate::Credential::variables
    pub environment: Option<&'static str>,
    /// What its text must fulfil beyond its kind.
    pub rule: Option<Rule>,
}

/// Checks a text beyond its kind. The error says what is wrong, without the text.
pub type Rule = fn(&str) -> Result<(), String>;

/// What can be written into a field.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// Blocks of the field's name, in their order, each with these fields.
    Blocks(&'static [Field]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A duration such as `90s`.
    Duration,
    /// True or false.
    Flag,
    /// A text in JSON form, given as [`Given::Text`].
    Json,
    /// One object with these fields.
    Object(&'static [Field]),
    /// Objects by name, each with these fields.
    Objects(&'static [Field]),
    /// A text that nobody may see.
    Secret,
    /// As [`FieldKind::Secret`], and it may have several lines, as keys in PEM form do.
    SecretLines,
    /// Secrets by name, each kept elsewhere: never written where this is configured.
    Secrets,
    /// Any text.
    Text,
    /// Texts by name.
    Texts,
    /// An http or https URL.
    Url,
}

impl FieldKind {
    /// Whether more than one text can be written.
    pub fn is_structured(self) -> bool {
        use FieldKind as K;
        matches!(self, K::Blocks(_) | K::Json | K::Object(_) | K::Objects(_) | K::Secrets | K::Texts)
    }

    /// The fields of what stands within.
    pub fn inner(self) -> &'static [Field] {
        match self {
            FieldKind::Blocks(fields) | FieldKind::Object(fields) | FieldKind::Objects(fields) => fields,
            _ => &[],
        }
    }

    /// Whether nobody may see it.
    pub fn is_secret(self) -> bool {
        matches!(self, FieldKind::Secret | FieldKind::SecretLines | FieldKind::Secrets)
    }
}

/// What the user wrote into a field. A field left out has no entry.
#[derive(Clone, Debug)]
pub enum Given {
    /// A text; secret until its field says otherwise.
    Text(SecretString),
    /// True or false.
    Flag(bool),
    /// Values by name: an object, or a map.
    Map(GivenFields),
    /// Blocks, in their order.
    List(Vec<GivenFields>),
    /// A secret that is kept elsewhere and has not been read yet.
    Reference(Reference),
    /// Something that is decided only later.
    Unknown,
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Given::Text(one), Given::Text(other)) => one.expose_secret() == other.expose_secret(),
            (Given::Flag(one), Given::Flag(other)) => one == other,
            (Given::Map(one), Given::Map(other)) => one == other,
            (Given::List(one), Given::List(other)) => one == other,
            (Given::Reference(one), Given::Reference(other)) => one == other,
            (Given::Unknown, Given::Unknown) => true,
            _ => false,
        }
    }
}

/// One step on the way from a field to a value within it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// The block at this index, counted from zero.
    Index(usize),
    /// The value of this name.
    Name(String),
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Given::Text(text.into())
    }
}

/// What the user wrote, by field name.
pub type GivenFields = BTreeMap<String, Given>;

/// Where variables are looked up.
pub trait Environment: Send + Sync {
    /// The value of a variable; an empty one counts as unset.
    fn var(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// For tests, and for programs that have their variables from elsewhere.
impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).cloned()
    }
}

/// Something wrong with a field. Neither text repeats a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldProblem {
    /// The field to point at.
    pub field: &'static str,
    /// The way from the field to the value within it that is meant; empty if it is the field itself.
    pub within: Vec<Place>,
    /// Whether it stops the work.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// What is wrong and what to do.
    pub detail: String,
    /// What is wrong, for those who word the rest themselves: neither a capital letter nor the name of the system.
    pub reason: String,
}

impl FieldProblem {
    pub(crate) fn error(field: &'static str, summary: String, detail: String) -> Self {
        FieldProblem {
            field,
            within: Vec::new(),
            severity: Severity::Error,
            summary,
            reason: detail.clone(),
            detail,
        }
    }

    /// Whether another one points at the same place.
    pub fn is_where(&self, other: &FieldProblem) -> bool {
        self.field == other.field && self.within == other.within
    }

    /// The same for a value further inside.
    pub(crate) fn within(mut self, field: &'static str, place: Vec<Place>) -> Self {
        let inner = (!self.field.is_empty()).then(|| Place::Name(self.field.to_owned()));
        self.within = place.into_iter().chain(inner).chain(self.within).collect();
        FieldProblem { field, ..self }
    }

    /// A text that is not what its field wants.
    pub(crate) fn malformed(field: &'static str, name: &str, wrong: String) -> Self {
        let (summary, detail) = (format!("Invalid `{name}`"), format!("The value of `{name}`: {wrong}."));
        FieldProblem { reason: wrong, ..FieldProblem::error(field, summary, detail) }
    }

    pub(crate) fn warning(field: &'static str, summary: String, detail: String) -> Self {
        FieldProblem { severity: Severity::Warning, ..FieldProblem::error(field, summary, detail) }
    }
}

/// Whether a problem stops the work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}
