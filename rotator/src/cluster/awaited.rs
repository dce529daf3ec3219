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
    /// What waits for room, since it is beyond saving,
    held: BinaryHeap<Waiting>,
    /// how much of what was submitted is that, and how much may be.
    last_resorts: usize,
    most_last_resorts: usize,
    /// All that waits in either, the oldest first.
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
        let submitted = Submitted { queue, due, credential, asked: Instant::now() };
        let is_new = self.submitted.insert(key, submitted).is_none();
        self.last_resorts += usize::from(is_new && due.is_beyond_saving());
        is_new
    }

    /// So much may be submitted at once that is beyond saving.
    pub(super) fn allow_last_resorts(&mut self, most: usize) {
        self.most_last_resorts = most;
    }

    /// Keeps it until its credential is free and there is room. Gives it back if that is so now.
    pub(super) fn park(&mut self, waiting: Waiting) -> Option<Waiting> {
        let has_room = self.has_room(&waiting);
        match self.parked.get_mut(&waiting.credential) {
            None if has_room => return Some(waiting),
            parked => {
                self.unbegun.insert((waiting.since, waiting.due.rotation));
                parked.unwrap_or(&mut self.held).push(waiting);
            }
        }
        None
    }

    /// Forgets what was submitted to this queue. What it was, and what may be submitted instead: the most urgent for its
    /// credential.
    pub(super) fn end(&mut self, queue: &str, key: &str) -> Option<(Due, CredentialKey, Option<Waiting>)> {
        self.submitted.get(key).filter(|submitted| *submitted.queue == *queue)?;
        let Submitted { due, credential, .. } = self.submitted.remove(key)?;
        self.last_resorts -= usize::from(due.is_beyond_saving());
        let mut parked = self.parked.remove(&credential).unwrap_or_default();
        let next = match parked.pop() {
            Some(next) if self.has_room(&next) => {
                self.unbegun.remove(&(next.since, next.due.rotation));
                self.parked.insert(credential.clone(), parked);
                Some(next)
            }
            // It is the most urgent, so the others are beyond saving, too.
            next => {
                self.held.extend(next.into_iter().chain(parked));
                None
            }
        };
        Some((due, credential, next))
    }

    /// The most urgent that was held and need not be any longer.
    pub(super) fn release(&mut self) -> Option<Waiting> {
        while self.last_resorts < self.most_last_resorts {
            let next = self.held.pop()?;
            match self.parked.get_mut(&next.credential) {
                Some(parked) => parked.push(next),
                None => {
                    self.unbegun.remove(&(next.since, next.due.rotation));
                    return Some(next);
                }
            }
        }
        None
    }

    fn has_room(&self, waiting: &Waiting) -> bool {
        self.last_resorts < self.most_last_resorts || !waiting.due.is_beyond_saving()
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

    /// Gives back what waits here.
    pub(super) fn withdraw(&mut self) -> Vec<Due> {
        self.unbegun.clear();
        let parked = self.parked.values_mut().flat_map(BinaryHeap::drain);
        parked.chain(self.held.drain()).map(|waiting| waiting.due).collect()
    }

    /// What was submitted is called otherwise from now on.
    pub(super) fn renumber(&mut self, renumber: &mut dyn FnMut(RotationId) -> RotationId) {
        for submitted in self.submitted.values_mut() {
            submitted.due.rotation = renumber(submitted.due.rotation);
        }
    }

    /// Since when the oldest has waited here.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.unbegun.first().map(|(since, _)| *since)
    }
}

const ASKED_AT_ONCE: usize = 1_000;
