//! How a rotation stands, as readers are concerned.

use tokenferry_sources::Timestamp;

use super::{Exit, exit_of_failure};
use crate::run::Standing;

/// How a rotation stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// It is not run.
    Disabled,
    /// A living token, and no trouble.
    Fine,
    /// A living token, but the last run failed.
    Failing,
    /// The token that readers find is over.
    Dead,
    /// There has never been a token.
    Missing,
    /// Vault could not be read.
    Unread,
}

impl State {
    pub(super) fn of(standing: Option<&Standing>, now: Timestamp) -> Self {
        let Some(standing) = standing else { return State::Unread };
        match (&standing.living, &standing.failure) {
            (None, _) => State::Missing,
            (Some(living), _) if exit_of_failure(Some(living), now) == Exit::DeadToken => State::Dead,
            (Some(_), Some(_)) => State::Failing,
            (Some(_), None) => State::Fine,
        }
    }

    pub(super) fn exit(self) -> Exit {
        match self {
            State::Disabled | State::Fine => Exit::Fine,
            State::Failing => Exit::Failed,
            State::Dead | State::Missing | State::Unread => Exit::DeadToken,
        }
    }

    /// Whether readers find a living token.
    pub(super) fn is_alive(self) -> bool {
        matches!(self, State::Failing | State::Fine)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            State::Disabled => "disabled",
            State::Fine => "fine",
            State::Failing => "failing",
            State::Dead => "dead",
            State::Missing => "missing",
            State::Unread => "unread",
        }
    }
}
