//! A rotation with what this process knows about it.

use std::sync::Arc;

use tokenferry_sources::{HttpClient, Timestamp, Token};
use tokio::sync::Mutex;

use super::credential;
use super::place::{Place, living};
use super::publish::Written;
use crate::entry::{Entry, Fingerprint};
use crate::rotation::Rotation;
use crate::run::{CredentialKey, Due};

pub(super) struct Job {
    pub(super) rotation: Arc<Rotation>,
    pub(super) http: Arc<HttpClient>,
    pub(super) credential: CredentialKey,
    pub(super) state: Mutex<State>,
}

/// What only one at a time may look at or change.
pub(super) struct State {
    /// One for each destination; `None` if it has to be read.
    pub(super) places: Vec<Option<Place>>,
    /// A token that does not stand in every destination yet.
    pub(super) pending: Option<Pending>,
    /// Of the login that failed for good.
    pub(super) failed_login: Option<Fingerprint>,
}

pub(super) struct Pending {
    pub(super) token: Token,
    pub(super) occurrence: Timestamp,
    /// One for each destination: what was achieved there.
    pub(super) written: Vec<Option<Written>>,
}

impl Job {
    pub(super) fn new(rotation: Arc<Rotation>, http: Arc<HttpClient>) -> Self {
        let places = rotation.destinations.iter().map(|_| None).collect();
        let state = State { places, pending: None, failed_login: None };
        Job { credential: credential::key(&rotation.source), http, state: Mutex::new(state), rotation }
    }
}

impl Pending {
    pub(super) fn new(token: Token, due: &Due, destinations: usize) -> Self {
        Pending { token, occurrence: due.occurrence, written: vec![None; destinations] }
    }

    /// Takes note of an entry that was found at a destination: one with this very token was written by us, even if
    /// the answer to that was lost.
    pub(super) fn found(&mut self, index: usize, entry: &Entry, version: u64) {
        if let Some(written) = self.written.get_mut(index).filter(|_| entry.holds(&self.token)) {
            *written = Some(Written::Ours(living(entry, version)));
        }
    }

    /// Whether publishing it is as good as a new login: it would not be due for renewal at once. If nobody knows
    /// when it ends, it is good for the occurrence that it was issued for.
    pub(super) fn serves(&self, rotation: &Rotation, due: &Due, now: Timestamp) -> bool {
        match (self.token.life(), self.token.life_left(now)) {
            (Some(life), Some(left)) => left > rotation.renew_before.of(life),
            _ => self.occurrence == due.occurrence,
        }
    }
}
