//! Hearing what the other rotations of a credential were told, perhaps in another process.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tracing::debug;

use super::Runner;
use super::job::Job;
use crate::notes::Notes;
use crate::rotation::Destination;

impl Runner {
    /// Reads what is noted for the other rotations of a credential: a login that was refused to one of them must not be
    /// sent for each. Only what nobody has read yet, and that once: the daemon reads all entries at its start. What
    /// cannot be read keeps nobody from logging in.
    pub(super) async fn hear_others(&self, job: &Job) {
        let unheard = |other: &&Job| {
            Arc::ptr_eq(&other.credential.0, &job.credential.0)
                && !ptr::eq(*other, job)
                && !other.is_heard.swap(true, Ordering::Relaxed)
        };
        let others = self.jobs.iter().filter(unheard);
        let places = others.flat_map(|other| other.rotation.destinations.iter().map(move |at| (other, at)));
        let reads: Vec<_> = places.map(|(other, at)| self.hear(other, at)).collect();
        iter(reads).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    pub(super) async fn hear(&self, other: &Job, at: &Destination) {
        match self.vault.read_notes(&at.entry).await {
            Ok(found) => {
                let notes = Notes::read(&found.custom_metadata);
                let is_its_own = notes.owner.as_ref() == Some(&other.rotation.name);
                if let Some(failure) = notes.failure.filter(|_| is_its_own) {
                    self.memory.heed(&other.credential, &failure, self.clock.now());
                }
            }
            Err(error) => debug!(
                rotation = &*other.rotation.name, class = error.class(), destination = %at,
                "what was noted for another rotation of the credential cannot be read: {error}"
            ),
        }
    }
}

const AT_ONCE: usize = 16;
