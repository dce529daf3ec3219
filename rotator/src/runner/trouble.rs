//! What can come in the way of a run.

use std::sync::Arc;

use thiserror::Error;
use tokenferry_sources::{FailureClass, Retry, SourceError, Timestamp, rfc3339};
use tokenferry_vault::VaultError;

use super::job::State;
use crate::handover;
use crate::notes::Fingerprints;
use crate::rotation::Destination;
use crate::run::{Class, Living, Outcome, RefusedLogins};
use crate::source::{self, OpenError};

#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("{at} was written by somebody else twice while we wrote it")]
    CasLost { at: Destination },
    #[error("{at} holds an entry that this program did not make{}", if *is_live { "" } else { UNDELETED })]
    ForeignEntry { at: Destination, is_live: bool },
    #[error(
        "the system refused this login at {}; it is not sent again before {}", rfc3339(*at), rfc3339(*until)
    )]
    KnownRefusal { class: Class, login: FailedLogin, at: Timestamp, until: Timestamp },
    #[error("{at} was written by a newer version of this program (schema {schema})")]
    NewerSchema { at: Destination, schema: u64 },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{at} belongs to the rotation \"{owner}\"")]
    OtherRotation { at: Destination, owner: String, ours: Arc<str> },
    #[error("{error}")]
    Source { error: Box<SourceError>, login: FailedLogin },
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What is to be remembered of a login that failed for good.
#[derive(Clone, Debug, Default)]
pub(super) struct FailedLogin {
    /// Of those of its credential, if it was refused.
    pub(super) refused: Option<RefusedLogins>,
    /// The last ones that failed; none if it may pass.
    pub(super) logins: Fingerprints,
}

/// Whether a token waits, after a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Waiting {
    /// None.
    Nothing,
    /// One that some destinations have got.
    Partly,
    /// One that stands nowhere yet.
    Whole,
}

impl Waiting {
    pub(super) fn of(state: &State) -> Self {
        match state.pending.as_deref() {
            None => Waiting::Nothing,
            Some(pending) if pending.written.iter().any(Option::is_some) => Waiting::Partly,
            Some(_) => Waiting::Whole,
        }
    }
}

impl Trouble {
    pub(super) fn class(&self) -> Class {
        match self {
            Trouble::CasLost { .. } => Class::new("cas_lost"),
            Trouble::ForeignEntry { .. } => Class::new("foreign_entry"),
            Trouble::KnownRefusal { class, .. } => class.clone(),
            Trouble::NewerSchema { .. } => Class::new("newer_schema"),
            Trouble::Open(error) => error.class(),
            Trouble::OtherRotation { .. } => Class::new("other_rotation"),
            Trouble::Source { error, .. } => Class::new(error.class().name()),
            Trouble::Vault(error) => Class::new(error.class()),
        }
    }

