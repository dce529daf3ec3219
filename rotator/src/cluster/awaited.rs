//! What the leader has submitted: one run for each credential is in the queue, the others wait here.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::dispatch::{Unbegun, Waiting};
use crate::run::{CredentialKey, Due, RotationId};

/// What was submitted and has not ended.
#[derive(Default)]
pub(super) struct Awaited {
    /// What is in the queue, or was taken from it.
    submitted: HashMap<Arc<str>, Submitted>,
    /// What waits for its credential; also the credentials in use for which nothing waits.
    parked: HashMap<CredentialKey, BinaryHeap<Waiting>>,
    /// What waits for room in the queue: how much is there, how much of that is beyond saving, and how much of either
    /// may be there.
    held: BinaryHeap<Waiting>,
    most: usize,
    last_resorts: usize,
    most_last_resorts: usize,
    /// All that waits in either.
    unbegun: Unbegun,
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
        self.parked.entry(credential).or_default();
        let submitted = Submitted { queue, due, credential, asked: Instant::now() };
        let is_new = self.submitted.insert(key, submitted).is_none();
        self.last_resorts += usize::from(is_new && due.is_beyond_saving());
        is_new
    }

    /// So much may be submitted at once, and so much of it that is beyond saving.
    pub(super) fn allow(&mut self, most: usize, most_last_resorts: usize) {
        (self.most, self.most_last_resorts) = (most, most_last_resorts);
    }

    /// Keeps it until its credential is free and there is room. Gives it back if that is so now.
    pub(super) fn park(&mut self, waiting: Waiting) -> Option<Waiting> {
        let has_room = self.has_room(&waiting);
        match self.parked.get_mut(&waiting.credential) {
            None if has_room => return Some(waiting),
            parked => {
                let since = self.unbegun.enter(waiting.since);
                parked.unwrap_or(&mut self.held).push(Waiting { since, ..waiting });
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
                self.unbegun.leave(next.since);
                self.parked.insert(credential, parked);
                Some(next)
            }
            // It is the most urgent, so the others have no room either.
            next => {
                self.held.extend(next.into_iter().chain(parked));
                None
            }
        };
        Some((due, credential, next))
    }

    /// Whether there is so much room that it is worth a statement.
    pub(super) fn has_much_room(&self) -> bool {
        self.submitted.len() <= self.most - self.most / 4
    }

    /// The most urgent that was held and need not be any longer.
    pub(super) fn release(&mut self) -> Option<Waiting> {
        while self.held.peek().is_some_and(|next| self.has_room(next)) {
            let next = self.held.pop()?;
            let Some(parked) = self.parked.get_mut(&next.credential) else {
                self.unbegun.leave(next.since);
                return Some(next);
            };
            parked.push(next);
        }
        None
    }

    fn has_room(&self, waiting: &Waiting) -> bool {
        let is_last_resort = waiting.due.is_beyond_saving();
        self.submitted.len() < self.most && (self.last_resorts < self.most_last_resorts || !is_last_resort)
    }

    /// The same run goes by another key.
    pub(super) fn rename(&mut self, key: &str, to: Arc<str>, queue: Arc<str>) {
        if let Some(submitted) = self.submitted.remove(key) {
            self.submitted.insert(to, Submitted { queue, asked: Instant::now(), ..submitted });
        }
    }

    /// What it is about.
    pub(super) fn of(&self, key: &str) -> Option<(Due, CredentialKey)> {
        self.submitted.get(key).map(|submitted| (submitted.due, submitted.credential))
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
        self.unbegun.oldest()
    }
}

const ASKED_AT_ONCE: usize = 1_000;

#[cfg(test)]
mod tests {
    use tokenferry_sources::Timestamp;

    use super::*;
    use crate::run::Reason;

    fn waiting(rotation: u32, credential: &str, attempt: u32) -> Waiting {
        let at = Timestamp::UNIX_EPOCH;
        let due = Due {
            rotation: RotationId(rotation),
            occurrence: at,
            reason: if attempt > 1 { Reason::NoToken } else { Reason::Schedule },
            attempt,
            not_before: at,
            deadline: None,
        };
        Waiting { due, credential: CredentialKey::of(credential), since: Instant::now() }
    }

    /// Which rotation may be submitted; it is.
    fn submit(awaited: &mut Awaited, free: Option<Waiting>) -> Option<u32> {
        let RotationId(id) = free.as_ref()?.due.rotation;
        awaited.submit(id.to_string().into(), "queue".into(), free?);
        Some(id)
    }

    fn end(awaited: &mut Awaited, id: &str) -> Option<u32> {
        let (.., next) = awaited.end("queue", id)?;
        submit(awaited, next)
    }

    #[test]
    fn what_waits_for_room_keeps_its_credential_from_nobody() {
        let mut awaited = Awaited::default();
        awaited.allow(10, 1);
        for (id, credential, attempt, submitted) in
            [(1, "a", 2, Some(1)), (2, "b", 2, None), (3, "b", 2, None), (4, "b", 1, Some(4))]
        {
            let free = awaited.park(waiting(id, credential, attempt));
            assert_eq!(submit(&mut awaited, free), submitted);
        }
        assert!(awaited.waiting_since().is_some());
        assert_eq!(end(&mut awaited, "1"), None);
        assert!(awaited.release().is_none(), "its credential is in use");
        let next = end(&mut awaited, "4");
        assert!(matches!(next, Some(2 | 3)), "{next:?}");
        let next = end(&mut awaited, &next.unwrap_or_default().to_string());
        assert!(matches!(next, Some(2 | 3)), "{next:?}");
        assert!(awaited.waiting_since().is_none());
    }

    #[test]
    fn what_waits_for_the_credential_of_a_run_beyond_saving_gives_way_to_others() {
        let mut awaited = Awaited::default();
        awaited.allow(10, 1);
        let free = awaited.park(waiting(1, "a", 2));
        submit(&mut awaited, free);
        assert!(awaited.park(waiting(2, "a", 2)).is_none());
        awaited.allow(10, 0);
        assert_eq!(end(&mut awaited, "1"), None);
        let free = awaited.park(waiting(3, "a", 1));
        assert_eq!(submit(&mut awaited, free), Some(3));
        assert_eq!(awaited.withdraw().len(), 1);
    }

    #[test]
    fn the_queue_is_never_fuller_than_is_allowed_and_the_most_urgent_comes_next() {
        let mut awaited = Awaited::default();
        awaited.allow(2, 1);
        for (id, attempt) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 1)] {
            let free = awaited.park(waiting(id, &id.to_string(), attempt));
            assert_eq!(submit(&mut awaited, free), (id <= 2).then_some(id));
        }
        let mut order = Vec::new();
        for ended in ["1", "2"] {
            assert_eq!(end(&mut awaited, ended), None);
            let free = awaited.release();
            order.extend(submit(&mut awaited, free));
            assert!(awaited.release().is_none(), "there is no room for more");
        }
        order.sort_unstable();
        assert_eq!(order, [4, 5], "and not what is beyond saving");
        assert_eq!(end(&mut awaited, "4"), None);
        let free = awaited.release();
        assert_eq!(submit(&mut awaited, free), Some(3));
        assert!(awaited.waiting_since().is_none());
    }

    #[test]
    fn what_ended_in_another_queue_is_somebody_elses() {
        let mut awaited = Awaited::default();
        awaited.allow(10, 1);
        let free = awaited.park(waiting(1, "a", 1));
        submit(&mut awaited, free);
        assert!(awaited.end("another", "1").is_none());
        assert!(awaited.end("queue", "1").is_some());
    }
}
