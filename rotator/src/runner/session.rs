//! The entry of a session: it keeps what the last token can be refreshed with, which is spent by each use.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Map, Value};
use tokenferry_sources::{ExposeSecret, RefreshToken, SecretString, Timestamp, parse_rfc3339, rfc3339};
use tokenferry_vault::{Data, Found, KvPath, Operation, VaultError};
use tracing::warn;

use super::Runner;
use super::job::{Job, State};
use crate::handover;
use crate::run::RotationId;

/// What stands in the entry of a session.
pub(super) struct Kept {
    pub(super) version: u64,
    /// Whether we may write there.
    pub(super) is_ours: bool,
    is_marked: bool,
    /// The source whose session it is, as far as that is marked.
    owner: Option<String>,
    pub(super) refresh_token: Option<SecretString>,
    /// Since when tokens that were issued before are over, or may be.
    pub(super) since: Option<Timestamp>,
    pub(super) data: Data,
    custom_metadata: BTreeMap<String, String>,
}

/// What a session looks like to somebody who only looks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionState {
    /// It was deleted, or whoever deleted it may have it back.
    Deleted,
    /// Nothing was kept there yet.
    Empty,
    /// It is not of this source, and what to do about that.
    Foreign(String),
    /// It keeps a refresh token.
    Kept,
    /// What it keeps is of no use any more.
    Over,
}

impl Runner {
    /// The session of a rotation's source, if it has one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn session(&self, rotation: RotationId) -> Result<Option<(KvPath, SessionState)>, VaultError> {
        let Some(job) = self.job(rotation) else { return Ok(None) };
        let Some(at) = job.rotation.source.session.as_deref() else { return Ok(None) };
        let kept = self.read_session(job, at).await?;
        let state = match kept.refresh_token {
            _ if !kept.is_ours => SessionState::Foreign(kept.advice(job, at)),
            Some(_) => SessionState::Kept,
            None if kept.version == 0 => SessionState::Empty,
            None if kept.data.fields().is_empty() => SessionState::Deleted,
            None => SessionState::Over,
        };
        Ok(Some((at.clone(), state)))
    }

    /// Keeps what the pending token can be refreshed with. Readers need the token, so what comes in the way of this
    /// stops nothing: the next run then logs in.
    pub(super) async fn keep_session(&self, job: &Job, state: &mut State) {
        let Some(pending) = state.pending.as_mut().filter(|pending| pending.owes_session) else { return };
        let session = job.rotation.source.session.as_deref().zip(pending.token.refresh.as_ref());
        let Some((at, refresh)) = session else { return };
        match self.write_session(job, at, refresh, pending.token.issued_at).await {
            Ok(()) => pending.owes_session = false,
            Err(error) => warn!(
                rotation = &*job.rotation.name, session = %at, class = error.class(), advice = error.advice(),
                "the refresh token could not be kept, and the next run may have to log in: {error}"
            ),
        }
    }

    /// What stands in a session.
    ///
    /// # Errors
    /// When it cannot be read, or its data not: then nobody knows what a refresh has ended.
    pub(super) async fn read_session(&self, job: &Job, at: &KvPath) -> Result<Kept, VaultError> {
        let found = self.vault.read_entry(at).await?;
        if !found.data_readable {
            let operation = Operation::ReadData(at.clone());
            return Err(VaultError::Forbidden { operation, token_may_be_over: false });
        }
        Ok(Kept::read(found, job, self.clock.now()))
    }

    async fn write_session(
        &self,
        job: &Job,
        at: &KvPath,
        refresh: &RefreshToken,
        issued_at: Timestamp,
    ) -> Result<(), VaultError> {
        let kept = self.read_session(job, at).await?;
        if !kept.is_ours {
            kept.tell_foreign(job, at);
            return Ok(());
        }
        if kept.version == 0 {
            self.vault.expect_kv2(at).await?;
        }
        let stored = self.vault.write_entry(at, kept.version, fields(job, refresh, issued_at)).await;
        match stored {
            // It may have been done: it is looked up, not repeated.
            Err(error) if error.leaves_doubt() => {
                let found = self.vault.read_entry(at).await?;
                if !holds(&found, refresh) {
                    return Err(error);
                }
            }
            stored => drop(stored?),
        }
        let source = &job.rotation.source.name;
        if kept.is_marked { Ok(()) } else { self.mark_session(at, source, kept.custom_metadata).await }
    }

    /// Older refresh tokens are spent, and of no use to anybody but a thief.
    async fn mark_session(
        &self,
        at: &KvPath,
        source: &str,
        mut custom_metadata: BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        custom_metadata.insert(MARK.to_owned(), source.to_owned());
        let marked = self.vault.keep_last_version(at, &custom_metadata).await;
        match marked {
            Err(error) if error.leaves_doubt() => {
                let found = self.vault.read_notes(at).await?;
                if found.custom_metadata == custom_metadata { Ok(()) } else { Err(error) }
            }
            marked => marked,
        }
    }
}

