//! A login to Vault: a token, with what is known of its life.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vaultrs::api::EndpointMiddleware;
use zeroize::Zeroize;

use crate::lease::Lease;

/// A token of Vault, ready to be sent. Wiped when dropped.
pub(crate) struct Login {
    /// With every request for entries.
    pub(crate) middle: EndpointMiddleware,
    /// With what concerns the token itself, which may live in another namespace.
    pub(crate) home: EndpointMiddleware,
    /// What was logged in with, as [`crate::Vault::credential`] knows it.
    pub(crate) credential: u64,
    pub(crate) lease: Mutex<Lease>,
    pub(crate) life: Mutex<SignsOfLife>,
}

/// What tells a token that is forbidden something from one that is dead, where it may not look itself up.
pub(crate) struct SignsOfLife {
    pub(crate) made: Instant,
    /// When Vault last took it for good.
    pub(crate) accepted: Option<Instant>,
    /// Whether it may not look itself up, as far as can be told.
    pub(crate) blind: bool,
    /// A credential that was to replace it and was of no use, and when that was.
    pub(crate) declined: Option<(u64, Instant)>,
}

impl Login {
    pub(crate) fn lease(&self) -> Lease {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_lease(&self, lease: Lease) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    pub(crate) fn is_blind(&self) -> bool {
        self.life().blind
    }

    /// Whether it can be taken for alive although even its look-up is forbidden: just made, and not used with success
    /// yet; later on, if that was found then and it was accepted for something not long ago.
    pub(crate) fn seems_alive(&self) -> bool {
        let life = self.life();
        match (life.blind, life.accepted) {
            (true, accepted) => accepted.unwrap_or(life.made).elapsed() < LIFE_UNSEEN,
            (false, None) => life.made.elapsed() < JUST_MADE,
            (false, Some(_)) => false,
        }
    }

    /// Whether this credential proved to be of no use to replace it, not long ago.
    pub(crate) fn has_declined(&self, credential: u64) -> bool {
        let declined = self.life().declined;
        declined.is_some_and(|(known, at)| known == credential && at.elapsed() < DECLINED)
    }

    pub(crate) fn life(&self) -> MutexGuard<'_, SignsOfLife> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.middle.token.zeroize();
        self.home.token.zeroize();
    }
}

/// After so long what was of no use may be of use: somebody may have told Vault about it.
const DECLINED: Duration = Duration::from_mins(15);
/// So long after its making nobody ended a token.
const JUST_MADE: Duration = Duration::from_mins(1);
/// How long a token that may not look itself up is taken for alive after its last success.
const LIFE_UNSEEN: Duration = Duration::from_mins(10);
