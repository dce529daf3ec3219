//! What failed logins teach all rotations of a credential: what one of them was told, the next need not ask again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use tokenferry_sources::{FailureClass, Retry, SourceError, Timestamp};

use crate::notes::Fingerprint;
use crate::run::CredentialKey;

/// The failures that still hold, by credential.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<CredentialKey, Vec<Held>>>);

/// A failure that would come again.
struct Held {
    at: Timestamp,
    hold: TimeDelta,
    /// Of the login that was refused; `None` if it concerns every login with this credential.
    login: Option<Fingerprint>,
    error: SourceError,
}

impl Memory {
    /// What another login of this material would come to, and what that is known of.
    pub(super) fn recall(
        &self,
        credential: &CredentialKey,
        material: &[u8],
        now: Timestamp,
    ) -> Option<(SourceError, Option<Fingerprint>)> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = memory.get(credential)?.iter().find(|held| held.applies(material, now))?;
        Some((held.error.clone(), held.login))
    }

    /// Keeps a failure for as long as asking again is of no use, or would do harm.
    pub(super) fn learn(
        &self,
        credential: &CredentialKey,
        error: &SourceError,
        login: Option<Fingerprint>,
        now: Timestamp,
    ) {
        let (hold, login) = match (error.class(), error.retry(), login) {
            (FailureClass::LoginRefused, _, Some(login)) => (REFUSED, Some(login)),
            (FailureClass::RateLimited, Retry::At(until), _) => ((until - now).min(LONGEST), None),
            _ => return,
        };
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = memory.entry(credential.clone()).or_default();
        failures.retain(|held| held.is_fresh(now));
        failures.push(Held { at: now, hold, login, error: error.clone() });
    }

    /// A login of this credential succeeded.
    pub(super) fn forget(&self, credential: &CredentialKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(credential);
    }
}

impl Held {
    fn applies(&self, material: &[u8], now: Timestamp) -> bool {
        self.is_fresh(now) && self.login.is_none_or(|login| login.fits(material))
    }

    /// Also where the clock was put back meanwhile.
    fn is_fresh(&self, now: Timestamp) -> bool {
        (now - self.at).abs() < self.hold
    }
}

/// As long as the scheduler leaves the first refused login alone.
const REFUSED: TimeDelta = TimeDelta::minutes(15);
/// What the other side says is believed for a day.
const LONGEST: TimeDelta = TimeDelta::days(1);
