//! Working beside other processes that have the same configuration.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokenferry_sources::{Predecessor, Timestamp, rfc3339};
use tokenferry_vault::VaultError;
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, Pending, State};
use super::place::Place;
use super::publish::Written;
use super::standing::living;
use crate::fingerprint::fingerprint;
use crate::rotation::Rotation;
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

    /// Has everything that is known of the destinations looked up again, and gives up a token that waits unless it is
    /// for this run, and lives.
    ///
    /// # Errors
    /// When it is not known whether a refresh has ended their tokens.
    pub(super) async fn doubt_everything(
        &self,
        job: &Job,
        state: &mut State,
        due: &Due,
    ) -> Result<(), VaultError> {
        state.pending.take_if(|pending| !pending.is_for(due) || !pending.is_certain(&job.rotation, due));
        for place in state.places.iter_mut().flatten() {
            place.is_doubted = true;
        }
        state.ended = self.ended_by_refresh(job).await?;
        Ok(())
    }

    /// The token that another process has brought for this run or a later one. Once somebody else has written, what
    /// waits here is given up.
    pub(super) fn done_by_others(&self, job: &Job, state: &mut State, due: &Due) -> Option<Living> {
        let now = self.clock.now();
        self.give_way(state);
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
        // What somebody asks for now is not done by what came just before.
        let first = due.occurrence.timestamp() + i64::from(due.reason == Reason::Forced);
        let is_newer = |at: Timestamp| at.timestamp() >= first;
        let ours = || state.places.iter().flatten().filter(|place| place.is_of(job));
        let is_done =
            is_newer(living.issued_at) || ours().all(|place| place.occurrence.is_some_and(is_newer));
        let is_found = due.reason == Reason::NoToken && left.is_none_or(|left| left > wanted(job, living));
        (is_done || is_found).then_some(living)
    }

    /// The same without a run, by what stands there now.
    pub(super) async fn look_for_done(&self, due: &Due) -> Option<Living> {
        let job = self.job(due.rotation)?;
        self.standing(due.rotation).await.ok()?;
        let state = &mut *job.state.lock().await;
        // Whether a token that waits is still wanted is for a run to say.
        self.done_by_others(job, state, due).filter(|_| state.pending.is_none())
    }

    /// Gives up a token that waits once somebody else has written an entry since it was issued.
    pub(super) fn give_way(&self, state: &mut State) {
        if self.reads_first {
            state.pending.take_if(|pending| pending.is_overtaken(&state.places));
        }
    }

    /// Gives up a token that waits, and whether there was reason to: whoever runs its rotation next may have logged in
    /// by now, and only who holds the lock of the credential knows.
    pub(super) fn leave_to_others(&self, job: &Job, state: &mut State) -> bool {
        if self.reads_first
            && let Some(pending) = state.pending.take()
        {
            let (rotation, issued_at) = (&*job.rotation.name, rfc3339(pending.token.issued_at));
            warn!(
                rotation,
                issued_at, "a token that could not be stored is given up; the next run gets another one"
            );
        }
        self.reads_first
    }

    /// Whether Vault takes requests. What it forbids or does not have, it does not have elsewhere, either.
    ///
    /// # Errors
    /// When no request would come to anything.
    pub(super) async fn reach_vault(&self) -> Result<(), VaultError> {
        let Some(at) = self.jobs.iter().flat_map(|job| &job.rotation.destinations).next() else {
            return Ok(());
        };
        match self.vault.read_notes(&at.entry).await {
            Err(error) if error.concerns_all() => Err(error),
            _ => Ok(()),
        }
    }

    /// Another process may have begun what was to come after the run that left a token waiting.
    pub(super) async fn doubt_what_waits(&self, rotation: RotationId) {
        let Some(job) = self.job(rotation) else { return };
        if let Some(pending) = &mut job.state.lock().await.pending {
            pending.left_by = None;
        }
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

impl Pending {
    fn is_for(&self, due: &Due) -> bool {
        self.occurrence.timestamp() == due.occurrence.timestamp()
    }

    /// Whether no other process can have ended it by a login of its own that came to nothing.
    fn is_certain(&mut self, rotation: &Rotation, due: &Due) -> bool {
        // A run that is cut off says nothing of what comes after it.
        let left_by = self.left_by.take();
        let is_next = left_by.is_some_and(|attempt| attempt.checked_add(1) == Some(due.attempt));
        is_next || rotation.source.predecessor() == Predecessor::LivesOn
    }

    /// Whether somebody else has written an entry since it was issued.
    fn is_overtaken(&self, places: &[Option<Place>]) -> bool {
        let known = self.written.iter().zip(&self.replaces).map(|(written, replaces)| match written {
            Some(Written::Ours(living)) => living.version,
            Some(Written::Theirs(_)) | None => *replaces,
        });
        known.zip(places).any(|(known, place)| place.as_ref().is_some_and(|place| place.version > known))
    }
}

/// How much life a token has left when it is renewed.
fn wanted(job: &Job, living: Living) -> Duration {
    let life = living.expires_at.map(|end| (end - living.issued_at).to_std().unwrap_or_default());
    job.rotation.renew_before.of(life.unwrap_or_default())
}
