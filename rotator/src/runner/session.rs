//! The entry of a session: it keeps what the last token can be refreshed with, which is spent by each use.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokenferry_sources::{ExposeSecret, RefreshToken, SecretString, Timestamp, parse_rfc3339, rfc3339};
use tokenferry_vault::{Data, Found, KvPath, VaultError};
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, State};

/// What stands in the entry of a session.
pub(super) struct Kept {
    pub(super) version: u64,
    /// Whether we may write there.
    is_ours: bool,
    is_marked: bool,
    pub(super) refresh_token: Option<SecretString>,
    /// Since when tokens that were issued before are over, or may be.
    pub(super) since: Option<Timestamp>,
    pub(super) data: Data,
    custom_metadata: BTreeMap<String, String>,
}

impl Runner {
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

    pub(super) async fn read_session(&self, job: &Job, at: &KvPath) -> Option<Kept> {
        match self.vault.read_entry(at).await {
            Ok(found) => {
                let kept = Kept::read(found, &job.rotation.source.name, self.clock.now());
                if !kept.is_ours {
                    tell_foreign(job, at);
                }
                Some(kept)
            }
            Err(error) => {
                let (rotation, class, advice) = (&*job.rotation.name, error.class(), error.advice());
                warn!(rotation, session = %at, class, advice, "the refresh token cannot be read: {error}");
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
        let kept = Kept::read(found, source, self.clock.now());
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
    fn read(found: Found, source: &str, now: Timestamp) -> Self {
        let data = found.data.unwrap_or_default();
        let text = |name: &str| data.fields().get(name).and_then(Value::as_str);
        let time = |name: &str| text(name).and_then(parse_rfc3339);
        let mark = found.custom_metadata.get(MARK).map(String::as_str);
        let is_marked = mark == Some(source);
        // The mark comes after the first data.
        let is_named = mark.is_none() && text("source") == Some(source) && text(REFRESH_TOKEN).is_some();
        let is_free = mark.is_none() && !found.holds_data;
        let is_over = time("expires_at").is_some_and(|end| end <= now);
        let is_ours = is_marked || is_named || is_free;
        let refresh_token = text(REFRESH_TOKEN).filter(|text| is_ours && !is_over && !text.is_empty());
        Kept {
            version: found.version,
            is_ours,
            is_marked,
            refresh_token: refresh_token.map(SecretString::from),
            since: time(ISSUED_AT).max(time(REFRESHING_SINCE)).filter(|_| is_ours),
            data,
            custom_metadata: found.custom_metadata,
        }
    }
}

fn fields(source: &str, refresh: &RefreshToken, issued_at: Timestamp) -> Map<String, Value> {
    let fields = [
        (REFRESH_TOKEN, Some(Value::from(refresh.value.expose_secret()))),
        (ISSUED_AT, Some(Value::from(rfc3339(issued_at)))),
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
    debug!(rotation, "the session is of no use");
}

/// In the custom metadata: which source keeps its session there.
const MARK: &str = "tokenferry_session";
const REFRESH_TOKEN: &str = "refresh_token";
const ISSUED_AT: &str = "issued_at";
/// When the refresh was sent whose outcome is not kept yet.
pub(super) const REFRESHING_SINCE: &str = "refreshing_since";