    /// Whether another try is of no use before somebody changes the login or what stands in a destination. Nobody
    /// tells us when a Vault was put right, and asking it costs no login.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Trouble::CasLost { .. } | Trouble::Open(_) | Trouble::Vault(_) => false,
            Trouble::ForeignEntry { .. }
            | Trouble::KnownRefusal { .. }
            | Trouble::NewerSchema { .. }
            | Trouble::OtherRotation { .. } => true,
            Trouble::Source { error, .. } => {
                // That a fresh token is not accepted yet may pass.
                error.class() != FailureClass::TokenRejected && error.retry() == Retry::Never
            }
        }
    }

    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Trouble::Source { error, .. } => match error.retry() {
                Retry::At(time) => Some(time),
                Retry::Backoff | Retry::Never => None,
            },
            Trouble::Open(error) => error.of_vault().and_then(VaultError::retry_at),
            Trouble::Vault(error) => error.retry_at(),
            _ => None,
        }
    }

    /// Whether a note about it can and may be left beside the entry: it is ours, and Vault answers.
    pub(super) fn is_notable(&self) -> bool {
        match self {
            Trouble::CasLost { .. } | Trouble::KnownRefusal { .. } | Trouble::Source { .. } => true,
            Trouble::Open(error) => error.of_vault().is_none_or(VaultError::is_answer),
            Trouble::ForeignEntry { .. } | Trouble::NewerSchema { .. } | Trouble::OtherRotation { .. } => {
                false
            }
            Trouble::Vault(error) => error.is_answer(),
        }
    }

    /// What came of a run that reached some destinations, but missed so many.
    pub(super) fn partly(&self, living: Living, missed: u32) -> Outcome {
        Outcome::Partly { living, missed, class: self.class(), retry_at: self.retry_at() }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let class = self.class();
        if self.is_lasting() {
            return Outcome::Refused { class, logins: self.login().and_then(|login| login.refused) };
        }
        Outcome::Failed { class, retry_at: self.retry_at() }
    }

    /// What is to be remembered of the login, if it is that which failed.
    pub(super) fn login(&self) -> Option<&FailedLogin> {
        match self {
            Trouble::KnownRefusal { login, .. } | Trouble::Source { login, .. } => Some(login),
            _ => None,
        }
    }

    /// What has come of the run, as the beginning of a line of the log. Where `others` work on the same, the next try may
    /// be theirs.
    pub(super) fn summary(&self, waiting: Waiting, others: bool) -> String {
        let text = match (self, waiting) {
            (Trouble::Source { error, .. }, _) => return error.summary(),
            (Trouble::KnownRefusal { .. }, _) => "a refused login was not sent again",
            (Trouble::Open(_), _) => "the source cannot be used",
            (_, Waiting::Nothing) => "nothing was published",
            (_, Waiting::Partly | Waiting::Whole) => {
                let everywhere = if waiting == Waiting::Partly { " everywhere" } else { "" };
                let next = if others { NEXT_AMONG_OTHERS } else { NEXT };
                return format!("the token was not published{everywhere}; {next}");
            }
        };
        text.to_owned()
    }

    /// Whether Vault is to blame, or what it was asked for.
    pub(super) fn is_of_vault(&self) -> bool {
        match self {
            Trouble::Open(error) => error.of_vault().is_some(),
            Trouble::Vault(_) => true,
            _ => false,
        }
    }

    pub(super) fn advice(&self) -> String {
        match self {
            Trouble::CasLost { .. } => {
                "Find out who else writes this entry: one destination is for one rotation."
                    .to_owned()
            }
            Trouble::ForeignEntry { is_live: true, .. } => {
                "Choose another `path`, or set `adopt = true` in this destination to take the entry over.".to_owned()
            }
            Trouble::ForeignEntry { is_live: false, .. } => {
                "Choose another `path`, or set `adopt = true` in this destination to take the entry over, or delete it \
                 with all versions and its metadata."
                    .to_owned()
            }
            Trouble::KnownRefusal { .. } => CHECK_LOGIN.to_owned(),
            Trouble::NewerSchema { .. } => "Run the newer version here, too.".to_owned(),
            Trouble::Open(error) => error.of_vault().map_or_else(
                || "Check the variables, files and entries of Vault that the source refers to.".to_owned(),
                VaultError::advice,
            ),
            Trouble::OtherRotation { at, owner, ours } => handover::advice(&at.entry, owner, ours),
            Trouble::Source { error, .. } if error.class() == FailureClass::LoginRefused => {
                CHECK_LOGIN.to_owned()
            }
            Trouble::Source { error, .. } => source::advice(error),
            Trouble::Vault(error) => error.advice(),
        }
    }
}

const CHECK_LOGIN: &str = "Check the user and the secret of its source. The same login is not tried again for a while; \
     a secret that changes in its file is noticed within seconds, one in Vault within about a minute, and one in the \
     environment at the next start.";
/// What becomes of a token that waits.
const NEXT: &str = "the next try goes on with it, without another login";
const NEXT_AMONG_OTHERS: &str = "the next try may go on with it if it is made here, else it logs in again";
const UNDELETED: &str = "; it is deleted, but whoever made it can undelete it";

#[cfg(test)]
mod tests {
    use tokenferry_vault::KvPath;

    use super::*;

    #[test]
    fn only_who_works_alone_promises_that_a_waiting_token_needs_no_other_login() {
        let trouble = Trouble::CasLost { at: Destination::new(KvPath::new("secret", "home")) };
        for waiting in [Waiting::Partly, Waiting::Whole] {
            let told = [false, true].map(|others| trouble.summary(waiting, others));
            assert_eq!(
                told.clone().map(|told| told.contains("without another login")),
                [true, false],
                "{told:?}"
            );
            assert!(told[1].ends_with("else it logs in again"), "{told:?}");
        }
    }
}
