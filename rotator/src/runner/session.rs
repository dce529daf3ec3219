//! Refreshing instead of logging in: the refresh token is kept in an entry of its own, and is spent by each use.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokenferry_sources::{
    ExposeSecret, RefreshToken, SecretString, SourceError, Timestamp, Token, parse_rfc3339, rfc3339,
};
use tokenferry_vault::{Data, Found, KvPath, VaultError};
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, State};
use crate::source::Opened;

/// What stands in the entry of a session.
struct Kept {
    version: u64,
    /// Whether we may write there.
    is_ours: bool,
    is_marked: bool,
    refresh_token: Option<SecretString>,
    custom_metadata: BTreeMap<String, String>,
}

impl Runner {
    /// A new token: by what the last one can be refreshed with, if that is kept and lives, else by a login. A try
    /// without writing spends nothing.
    pub(super) async fn issue(&self, job: &Job, opened: &Opened) -> Result<Token, SourceError> {
        let session = job.rotation.source.session.as_deref().filter(|_| !self.dry_run);
        let kept = match session {
            Some(at) => self.read_session(job, at).await,
            None => None,
        };
        if let Some(refresh_token) = kept.and_then(|kept| kept.refresh_token) {
            return opened.login.refresh_with(&refresh_token).await;
        }
        self.tally.login(&job.rotation.source);
        opened.login.login().await
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

    async fn read_session(&self, job: &Job, at: &KvPath) -> Option<Kept> {
        match self.vault.read_entry(at).await {
            Ok(found) => {
                let kept = Kept::read(&found, &job.rotation.source.name, self.clock.now());
                if !kept.is_ours {
                    tell_foreign(job, at);
                }
                Some(kept)
            }
            Err(error) => {
                let (rotation, class, advice) = (&*job.rotation.name, error.class(), error.advice());
                warn!(rotation, session = %at, class, advice, "the refresh token cannot be read; logging in: {error}");
                None
            }
        }
    }

    async fn write_session(
        &self,
        job: &Job,
        at: &KvPath,
        refresh: &RefreshToken,
        issued_at: Timestamp,
    ) -> Result<(), VaultError> {
        let source = &job.rotation.source.name;
        let found = self.vault.read_entry(at).await?;
        let kept = Kept::read(&found, source, self.clock.now());
        if !kept.is_ours {
            tell_foreign(job, at);
            return Ok(());
        }
        if kept.version == 0 {
            self.vault.expect_kv2(at).await?;
        }
        let stored = self.vault.write_entry(at, kept.version, fields(source, refresh, issued_at)).await;
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
    fn read(found: &Found, source: &str, now: Timestamp) -> Self {
        let fields = found.data.as_ref().map(Data::fields);
        let text = |name: &str| fields.and_then(|fields| fields.get(name)?.as_str());
        let mark = found.custom_metadata.get(MARK).map(String::as_str);
        let is_marked = mark == Some(source);
        // The mark comes after the first data.
        let is_named = mark.is_none() && text("source") == Some(source) && text(REFRESH_TOKEN).is_some();
        let is_free = mark.is_none() && !found.holds_data;
        let is_over = text("expires_at").and_then(parse_rfc3339).is_some_and(|end| end <= now);
        let is_ours = is_marked || is_named || is_free;
        let refresh_token = text(REFRESH_TOKEN).filter(|text| is_ours && !is_over && !text.is_empty());
        Kept {
            version: found.version,
            is_ours,
            is_marked,
            refresh_token: refresh_token.map(SecretString::from),
            custom_metadata: found.custom_metadata.clone(),
        }
    }
}

fn fields(source: &str, refresh: &RefreshToken, issued_at: Timestamp) -> Map<String, Value> {
    let fields = [
        (REFRESH_TOKEN, Some(Value::from(refresh.value.expose_secret()))),
        ("issued_at", Some(Value::from(rfc3339(issued_at)))),
        ("expires_at", refresh.expires_at.map(rfc3339).map(Value::from)),
        ("source", Some(Value::from(source))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn holds(found: &Found, refresh: &RefreshToken) -> bool {
    let data = found.data.as_ref().and_then(|data| data.fields().get(REFRESH_TOKEN)?.as_str());
    data == Some(refresh.value.expose_secret())
}

fn tell_foreign(job: &Job, at: &KvPath) {
    let rotation = &*job.rotation.name;
    warn!(
        rotation, session = %at,
        advice = "Choose another `path` for the session.",
        "the session holds an entry that this program did not make for this source; it is left alone"
    );
    debug!(rotation, "logging in by password");
}

/// In the custom metadata: which source keeps its session there.
const MARK: &str = "tokenferry_session";
const REFRESH_TOKEN: &str = "refresh_token";