impl Kept {
    fn read(found: Found, job: &Job, now: Timestamp) -> Self {
        let source = &*job.rotation.source.name;
        let data = found.data.unwrap_or_default();
        let text = |name: &str| data.fields().get(name).and_then(Value::as_str);
        let time = |name: &str| text(name).and_then(parse_rfc3339);
        let mark = found.custom_metadata.get(MARK);
        let is_marked = mark.is_some_and(|mark| mark == source);
        // What a source is called says less than whom it logs in as.
        let is_renamed = mark.is_some() && text(CREDENTIAL) == Some(&job.credential.to_string());
        // The mark comes after the first data.
        let is_named = mark.is_none() && text("source") == Some(source) && text(REFRESH_TOKEN).is_some();
        let is_free = mark.is_none() && !found.holds_data;
        let is_over = time("expires_at").is_some_and(|end| end <= now);
        let is_ours = is_marked || is_renamed || is_named || is_free;
        let refresh_token = text(REFRESH_TOKEN).filter(|text| is_ours && !is_over && !text.is_empty());
        let noted = time(REFRESHING_SINCE).map(|since| noted(since, time(ISSUED_AT), found.written_at, now));
        Kept {
            version: found.version,
            is_ours,
            is_marked,
            owner: mark.cloned(),
            refresh_token: refresh_token.map(SecretString::from),
            since: noted.or(time(ISSUED_AT)).filter(|_| is_ours),
            data,
            custom_metadata: found.custom_metadata,
        }
    }

    pub(super) fn tell_foreign(&self, job: &Job, at: &KvPath) {
        warn!(
            rotation = &*job.rotation.name, session = %at, advice = self.advice(job, at),
            "the session holds an entry that this program did not make for this source; it is left alone"
        );
    }

    /// What to do about a session that is not ours.
    pub(super) fn advice(&self, job: &Job, at: &KvPath) -> String {
        let source = &*job.rotation.source.name;
        self.owner.as_ref().map_or_else(
            || "Choose another `path` for the session.".to_owned(),
            |owner| handover::of_session(at, owner, source),
        )
    }
}

/// Since when tokens are over if a refresh was sent whose outcome is not kept: at least the one that was to be
/// refreshed is, wherever the clock was put since. A time that is yet to come was noted by a wrong clock.
fn noted(
    since: Timestamp,
    issued_at: Option<Timestamp>,
    written_at: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let since = if since > now { written_at.map_or(now, |written_at| written_at.min(now)) } else { since };
    let after = issued_at.and_then(|issued_at| issued_at.checked_add_signed(TimeDelta::seconds(1)));
    after.map_or(since, |after| after.max(since))
}

fn fields(job: &Job, refresh: &RefreshToken, issued_at: Timestamp) -> Map<String, Value> {
    let fields = [
        (REFRESH_TOKEN, Some(Value::from(refresh.value.expose_secret()))),
        (ISSUED_AT, Some(Value::from(rfc3339(issued_at)))),
        ("expires_at", refresh.expires_at.map(rfc3339).map(Value::from)),
        ("source", Some(Value::from(&*job.rotation.source.name))),
        (CREDENTIAL, Some(Value::from(job.credential.to_string()))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn holds(found: &Found, refresh: &RefreshToken) -> bool {
    let data = found.data.as_ref().and_then(|data| data.fields().get(REFRESH_TOKEN)?.as_str());
    data == Some(refresh.value.expose_secret())
}

/// In the custom metadata: which source keeps its session there.
const MARK: &str = "tokenferry_session";
const REFRESH_TOKEN: &str = "refresh_token";
const ISSUED_AT: &str = "issued_at";
/// Of the credential, since sources are renamed.
const CREDENTIAL: &str = "credential";
/// When the refresh was sent whose outcome is not kept yet.
pub(super) const REFRESHING_SINCE: &str = "refreshing_since";
