//! A rotation with what this process knows about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use tokenferry_sources::{HttpClient, Timestamp, Token};
use tokio::sync::Mutex;

use super::credential;
use super::place::Place;
use super::publish::Written;
use super::refresh::Ended;
use crate::notes::Fingerprints;
use crate::rotation::Rotation;
use crate::run::{Class, CredentialKey, Due};
use crate::source::Source;

pub(super) struct Job {
    pub(super) rotation: Arc<Rotation>,
    pub(super) http: Arc<HttpClient>,
    pub(super) credential: CredentialKey,
    /// Shared by all that a rotation was and is, as long as its tokens are the same.
    pub(super) state: Arc<Mutex<State>>,
    /// How many logins its last run sent.
    pub(super) logins: AtomicU32,
    /// Whether that left readers with a token that a refresh has ended.
    pub(super) ended_token: AtomicBool,
    /// Whether there is a token that could not be stored yet.
    pub(super) keeps_token: AtomicBool,
}

/// What only one at a time may look at or change.
pub(super) struct State {
    /// One for each destination; `None` if it has to be read.
    pub(super) places: Vec<Option<Place>>,
    /// A token that does not stand in every destination yet.
    pub(super) pending: Option<Box<Pending>>,
    /// Of the last logins that failed for good.
    pub(super) failed_logins: Fingerprints,
    /// Whether a login of this process succeeded.
    pub(super) has_logged_in: bool,
    /// Which tokens were ended by a refresh, or may have been.
    pub(super) ended: Option<Ended>,
    pub(super) troubles: Troubles,
}

/// What came in the way of single destinations. Most have none.
#[derive(Default)]
pub(super) struct Troubles(BTreeMap<usize, Class>);

impl Troubles {
    pub(super) fn note(&mut self, index: usize, class: Class) {
        self.0.insert(index, class);
    }

    pub(super) fn clear(&mut self, index: usize) {
        self.0.remove(&index);
    }

    pub(super) fn of(&self, index: usize) -> Option<&Class> {
        self.0.get(&index)
    }
}

pub(super) struct Pending {
    pub(super) token: Token,
    pub(super) occurrence: Timestamp,
    /// One for each destination: the version that it replaces. What is not newer was not written by somebody else
    /// in the meantime.
    pub(super) replaces: Vec<u64>,
    /// Whether it was tried out, or need not be.
    pub(super) verified: bool,
    /// The last attempt that ended and left it waiting: none if one was cut off since, or may have been begun elsewhere.
    pub(super) left_by: Option<u32>,
    /// Whether what it can be refreshed with has yet to be kept.
    pub(super) owes_session: bool,
    /// One for each destination: what was achieved there.
    pub(super) written: Vec<Option<Written>>,
}

impl Clone for Job {
    fn clone(&self) -> Self {
        Job {
            rotation: Arc::clone(&self.rotation),
            http: Arc::clone(&self.http),
            credential: self.credential,
            state: Arc::clone(&self.state),
            // That is about a run under way, which ends under the old name.
            logins: AtomicU32::default(),
            ended_token: AtomicBool::default(),
            keeps_token: AtomicBool::default(),
        }
    }
}

impl Job {
    pub(super) fn new(rotation: Arc<Rotation>, http: Arc<HttpClient>) -> Self {
        let places = rotation.destinations.iter().map(|_| None).collect();
        let troubles = Troubles::default();
        let state = State {
            places,
            pending: None,
            failed_logins: Fingerprints::default(),
            has_logged_in: false,
            ended: None,
            troubles,
        };
        Job {
            credential: credential::key(&rotation.source),
            http,
            state: Arc::new(Mutex::new(state)),
            logins: AtomicU32::default(),
            ended_token: AtomicBool::default(),
            keeps_token: AtomicBool::default(),
            rotation,
        }
    }

    pub(super) fn pending(&self, token: Token, due: &Due, places: &[Option<Place>]) -> Pending {
        Pending {
            occurrence: due.occurrence,
            replaces: places.iter().map(|place| place.as_ref().map_or(0, |place| place.version)).collect(),
            verified: !self.rotation.verify,
            left_by: None,
            owes_session: self.rotation.source.session.is_some() && token.refresh.is_some(),
            written: vec![None; self.rotation.destinations.len()],
            token,
        }
    }
}

impl Pending {
    /// Whether publishing it is as good as a new login: it would not be due for renewal at once. If nobody knows
    /// when it ends, it is good for the occurrence that it was issued for, and not for long.
    pub(super) fn serves(&self, rotation: &Rotation, due: &Due, now: Timestamp) -> bool {
        let life = self.life(rotation);
        let known = self.token.expires_at().is_some();
        self.left(rotation, now) > rotation.renew_before.of(life)
            && (known || self.occurrence == due.occurrence)
    }

    /// What is left of its life, or of the time that it may be trusted for.
    pub(super) fn left(&self, rotation: &Rotation, now: Timestamp) -> Duration {
        let age = (now - self.token.issued_at).to_std().unwrap_or_default();
        self.life(rotation).saturating_sub(age)
    }

    fn life(&self, rotation: &Rotation) -> Duration {
        self.token.life().or_else(|| expected_life(&rotation.source)).unwrap_or(TRUSTED)
    }
}

/// How long the tokens of a source live, as far as anybody says so beforehand.
pub(super) fn expected_life(source: &Source) -> Option<Duration> {
    source.ttl.or_else(|| source.documented_life())
}

/// How long a waiting token is taken for alive if nobody says anything about it.
const TRUSTED: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {

    use chrono::TimeDelta;
    use tokenferry_sources::{Expiry, Identity, TokenUsage, system};

    use super::*;
    use crate::rotation::RenewBefore;
    use crate::run::{Reason, RotationId};
    use crate::schedule::Schedule;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn rotation() -> Rotation {
        let source = Source {
            name: "zettelstore.home".into(),
            system: system("zettelstore").unwrap(),
            fields: Box::default(),
            http: Arc::default(),
            ttl: None,
            rate: None,
            session: None,
        };
        Rotation {
            name: "home".into(),
            enabled: true,
            source: Arc::new(source),
            schedule: Schedule::parse("@hourly", "UTC").unwrap(),
            renew_before: RenewBefore::Percent(30),
            reader_lag: Duration::ZERO,
            reader: None,
            survive_outage: Duration::ZERO,
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
        let usage = TokenUsage::fixed("Bearer", "Authorization", "Bearer ");
        let identity = Identity { system: "zettelstore", issuer: String::new(), subject: String::new() };
        let token = Token::new("t0ken".into(), usage, identity, NOW, expiry);
        let (replaces, written) = (vec![0], vec![None]);
        let (verified, left_by, owes_session) = (true, None, false);
        Pending { token, occurrence: NOW, replaces, verified, left_by, owes_session, written }
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
    fn a_waiting_token_of_unknown_life_serves_the_run_it_was_issued_for_as_long_as_such_tokens_live() {
        let pending = pending(Expiry::Unknown);
        let serves = |occurrence, seconds| {
            pending.serves(&rotation(), &due(occurrence), NOW + TimeDelta::seconds(seconds))
        };
        // Zettelstore documents ten minutes.
        assert!(serves(NOW, 419) && !serves(NOW, 420));
        assert!(!serves(NOW + TimeDelta::seconds(1), 1));
    }
}
