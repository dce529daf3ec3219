//! Hearing what the other rotations of a credential were told, or are about to ask, perhaps in another process.

use std::ptr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::Runner;
use super::job::Job;
use crate::notes::{NotedFailure, Notes};
use crate::rotation::Destination;

/// A rotation with a login under way, as it says in one of its entries.
pub(super) struct Claimant<'a> {
    pub(super) job: &'a Job,
    pub(super) at: &'a Destination,
    /// Of the entry.
    pub(super) version: u64,
}

/// What one entry tells of the credential.
pub(super) struct Heard {
    /// Whether a login with this material is under way.
    pub(super) is_claimed: bool,
    pub(super) has_failed: bool,
    pub(super) version: u64,
}

impl Runner {
    /// Whether other rotations log in as the same user.
    pub(super) fn is_shared(&self, job: &Job) -> bool {
        self.others(job).next().is_some()
    }

    /// Reads what is noted for the other rotations of a credential: a login that was refused to one of them must not be
    /// sent for each. The first by name of those that are about to send this one. What cannot be read, or not in
    /// time, keeps nobody from logging in.
    pub(super) async fn hear_others<'a>(&'a self, job: &'a Job, material: &[u8]) -> Option<Claimant<'a>> {
        let others = self.others(job).take(MOST);
        let places = others.flat_map(|other| other.rotation.destinations.iter().map(move |at| (other, at)));
        let reads = places
            .take(MOST)
            .map(|(other, at)| async move { (other, at, self.hear(other, at, material).await) });
        let mut heard = iter(reads.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let (end, mut first) = (Instant::now() + LONGEST, None);
        while let Ok(Some((job, at, heard))) = timeout_at(end, heard.next()).await {
            let Some(Heard { version, .. }) = heard.filter(|heard| heard.is_claimed) else { continue };
            let is_first = |first: &Claimant<'_>| job.rotation.name < first.job.rotation.name;
            if first.as_ref().is_none_or(is_first) {
                first = Some(Claimant { job, at, version });
            }
        }
        first
    }

    /// Reads what is noted beside one entry of another rotation, and heeds it.
    pub(super) async fn hear(&self, other: &Job, at: &Destination, material: &[u8]) -> Option<Heard> {
        let found = self.vault.read_notes(&at.entry).await.inspect_err(|error| {
            debug!(
                rotation = &*other.rotation.name, class = error.class(), destination = %at,
                "what was noted for another rotation of the credential cannot be read: {error}"
            );
        });
        let found = found.ok()?;
        let notes = Notes::read(&found.custom_metadata);
        if notes.owner.as_ref() != Some(&other.rotation.name) {
            return None;
        }
        let now: Timestamp = self.clock.now();
        if let Some(failure) = &notes.failure {
            self.memory.heed(&other.credential, failure, now);
        }
        if let Some(refusal) = NotedFailure::told(&found.custom_metadata) {
            self.memory.heed(&other.credential, &refusal, now);
        }
        Some(Heard {
            is_claimed: notes.claim.is_some_and(|claim| claim.holds(material, now)),
            has_failed: notes.failure.is_some(),
            version: found.version,
        })
    }

    /// Leaves word of a refused login beside an entry that everybody hears, if its own is not: so many share the
    /// credential.
    pub(super) async fn tell_others(&self, job: &Job, refusal: &NotedFailure) {
        let heard: Vec<&Job> = self.sharing(job).take(MOST).collect();
        if heard.iter().any(|other| ptr::eq(*other, job)) {
            return;
        }
        for other in heard.into_iter().take(TRIED) {
            let Some(at) = other.rotation.destinations.first() else { continue };
            match self.leave_word(other, at, refusal).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => debug!(
                    rotation = &*job.rotation.name, class = error.class(), destination = %at,
                    "others cannot be told of the refused login: {error}"
                ),
            }
        }
    }

    /// Whether that could be: the entry has to be marked as that of its rotation.
    async fn leave_word(
        &self,
        other: &Job,
        at: &Destination,
        refusal: &NotedFailure,
    ) -> Result<bool, VaultError> {
        let mut custom_metadata = self.vault.read_notes(&at.entry).await?.custom_metadata;
        if Notes::read(&custom_metadata).owner.as_ref() != Some(&other.rotation.name) {
            return Ok(false);
        }
        refusal.tell(&mut custom_metadata);
        self.vault.set_custom_metadata(&at.entry, &custom_metadata).await?;
        Ok(true)
    }

    fn sharing<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Job> {
        self.jobs.iter().filter(|other| other.credential == job.credential)
    }

    fn others<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Job> {
        self.sharing(job).filter(|other| !ptr::eq(*other, job))
    }
}

/// So many entries are read before a login, the first of the configuration: the same ones by everybody.
const MOST: usize = 64;
/// So many of them are tried for leaving word.
const TRIED: usize = 4;
const AT_ONCE: usize = 16;
/// So long they are waited for, all in all.
const LONGEST: Duration = Duration::from_secs(2);
