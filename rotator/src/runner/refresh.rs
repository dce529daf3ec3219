//! Refreshing instead of logging in. A refresh ends the token that readers hold at once, so it is noted before it is
//! sent: whoever finds readers with an older token knows that it is over, also after a crash.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Map, Value};
use tokenferry_sources::{FailureClass, SecretString, SourceError, Timestamp, Token, rfc3339};
use tokenferry_vault::{Data, KvPath, VaultError};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, State};
use super::place::Place;
use super::session::{Kept, REFRESHING_SINCE};
use crate::run::Living;
use crate::source::Opened;

/// A refresh that is noted.
struct Noted {
    token: SecretString,
    since: Timestamp,
    /// Of the entry with the note, if it is ours, and what stood there before.
    note: Option<(u64, Data)>,
}

impl Runner {
    /// A new token: by what the last one can be refreshed with, if that is kept and lives, else by a login. A try
    /// without writing spends nothing. `ended` becomes the time before which tokens were issued that are over then.
    pub(super) async fn issue(
        &self,
        job: &Job,
        ended: &mut Option<Timestamp>,
        opened: &Opened,
    ) -> Result<Token, SourceError> {
        let session = job.rotation.source.session.as_deref().filter(|_| !self.dry_run);
        let noted = match session {
            Some(at) => self.note_refresh(job, at).await.map(|noted| (at, noted)),
            None => None,
        };
        let Some((at, noted)) = noted else { return self.send_login(job, opened).await };
        let before = ended.replace(noted.since);
        let error = match self.send_refresh(job, opened, &noted.token).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let did_nothing = did_nothing(&error);
        let issued = if error.class() == FailureClass::RateLimited {
            Err(error)
        } else {
            debug!(rotation = &*job.rotation.name, class = %error.class(), "not refreshed; logging in");
            self.send_login(job, opened).await
        };
        if did_nothing {
            *ended = before;
        }
        if let (true, Err(_), Some((version, before))) = (did_nothing, &issued, &noted.note) {
            self.take_back(job, at, *version, before).await;
        }
        issued
    }

    /// Since when the tokens that were issued before are over, or may be, as the session tells. Unless it cannot be
    /// read, which is no reason to believe the worst.
    pub(super) async fn ended_by_refresh(&self, job: &Job) -> Option<Option<Timestamp>> {
        let at = job.rotation.source.session.as_deref()?;
        self.read_session(job, at).await.map(|kept| kept.since)
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

    async fn send_login(&self, job: &Job, opened: &Opened) -> Result<Token, SourceError> {
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
        let Kept { version, refresh_token, since, data, .. } = self.read_session(job, at).await?;
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
    /// Whether readers of a destination that we may write to hold a token that a refresh has ended, or may have. Where
    /// entries cannot be read, nobody knows whose tokens are older.
    pub(super) fn is_ended(&self, job: &Job) -> bool {
        let known = job.rotation.destinations.iter().zip(&self.places);
        known.filter_map(|(at, slot)| slot.as_ref().filter(|place| place.check(job, at).is_ok())).any(
            |place| {
                let living = place.served().filter(|_| place.is_of(job));
                living.is_some_and(|living| self.left(place, living) != living)
            },
        )
    }

    /// A token with the end that a refresh has given it.
    pub(super) fn left(&self, place: &Place, living: Living) -> Living {
        if place.is_seen() { left(living, self.ended) } else { living }
    }
}

/// A token with the end that a refresh has given it, which ended those that were issued before it.
pub(super) fn left(living: Living, ended: Option<Timestamp>) -> Living {
    let ended = ended.filter(|ended| living.issued_at.timestamp() < ended.timestamp());
    let expires_at = ended.map(|ended| living.expires_at.map_or(ended, |end| end.min(ended)));
    Living { expires_at: expires_at.or(living.expires_at), ..living }
}

/// Whether it is certain that no token was issued, and so none has ended.
fn did_nothing(error: &SourceError) -> bool {
    let is_refusal = matches!(
        error.class(),
        FailureClass::BadRequest
            | FailureClass::LoginRefused
            | FailureClass::NoAccess
            | FailureClass::NotFound
            | FailureClass::PasswordExpired
            | FailureClass::ProxyRefused
            | FailureClass::RateLimited
            | FailureClass::Tls
            | FailureClass::Unreachable
    );
    is_refusal && !matches!(error, SourceError::NoToken { .. })
}

const SECOND: Duration = Duration::from_secs(1);
