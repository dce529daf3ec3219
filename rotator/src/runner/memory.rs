//! What failed logins teach all rotations of a credential: what one of them was told, the next need not ask again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use tokenferry_sources::{FailureClass, Retry, SourceError, Timestamp};

use super::trouble::{FailedLogin, Trouble};
use crate::notes::{Fingerprints, NotedFailure, Salt};
use crate::run::{Class, CredentialKey, RefusedLogins};
use crate::scheduler::{CLOCK_TOLERANCE, refused_login_hold};

/// The failures that may still hold, by credential.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<CredentialKey, Known>>);

#[derive(Default)]
struct Known {
    refused: Option<Refused>,
    limited: Option<Limited>,
    /// Whether a login of this process succeeded since one was refused.
    has_succeeded: bool,
}

/// Logins that were refused, with no success since.
struct Refused {
    class: Class,
    count: RefusedLogins,
    logins: Fingerprints,
}

/// The other side wants to be left alone, whatever the login.
struct Limited {
    at: Timestamp,
    hold: TimeDelta,
    error: SourceError,
}

impl Memory {
    /// What another login of this material would come to. What was refused before the last success is over.
    pub(super) fn recall(
        &self,
        credential: &CredentialKey,
        material: &[u8],
        last_success: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Trouble> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = memory.get_mut(credential)?;
        known.refused.take_if(|refused| refused.is_before(last_success));
        if let Some(limited) =
            known.limited.as_ref().filter(|limited| is_fresh(limited.at, limited.hold, now))
        {
            let error = limited.error.clone().into();
            return Some(Trouble::Source { error, login: FailedLogin::default() });
        }
        known.refused.as_ref().filter(|refused| refused.applies(material, now)).map(Refused::again)
    }

    /// Keeps a failure for as long as asking again is of no use, or would do harm. What is to be noted of the login, if
    /// it was refused.
    pub(super) fn learn(
        &self,
        credential: &CredentialKey,
        error: &SourceError,
        (salt, material): (Salt, &[u8]),
        now: Timestamp,
    ) -> Option<FailedLogin> {
        let class = Class::new(error.class().name());
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if class.is_refused_login() {
            let known = memory.entry(*credential).or_default();
            known.has_succeeded = false;
            let refused = known.refused.get_or_insert_with(|| Refused::none(class.clone(), now));
            refused.class = class;
            refused.count = RefusedLogins { times: refused.count.times.saturating_add(1), last: now };
            refused.logins.add(salt, material);
            return Some(refused.told());
        }
        if let (FailureClass::RateLimited, Retry::At(until)) = (error.class(), error.retry()) {
            let hold = (until - now).min(LONGEST);
            let limited = Limited { at: now, hold, error: error.clone() };
            memory.entry(*credential).or_default().limited = Some(limited);
        }
        None
    }

    /// Heeds what was noted, perhaps by another process or for another rotation. If that seems to be yet to come, the
    /// clock was put back since, and nobody knows how long ago it was.
    pub(super) fn heed(&self, credential: &CredentialKey, noted: &NotedFailure, now: Timestamp) {
        let is_to_come = (noted.at - now).to_std().is_ok_and(|ahead| ahead > CLOCK_TOLERANCE);
        if noted.refusals == 0 || noted.failed_logins.is_empty() || is_to_come {
            return;
        }
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = memory.entry(*credential).or_default();
        let count = RefusedLogins { times: noted.refusals, last: noted.at };
        // Where a refresh failed, too, it is the class of that.
        let class = Some(noted.class.clone()).filter(Class::is_refused_login);
        let class = class.unwrap_or(Class::new(FailureClass::LoginRefused.name()));
        let noted = Refused { class, count, logins: noted.failed_logins.clone() };
        known.refused = Some(match known.refused.take() {
            Some(refused) => refused.with(noted),
            None => noted,
        });
    }

    /// A login of this credential succeeded.
    pub(super) fn forget(&self, credential: &CredentialKey) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match memory.get_mut(credential) {
            Some(known) if known.has_succeeded => *known = Known::succeeded(),
            _ => drop(memory.remove(credential)),
        }
    }

    /// The same for one that other rotations have, too: it is right, and they need not ask.
    pub(super) fn trust(&self, credential: &CredentialKey) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.insert(*credential, Known::succeeded());
    }

    /// Whether the last login of this process succeeded.
    pub(super) fn trusts(&self, credential: &CredentialKey) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.get(credential).is_some_and(|known| known.has_succeeded)
    }
}

impl Known {
    fn succeeded() -> Self {
        Known { refused: None, limited: None, has_succeeded: true }
    }
}

impl Refused {
    fn none(class: Class, now: Timestamp) -> Self {
        Refused { class, count: RefusedLogins { times: 0, last: now }, logins: Fingerprints::default() }
    }

    /// What two who were refused know together: the later one counted what the other did.
    fn with(self, other: Refused) -> Self {
        let when = |refused: &Refused| (refused.count.last.timestamp(), refused.count.times);
        let (earlier, mut later) = if when(&self) <= when(&other) { (self, other) } else { (other, self) };
        later.logins = earlier.logins.and(&later.logins);
        later
    }

    fn applies(&self, material: &[u8], now: Timestamp) -> bool {
        is_fresh(self.count.last, self.hold(), now) && self.logins.fit(material)
    }

    fn hold(&self) -> TimeDelta {
        let hold = refused_login_hold(&self.class, self.count.times);
        TimeDelta::from_std(hold).unwrap_or(LONGEST)
    }

    fn is_before(&self, success: Option<Timestamp>) -> bool {
        success.is_some_and(|success| self.count.last.timestamp() < success.timestamp())
    }

    fn told(&self) -> FailedLogin {
        FailedLogin { refused: Some(self.count), logins: self.logins.clone() }
    }

    fn again(&self) -> Trouble {
        let until = self.count.last + self.hold();
        Trouble::KnownRefusal { class: self.class.clone(), login: self.told(), at: self.count.last, until }
    }
}

/// Also where the clock was put back meanwhile.
fn is_fresh(at: Timestamp, hold: TimeDelta, now: Timestamp) -> bool {
    (now - at).abs() < hold
}

/// What the other side says is believed for a day.
const LONGEST: TimeDelta = TimeDelta::days(1);
