//! A rotation with what this process knows about it.

use std::sync::Arc;

use tokenferry_sources::{HttpClient, Timestamp, Token};
use tokio::sync::Mutex;

use super::place::{Place, living};
use super::publish::Written;
use crate::entry::{Entry, Fingerprint};
use crate::rotation::Rotation;
use crate::run::Due;

pub(super) struct Job {
    pub(super) rotation: Arc<Rotation>,
    pub(super) http: Arc<HttpClient>,
    pub(super) state: Mutex<State>,
}

/// What only one at a time may look at or change.
pub(super) struct State {
    /// One for each destination; `None` if it has to be read.
    pub(super) places: Vec<Option<Place>>,
    /// A token that does not stand in every destination yet.
    pub(super) pending: Option<Box<Pending>>,
    /// Of the login that failed for good.
    pub(super) failed_login: Option<Fingerprint>,
}

pub(super) struct Pending {
    pub(super) token: Token,
    pub(super) occurrence: Timestamp,
    /// One for each destination: the version that it replaces. What is not newer was not written by somebody else
    /// in the meantime.
    pub(super) replaces: Vec<u64>,
    /// One for each destination: what was achieved there.
    pub(super) written: Vec<Option<Written>>,
}

impl Job {
    pub(super) fn new(rotation: Arc<Rotation>, http: Arc<HttpClient>) -> Self {
        let places = rotation.destinations.iter().map(|_| None).collect();
        let state = State { places, pending: None, failed_login: None };
        Job { rotation, http, state: Mutex::new(state) }
    }
}

impl Pending {
    pub(super) fn new(token: Token, due: &Due, replaces: Vec<u64>) -> Self {
        Pending { token, occurrence: due.occurrence, written: vec![None; replaces.len()], replaces }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;
    use tokenferry_sources::{Expiry, HttpSettings, Identity, TokenUsage, system};

    use super::*;
    use crate::rotation::RenewBefore;
    use crate::run::{Reason, RotationId};
    use crate::schedule::Schedule;
    use crate::source::Source;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn rotation() -> Rotation {
        let source = Source {
            name: "zettelstore.home".into(),
            system: system("zettelstore").unwrap(),
            fields: Box::default(),
            http: HttpSettings::default(),
            ttl: None,
        };
        Rotation {
            name: "home".into(),
            source: Arc::new(source),
            schedule: Schedule::parse("@hourly", "UTC").unwrap(),
            renew_before: RenewBefore::Percent(30),
            reader_lag: Duration::ZERO,
            spread: Duration::ZERO,
            verify: false,
            destinations: Vec::new(),
        }
    }

    fn due(occurrence: Timestamp) -> Due {
        Due {
            rotation: RotationId(0),
            occurrence,
            reason: Reason::Schedule,
            attempt: 1,
            not_before: occurrence,
            deadline: None,
        }
    }

    fn pending(expiry: Expiry) -> Pending {
        let usage =
            TokenUsage { token_type: "Bearer", header_name: "Authorization", value_prefix: "Bearer " };
        let identity = Identity { system: "zettelstore", issuer: String::new(), subject: String::new() };
        Pending::new(Token::new("t0ken".into(), usage, identity, NOW, expiry), &due(NOW), vec![0])
    }

    #[test]
    fn a_waiting_token_serves_as_long_as_it_would_not_be_due_at_once() {
        let pending = pending(Expiry::Reported(NOW + TimeDelta::seconds(100)));
        let serves = |seconds| {
            let now = NOW + TimeDelta::seconds(seconds);
            pending.serves(&rotation(), &due(now), now)
        };
        assert!(serves(69) && !serves(70) && !serves(200));
    }

    #[test]
    fn a_waiting_token_of_unknown_life_serves_the_run_it_was_issued_for() {
        let pending = pending(Expiry::Unknown);
        let later = NOW + TimeDelta::days(1);
        assert!(pending.serves(&rotation(), &due(NOW), later));
        assert!(!pending.serves(&rotation(), &due(later), later));
    }
}
