//! Working beside other processes that have the same configuration.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;
use tracing::debug;

use super::Runner;
use super::job::{Job, State};
use super::standing::living;
use crate::fingerprint::fingerprint;
use crate::run::{Due, Living, Reason, RotationId};

/// What rotations and configuration are called between processes. Reckoned at the first use: most never ask.
#[derive(Default)]
pub(super) struct Names {
    ids: OnceLock<HashMap<Arc<str>, RotationId>>,
    fingerprint: OnceLock<String>,
}

impl Runner {
    /// Whether each run reads first what stands in its destinations, since other processes write them, too.
    #[must_use]
    pub fn reads_first(self, reads_first: bool) -> Self {
        Runner { reads_first, ..self }
    }

    pub(super) fn id(&self, name: &str) -> Option<RotationId> {
        let ids = self.names.ids.get_or_init(|| {
            let names = self.jobs.iter().map(|job| Arc::clone(&job.rotation.name));
            names.zip((0..).map(RotationId)).collect()
        });
        ids.get(name).copied()
    }

    pub(super) fn fingerprint_of_all(&self) -> &str {
        self.names
            .fingerprint
            .get_or_init(|| fingerprint(self.vault.namespace(), self.jobs.iter().map(|job| &*job.rotation)))
    }

    /// Has everything that is known of the destinations looked up again.
    ///
    /// # Errors
    /// When it is not known whether a refresh has ended their tokens.
    pub(super) async fn doubt_everything(&self, job: &Job, state: &mut State) -> Result<(), VaultError> {
        for place in state.places.iter_mut().flatten() {
            place.is_doubted = true;
        }
        state.ended = self.ended_by_refresh(job).await?;
        Ok(())
    }

    /// The token that another process has brought for this run or a later one.
    pub(super) fn done_by_others(&self, job: &Job, state: &State, due: &Due) -> Option<Living> {
        let now = self.clock.now();
        for place in state.places.iter().flatten().filter(|place| place.is_of(job)) {
            if let Some(failure) = place.notes.failure.as_deref() {
                self.memory.heed(&job.credential, failure, now);
            }
        }
        let living = living(job, state)?;
        let left = living.expires_at.map(|end| (end - now).to_std().unwrap_or_default());
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        let is_newer = |at: Timestamp| at.timestamp() >= due.occurrence.timestamp();
        let ours = || state.places.iter().flatten().filter(|place| place.is_of(job));
        let is_done =
            is_newer(living.issued_at) || ours().all(|place| place.occurrence.is_some_and(is_newer));
        let is_found = due.reason == Reason::NoToken && left.is_none_or(|left| left > wanted(job, living));
        (is_done || is_found).then_some(living)
    }

    /// Hears what is noted for a rotation whose login was refused elsewhere.
    pub(super) async fn hear_of(&self, rotation: RotationId) {
        let Some(job) = self.job(rotation) else { return };
        debug!(rotation = &*job.rotation.name, "its login was refused elsewhere; reading what was noted");
        for at in &job.rotation.destinations {
            // What it claims is nothing to us: the lock of the credential is ours.
            self.hear(job, at, &[]).await;
        }
    }
}

/// How much life a token has left when it is renewed.
fn wanted(job: &Job, living: Living) -> Duration {
    let life = living.expires_at.map(|end| (end - living.issued_at).to_std().unwrap_or_default());
    job.rotation.renew_before.of(life.unwrap_or_default())
}
