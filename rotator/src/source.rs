//! A configured source: what the configuration says about one way to get tokens, secrets as references.

mod advice;
mod setting;
#[cfg(test)]
mod tests;

pub(crate) use advice::advice;
pub use setting::{Setting, Settings, VaultField};
pub use tokenferry_sources::{Reference, ReferenceError};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::{
    BuildContext, Clock, Environment, FieldKind, FieldProblem, GivenFields, HttpClient, HttpSettings,
    Predecessor, ProcessEnvironment, Severity, System, TokenSource,
};
use tokenferry_vault::{KvPath, Vault, VaultError};
use zeroize::Zeroizing;

use self::setting::Reading;
use crate::rate::Rate;
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
    pub http: Arc<HttpSettings>,
    /// The life that the configuration states for its tokens.
    pub ttl: Option<Duration>,
    /// How many logins it may make in a time, for all its rotations together.
    pub rate: Option<Rate>,
    /// Where its refresh token is kept, if it is to be used.
    pub session: Option<Box<KvPath>>,
}

impl Source {
    /// How long its tokens live as the system documents it. What is only passed on was made elsewhere, so nothing is
    /// documented of its life.
    pub fn documented_life(&self) -> Option<Duration> {
        let mut passed_on = self.system.credentials.iter().filter(|credential| credential.identity.is_none());
        let is_passed_on =
            passed_on.any(|credential| credential.secrets().any(|field| self.field(field).is_some()));
        self.system.documented_life.filter(|_| !is_passed_on)
    }

    /// What getting a new token does to the one before it.
    pub fn predecessor(&self) -> Predecessor {
        if self.session.is_some() { Predecessor::Dies } else { self.system.predecessor }
    }

    /// Whether they are equal, but for how many logins they may make.
    pub fn is_same_but_for_rate(&self, other: &Self) -> bool {
        let Source { name, system, fields, http, ttl, rate: _, session } = self;
        (name, system.name, fields, http, ttl, session)
            == (&other.name, other.system.name, &other.fields, &other.http, &other.ttl, &other.session)
    }

    /// What is kept outside of Vault and cannot be read, with the way to where it is referred to, as in
    /// `secrets.private_key`.
    pub fn unreadable(&self, environment: &dyn Environment) -> Vec<(String, ReferenceError)> {
        let mut found = Vec::new();
        for (name, setting) in &self.fields {
            let kind = self.system.field(name).map(|field| field.kind);
            setting.unreadable(name, kind, environment, &mut found);
        }
        found
    }

    /// What is kept in Vault, by field.
    pub fn in_vault(&self) -> impl Iterator<Item = (&'static str, &VaultField)> {
        self.settings().filter_map(|(name, setting)| match setting {
            Setting::InVault(kept) => Some((name, &**kept)),
            _ => None,
        })
    }

    /// Where else secrets are kept.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.settings().filter_map(|(_, setting)| match setting {
            Setting::Reference(reference) => Some(reference),
            _ => None,
        })
    }

    /// All that is written, with the field that it stands in.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.fields.iter().flat_map(|(name, setting)| setting.all().map(|setting| (*name, setting)))
    }

    /// What is written in a field.
    pub fn field(&self, name: &str) -> Option<&Setting> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, setting)| setting)
    }

    /// Reads everything that is kept elsewhere, anew, and makes the source ready to log in. Nothing is sent yet.
    ///
    /// # Errors
    /// When something cannot be read, or is not what its field wants.
    pub async fn open(
        &self,
        environment: &dyn Environment,
        vault: &Vault,
        http: &Arc<HttpClient>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Opened, OpenError> {
        let reading = Reading::new(environment, vault, self.in_vault()).await?;
        let given = self.given(&reading)?;
        let mut problems = self.system.check(&given);
        let (settings, more) = self.system.resolve(&given, &BTreeMap::new());
        let is_new = |problem: &FieldProblem| {
            problem.severity == Severity::Error && !problems.iter().any(|known| problem.is_where(known))
        };
        let more: Vec<FieldProblem> = more.into_iter().filter(is_new).collect();
        problems.extend(more);
        if !problems.is_empty() {
            return Err(self.bad_settings(&problems));
        }
        let context = BuildContext { http: Arc::clone(http), clock: Arc::clone(clock) };
        let login =
            self.system.build(&settings, &context).map_err(|problems| self.bad_settings(&problems))?;
        Ok(Opened { login, material: self.system.material(&given) })
    }

    fn given(&self, reading: &Reading<'_>) -> Result<GivenFields, OpenError> {
        let read = |(field, setting): &(&'static str, Setting)| {
            let kind = self.system.field(field).map(|field| field.kind);
            Ok(((*field).to_owned(), reading.given(field, kind, setting)?))
        };
        self.fields.iter().map(read).collect()
    }

    /// What is wrong with fields after they were read. What is said of durations repeats parts of them otherwise.
    fn bad_settings(&self, problems: &[FieldProblem]) -> OpenError {
        let said = |problem: &FieldProblem| {
            let kept = self.in_vault().filter(|(field, _)| *field == problem.field);
            let kept: Vec<String> = kept.map(|(_, kept)| kept.to_string()).collect();
            let wrong = match self.system.field(problem.field).map(|field| field.kind) {
                Some(FieldKind::Duration) => format!("`{}` is not a duration such as \"90s\"", problem.field),
                _ => problem.detail.trim_end_matches('.').to_owned(),
            };
            if kept.is_empty() { wrong } else { format!("{wrong} (read from Vault: {})", kept.join(", ")) }
        };
        OpenError::BadSettings {
            source_name: Arc::clone(&self.name),
            problems: problems.iter().map(said).collect::<Vec<_>>().join("; "),
        }
    }
}

/// What sources refer to that cannot be read now, in a sentence each. What is kept in Vault is not looked at.
pub fn unreadable(sources: &[Arc<Source>]) -> impl Iterator<Item = String> {
    sources.iter().flat_map(|source| {
        source
            .unreadable(&ProcessEnvironment)
            .into_iter()
            .map(|(way, error)| format!("`{way}` of source {} cannot be read here: {error}", source.name))
    })
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_but_for_rate(other) && self.rate == other.rate
    }
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
    /// A field could not be read from Vault.
    #[error("cannot read `{field}` from Vault")]
    InVault {
        /// The field.
        field: &'static str,
        /// Why.
        source: VaultError,
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
            OpenError::InVault { source, .. } => Class::new(source.class()),
            OpenError::Unavailable { .. } => Class::new("secret_unavailable"),
        }
    }

    /// What Vault said, if the trouble is with Vault.
    pub fn of_vault(&self) -> Option<&VaultError> {
        match self {
            OpenError::InVault { source, .. } => Some(source),
            _ => None,
        }
    }
}
