//! What the leader has submitted: one run for each credential is in the queue, the others wait here.

use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::dispatch::Waiting;
use crate::run::{CredentialKey, Due, RotationId};

/// What was submitted and has not ended.
#[derive(Default)]
pub(super) struct Awaited {
    /// What is in the queue, or was taken from it.
    submitted: HashMap<Arc<str>, Submitted>,
    /// What waits for its credential; also the credentials in use for which nothing waits.
    parked: HashMap<CredentialKey, BinaryHeap<Waiting>>,
    /// All that waits there, the oldest first.
    unbegun: BTreeSet<(Instant, RotationId)>,
}

struct Submitted {
    queue: Arc<str>,
    due: Due,
    credential: CredentialKey,
    /// When it was last asked what became of it.
    asked: Instant,
}

impl Awaited {
    /// Notes what is put in the queue. Whether it was not there yet.
    pub(super) fn submit(&mut self, key: Arc<str>, queue: Arc<str>, waiting: Waiting) -> bool {
        let Waiting { due, credential, .. } = waiting;
        self.parked.entry(credential.clone()).or_default();
        self.submitted.insert(key, Submitted { queue, due, credential, asked: Instant::now() }).is_none()
    }

    /// Keeps it until its credential is free. Gives it back if that is free now.
    pub(super) fn park(&mut self, waiting: Waiting) -> Option<Waiting> {
        match self.parked.get_mut(&waiting.credential) {
            Some(parked) => {
                self.unbegun.insert((waiting.since, waiting.due.rotation));
                parked.push(waiting);
                None
            }
            None => Some(waiting),
        }
    }

    /// Forgets what was submitted. What it was, and what may be submitted instead: the most urgent for its credential.
    pub(super) fn end(&mut self, key: &str) -> Option<(Due, CredentialKey, Option<Waiting>)> {
        let Submitted { due, credential, .. } = self.submitted.remove(key)?;
        let next = self.parked.get_mut(&credential).and_then(BinaryHeap::pop);
        match &next {
            Some(next) => drop(self.unbegun.remove(&(next.since, next.due.rotation))),
            None => drop(self.parked.remove(&credential)),
        }
        Some((due, credential, next))
    }

    /// The same run goes by another key.
    pub(super) fn rename(
        &mut self,
        key: &str,
        to: Arc<str>,
        queue: Arc<str>,
    ) -> Option<(Due, CredentialKey)> {
        let submitted = self.submitted.remove(key)?;
        let renamed = (submitted.due, submitted.credential.clone());
        self.submitted.insert(to, Submitted { queue, asked: Instant::now(), ..submitted });
        Some(renamed)
    }

    /// What it is about.
    pub(super) fn due(&self, key: &str) -> Option<Due> {
        self.submitted.get(key).map(|submitted| submitted.due)
    }

    /// By queue and key, what has not been asked about for so long; not too much at once.
    pub(super) fn unasked_for(&mut self, long: Duration) -> Vec<(Arc<str>, Arc<str>)> {
        let now = Instant::now();
        let unasked =
            self.submitted.iter_mut().filter(|(_, submitted)| now.duration_since(submitted.asked) >= long);
        let asked = unasked.take(ASKED_AT_ONCE).map(|(key, submitted)| {
            submitted.asked = now;
            (Arc::clone(&submitted.queue), Arc::clone(key))
        });
        asked.collect()
    }

    /// Gives back what waits for its credential.
    pub(super) fn withdraw(&mut self) -> Vec<Due> {
        self.unbegun.clear();
        self.parked.values_mut().flat_map(BinaryHeap::drain).map(|waiting| waiting.due).collect()
    }

    /// What was submitted is called otherwise from now on.
    pub(super) fn renumber(&mut self, renumber: &mut dyn FnMut(RotationId) -> RotationId) {
        for submitted in self.submitted.values_mut() {
            submitted.due.rotation = renumber(submitted.due.rotation);
        }
    }

    /// Since when the oldest has waited for its credential.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.unbegun.first().map(|(since, _)| *since)
    }
}

const ASKED_AT_ONCE: usize = 1_000;
