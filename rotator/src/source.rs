//! A configured source: what the configuration says about one way to get tokens, secrets as references.

#[cfg(test)]
mod tests;

pub use tokenferry_sources::{Reference, ReferenceError};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::{
    BuildContext, Clock, Environment, FieldKind, FieldProblem, Given, GivenFields, HttpClient, HttpSettings,
    Severity, System, TokenSource,
};
use zeroize::Zeroizing;

use crate::run::Class;

/// One `source` block.
#[derive(Debug)]
pub struct Source {
    /// `SYSTEM.NAME`, as rotations refer to it.
    pub name: Arc<str>,
    /// Where it logs in.
    pub system: &'static System,
    /// Its fields that are written, with their names.
    pub fields: Box<[(&'static str, Setting)]>,
    /// How it speaks HTTP.
    pub http: HttpSettings,
    /// The life that the configuration states for its tokens.
    pub ttl: Option<Duration>,
}

impl Source {
    /// What is kept elsewhere, by field.
    pub fn references(&self) -> impl Iterator<Item = (&str, &Reference)> {
        self.fields.iter().filter_map(|(name, setting)| match setting {
            Setting::Reference(reference) => Some((*name, reference)),
            Setting::Literal(_) => None,
        })
    }

    /// What is written in a field.
    pub fn field(&self, name: &str) -> Option<&Setting> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, setting)| setting)
    }

    /// Reads everything that is kept elsewhere, anew, and makes the source ready to log in. Nothing is sent yet.
    ///
    /// # Errors
    /// When something cannot be read, or is not what its field wants.
    pub fn open(
        &self,
        environment: &dyn Environment,
        http: &Arc<HttpClient>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Opened, OpenError> {
        let given = self.given(environment)?;
        let mut problems = self.system.check(&given);
        let (settings, more) = self.system.resolve(&given, &BTreeMap::new());
        problems.extend(more.into_iter().filter(|problem| problem.severity == Severity::Error));
        if !problems.is_empty() {
            return Err(self.bad_settings(&problems));
        }
        let context = BuildContext { http: Arc::clone(http), clock: Arc::clone(clock) };
        let login =
            self.system.build(&settings, &context).map_err(|problems| self.bad_settings(&problems))?;
        Ok(Opened { login, material: self.system.material(&given) })
    }

    fn given(&self, environment: &dyn Environment) -> Result<GivenFields, OpenError> {
        let read = |(field, setting): &(&'static str, Setting)| {
            let given = match setting {
                Setting::Literal(given) => given.clone(),
                Setting::Reference(reference) => {
                    let text = match self.system.field(field).map(|field| field.kind) {
                        Some(FieldKind::SecretLines) => reference.read_lines(environment),
                        _ => reference.read(environment),
                    };
                    Given::Text(text.map_err(|source| OpenError::Unavailable { field, source })?)
                }
            };
            Ok(((*field).to_owned(), given))
        };
        self.fields.iter().map(read).collect()
    }

    /// What is wrong with fields after they were read. What is said of durations repeats parts of them otherwise.
    fn bad_settings(&self, problems: &[FieldProblem]) -> OpenError {
        let said = |problem: &FieldProblem| match self.system.field(problem.field).map(|field| field.kind) {
            Some(FieldKind::Duration) => format!("`{}` is not a duration such as \"90s\"", problem.field),
            _ => problem.detail.trim_end_matches('.').to_owned(),
        };
        OpenError::BadSettings {
            source_name: Arc::clone(&self.name),
            problems: problems.iter().map(said).collect::<Vec<_>>().join("; "),
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Written in the file; never a secret.
    Literal(Given),
    /// To be read where it is kept, anew at each use.
    Reference(Reference),
}

/// A source that is ready to log in.
pub struct Opened {
    /// Logs in.
    pub login: Arc<dyn TokenSource>,
    /// Every setting that a login sends or is sent to, in a fixed order: to tell whether a login has changed.
    pub material: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("login", &self.login).finish_non_exhaustive()
    }
}

/// Why a source cannot log in. No value is ever repeated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// What was read does not fit together.
    #[error("the settings of `{source_name}` are wrong: {problems}")]
    BadSettings {
        /// The source.
        source_name: Arc<str>,
        /// What is wrong with which.
        problems: String,
    },
    /// A field could not be read.
    #[error("cannot read `{field}`")]
    Unavailable {
        /// The field.
        field: &'static str,
        /// Why.
        source: ReferenceError,
    },
}

impl OpenError {
    /// Its kind.
    pub fn class(&self) -> Class {
        match self {
            OpenError::BadSettings { .. } => Class::new("bad_setting"),
            OpenError::Unavailable { .. } => Class::new("secret_unavailable"),
        }
    }
}
