//! Messages for the person who runs Terraform.

use tfplugin_proto::tfplugin6 as pb;

use crate::path::AttributePath;
use crate::value::WireError;

/// Whether a message stops the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The run fails.
    Error,
    /// The run goes on.
    Warning,
}

/// One message: what is wrong, in detail with what to do, and which attribute it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    summary: String,
    detail: String,
    path: AttributePath,
}

impl Diagnostic {
    /// An error: a short summary without a full stop, and a detail that says what to do.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: AttributePath::root(),
        }
    }

    /// A warning.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary, detail) }
    }

    /// The same message about the attribute at `path`.
    #[must_use]
    pub fn at(self, path: AttributePath) -> Self {
        Self { path, ..self }
    }

    /// How severe it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The headline.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What happened and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Which attribute it is about; the root if it is about the whole.
    pub fn path(&self) -> &AttributePath {
        &self.path
    }

    fn to_proto(&self) -> pb::Diagnostic {
        let severity = match self.severity {
            Severity::Error => pb::diagnostic::Severity::Error,
            Severity::Warning => pb::diagnostic::Severity::Warning,
        };
        pb::Diagnostic {
            severity: severity.into(),
            summary: if self.summary.is_empty() { "Provider error".to_owned() } else { self.summary.clone() },
            detail: self.detail.clone(),
            attribute: self.path.to_proto(),
        }
    }
}

impl From<WireError> for Diagnostic {
    fn from(error: WireError) -> Self {
        let place = error.path.to_string();
        let subject = if place.is_empty() { "The configuration".to_owned() } else { format!("`{place}`") };
        let detail = format!(
            "{subject} cannot be read: {}. If the configuration follows the documentation, this is a bug in the \
             provider or the program that started it.",
            error.problem
        );
        Self::error("Invalid value from the host", detail).at(error.path)
    }
}

/// Messages in the order in which they came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    pub(crate) fn to_proto(&self) -> Vec<pb::Diagnostic> {
        self.0.iter().map(Diagnostic::to_proto).collect()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<WireError> for Diagnostics {
    fn from(error: WireError) -> Self {
        Diagnostic::from(error).into()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        Self(diagnostics.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_reaches_the_host_without_severity_and_summary() {
        for diagnostic in [Diagnostic::error("", ""), Diagnostic::warning("", "x")] {
            let sent = diagnostic.to_proto();
            assert!(sent.severity == 1 || sent.severity == 2);
            assert!(!sent.summary.is_empty());
        }
    }

    #[test]
    fn a_path_reaches_the_host_step_by_step() {
        let path = AttributePath::root().attribute("a").index(3).key("k");
        assert_eq!(path.to_string(), "a[3][\"k\"]");
        assert_eq!(Diagnostic::error("x", "").at(path).to_proto().attribute.unwrap().steps.len(), 3);
        assert_eq!(Diagnostic::error("x", "").to_proto().attribute, None);
    }
}
