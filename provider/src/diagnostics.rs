//! What the sources report, in the form in which Terraform shows it.

use std::error::Error;

use tfplugin::{AttributePath, Diagnostic, Diagnostics, sentence};
use tokenferry_sources::{FieldProblem, Severity, SourceError, Token};

/// A problem with one field of the provider block.
pub(crate) fn of_field(problem: FieldProblem) -> Diagnostic {
    match problem.severity {
        Severity::Error => Diagnostic::error(problem.summary, problem.detail),
        Severity::Warning => Diagnostic::warning(problem.summary, problem.detail),
    }
}

/// A failed read: what was attempted, what came back, what to do.
pub(crate) fn of_source(error: &SourceError) -> Diagnostics {
    let detail = format!("{}\n\n{}", sentence(&chain(error)), error.advice());
    let path = match error {
        SourceError::ExpiryUnknown { .. } | SourceError::TooShortLived { .. } => "minimum_lifetime",
        SourceError::MissingOtp { .. } | SourceError::MissingPassword { .. } => "purpose",
        SourceError::AmbiguousDevice { device, .. }
        | SourceError::NoSuchDevice { device }
        | SourceError::UnknownDevice { device, .. } => device.field(),
        SourceError::NoOtp { .. } => "udid",
        _ => return Diagnostic::error(error.summary(), detail).into(),
    };
    Diagnostic::error(error.summary(), detail).at(AttributePath::root().attribute(path)).into()
}

/// A part of the provider block that is decided only during apply, and that a read cannot do without.
pub(crate) fn not_known_yet(path: &AttributePath) -> Diagnostic {
    let detail = format!(
        "`{path}` in the provider block depends on something that is created only during apply, so nothing can be read \
         with it now. Apply that first, with `-target`, or set `{path}` to a value that is known while planning, such as \
         that of a variable."
    );
    Diagnostic::error("Provider configuration not known yet", detail).at(path.clone())
}

/// What the user of a token should be told although it works.
pub(crate) fn of_token(token: &Token) -> Diagnostics {
    token.notes.iter().map(|note| Diagnostic::warning(note.summary(), note.detail())).collect()
}

/// The error with its causes, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
