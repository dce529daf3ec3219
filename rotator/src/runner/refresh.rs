//! Refreshing instead of logging in. A refresh ends the token that readers hold at once, so it is noted before it is
//! sent: whoever finds readers with an older token knows that it is over, also after a crash.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Map, Value};
use tokenferry_sources::{FailureClass, Retry, SecretString, SourceError, Timestamp, Token, rfc3339};
use tokenferry_vault::{Data, KvPath, VaultError};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, State};
use super::login::sent;
use super::place::Place;
use super::session::{Kept, REFRESHING_SINCE};
use super::trouble::{FailedLogin, Trouble};
use crate::run::Living;
use crate::source::Opened;

/// A refresh that is noted.
struct Noted {
    token: SecretString,
    since: Timestamp,
    /// Of the entry with the note, if it is ours, and what stood there before.
    note: Option<(u64, Data)>,
}

/// Which tokens a refresh has ended, or may have: those that were issued before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    before: Timestamp,
    /// The same by the clock of Vault, for entries of which only is known when they were written.
    written_before: Timestamp,
}

impl Runner {
    /// A new token: by what the last one can be refreshed with, if that is kept and lives, else by a login. A try
    /// without writing spends nothing. What of the tokens before is over then is kept in the state.
    pub(super) async fn issue(
        &self,
        job: &Job,
        state: &mut State,
        opened: &Opened,
    ) -> Result<Token, Trouble> {
        let Some(at) = job.rotation.source.session.as_deref().filter(|_| !self.dry_run) else {
            return self.log_in(job, state, opened).await;
        };
        if let Some(asked_to_wait) = self.asked_to_wait(job, opened) {
            return Err(asked_to_wait);
        }
        let Some(noted) = self.note_refresh(job, at).await else {
            return self.log_in(job, state, opened).await;
        };
        let before = state.ended.replace(self.ended(noted.since));
        // If the run is cut off, this is the last that is heard of it.
        job.ended_token.store(state.is_ended(job), Ordering::Relaxed);
        let error = match self.send_refresh(job, opened, &noted.token).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let did_nothing = did_nothing(&error);
        let issued = self.instead(job, state, opened, error).await;
        if did_nothing {
            state.ended = before;
        }
        if let (true, Err(_), Some((version, before))) = (did_nothing, &issued, &noted.note) {
            self.take_back(job, at, *version, before).await;
        }
        issued
    }

    /// What comes of a refresh that came to nothing: a login, unless the system wants to be left alone. Where that is
    /// refused, and the refresh may still succeed, it is the refresh that is tried again.
    async fn instead(
        &self,
        job: &Job,
        state: &mut State,
        opened: &Opened,
        error: SourceError,
    ) -> Result<Token, Trouble> {
        let rotation = &*job.rotation.name;
        if let Retry::At(_) = error.retry() {
            drop(self.memory.learn(&job.credential, &error, sent(opened), self.clock.now()));
            return Err(Trouble::Source { error: error.into(), login: FailedLogin::default() });
        }
        debug!(rotation, class = %error.class(), "not refreshed; logging in");
        let trouble = match self.log_in(job, state, opened).await {
            Ok(token) => return Ok(token),
            Err(trouble) => trouble,
        };
        match trouble.login().filter(|login| login.refused.is_some()).cloned() {
            Some(login) if error.retry() == Retry::Backoff => {
                let (class, advice) = (trouble.class(), trouble.advice());
                warn!(rotation, %class, advice, "the refresh is tried again, since the login does not help: {trouble}");
                Err(Trouble::Source { error: error.into(), login })
            }
            _ => Err(trouble),
        }
    }

    /// Which tokens are over, or may be, as the session tells.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn ended_by_refresh(&self, job: &Job) -> Result<Option<Ended>, VaultError> {
        let Some(at) = job.rotation.source.session.as_deref() else { return Ok(None) };
        Ok(self.read_session(job, at).await?.since.map(|since| self.ended(since)))
    }

    fn ended(&self, before: Timestamp) -> Ended {
        let ahead = TimeDelta::seconds(self.vault.clock_ahead_secs().unwrap_or_default().into());
        let written_before = before.checked_add_signed(ahead - IMPRECISION).unwrap_or(before);
        Ended { before, written_before }
    }

    async fn send_refresh(
        &self,
        job: &Job,
        opened: &Opened,
        token: &SecretString,
    ) -> Result<Token, SourceError> {
        self.count_login(job);
        opened.login.refresh_with(token).await
    }

    pub(super) async fn send_login(&self, job: &Job, opened: &Opened) -> Result<Token, SourceError> {
        self.count_login(job);
        opened.login.login().await
    }

    fn count_login(&self, job: &Job) {
        job.logins.fetch_add(1, Ordering::Relaxed);
        self.tally.login(&job.rotation.source);
    }

    /// Notes that a refresh will be sent. Where that cannot be noted, its outcome could not be kept either, and a login
    /// harms nobody.
    async fn note_refresh(&self, job: &Job, at: &KvPath) -> Option<Noted> {
        let kept = match self.read_session(job, at).await {
            Ok(kept) => kept,
            Err(error) => {
                let (rotation, class, advice) = (&*job.rotation.name, error.class(), error.advice());
                warn!(rotation, session = %at, class, advice, "the refresh token cannot be read; logging in: {error}");
                return None;
            }
        };
        if !kept.is_ours {
            kept.tell_foreign(job, at);
        }
        let Kept { version, refresh_token, since, data, .. } = kept;
        let token = refresh_token?;
        self.outlast(since).await;
        let since = self.clock.now();
        let mut fields = data.fields().clone();
        fields.insert(REFRESHING_SINCE.to_owned(), Value::from(rfc3339(since)));
        match self.vault.write_entry(at, version, fields).await {
            Ok(stored) => Some(Noted { token, since, note: Some((stored.version, data)) }),
            // Another process was faster: its note is as good, or the refresh token is spent.
            Err(VaultError::CasMismatch { .. }) => Some(Noted { token, since, note: None }),
            Err(error) => {
                let (rotation, class, advice) = (&*job.rotation.name, error.class(), error.advice());
                warn!(rotation, session = %at, class, advice, "a refresh cannot be noted; logging in: {error}");
                None
            }
        }
    }

    /// Entries hold whole seconds, and the new token has to be told from the one that it ends.
    async fn outlast(&self, issued_at: Option<Timestamp>) {
        let now = self.clock.now();
        if issued_at.is_some_and(|issued_at| issued_at.timestamp() == now.timestamp()) {
            let left = SECOND.saturating_sub(Duration::from_nanos(now.timestamp_subsec_nanos().into()));
            sleep(left).await;
        }
    }

    /// A refresh that did nothing has ended no token.
    async fn take_back(&self, job: &Job, at: &KvPath, version: u64, before: &Data) {
        let fields: Map<String, Value> = before.fields().clone();
        if let Err(error) = self.vault.write_entry(at, version, fields).await {
            let (rotation, class) = (&*job.rotation.name, error.class());
            warn!(rotation, session = %at, class, "the note of a refresh that did nothing stays: {error}");
        }
    }
}

impl State {
    /// Whether readers of a destination that we may write to hold a token that a refresh has ended, or may have.
    pub(super) fn is_ended(&self, job: &Job) -> bool {
        let known = job.rotation.destinations.iter().zip(&self.places);
        let mut writable = known
            .filter_map(|(at, slot)| slot.as_ref().filter(|place| place.check(job, at).is_ok()))
            .filter(|place| place.is_of(job));
        writable.any(|place| {
            let served = place.served();
            served.is_some_and(|living| self.ended.is_some_and(|ended| ended.has(place, living)))
        })
    }

    /// A token with the end that a refresh has given it.
    pub(super) fn left(&self, place: &Place, living: Living, now: Timestamp) -> Living {
        self.ended.map_or(living, |ended| ended.left(place, living, now))
    }
}

impl Ended {
    /// Whether a token that was issued then is over.
    pub(super) fn has_issued(self, issued_at: Timestamp) -> bool {
        issued_at.timestamp() < self.before.timestamp()
    }

    /// A token with the end that a refresh has given it.
    pub(super) fn left(self, place: &Place, living: Living, now: Timestamp) -> Living {
        let expires_at = self.end_of(place, living, now).or(living.expires_at);
        Living { expires_at, ..living }
    }

    /// When a token has ended, if it has.
    pub(super) fn end_of(self, place: &Place, living: Living, now: Timestamp) -> Option<Timestamp> {
        let ended_at = self.before.min(now);
        self.has(place, living).then(|| living.expires_at.map_or(ended_at, |end| end.min(ended_at)))
    }

    fn has(self, place: &Place, living: Living) -> bool {
        if place.is_seen() {
            self.has_issued(living.issued_at)
        } else {
            living.issued_at.timestamp() < self.written_before.timestamp()
        }
    }
}

/// Whether it is certain that no token was issued, and so none has ended.
fn did_nothing(error: &SourceError) -> bool {
    match error {
        SourceError::NoToken { .. } => false,
        // An answer of success may have come with a token.
        SourceError::LoginRefused { status, .. } | SourceError::Named { status, .. } if *status < 300 => {
            false
        }
        // Other alerts may come after the request.
        SourceError::Tls { certificate, .. } => *certificate,
        _ => matches!(
            error.class(),
            FailureClass::BadRequest
                | FailureClass::LoginRefused
                | FailureClass::NoAccess
                | FailureClass::NotFound
                | FailureClass::PasswordExpired
                | FailureClass::ProxyRefused
                | FailureClass::RateLimited
                | FailureClass::Unreachable
        ),
    }
}

/// How far what is known of Vault's clock may be wrong, and how long it takes to write a token.
const IMPRECISION: TimeDelta = TimeDelta::seconds(3);
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokenferry_sources::{Action, Attempt, Said, system};

    use super::*;

    #[test]
    fn a_refresh_has_done_nothing_only_where_that_is_certain() {
        let attempt = || Attempt::new(system("zenoti").unwrap(), Action::Refresh, "api.example".to_owned());
        let refused =
            |status| SourceError::LoginRefused { attempt: attempt(), status, said: Said::default() };
        let tls = |certificate| SourceError::Tls { attempt: attempt(), cause: String::new(), certificate };
        let unreachable = SourceError::Unreachable { attempt: attempt(), cause: String::new() };
        let late = SourceError::TimedOut { attempt: attempt(), limit: Duration::from_secs(1) };
        let empty = SourceError::NoToken { attempt: attempt(), status: 200, said: Said::default() };
        assert!([refused(401), tls(true), unreachable].iter().all(did_nothing));
        assert!(![refused(200), tls(false), late, empty].iter().any(did_nothing));
    }
}
