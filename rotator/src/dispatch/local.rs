//! Dispatch within this process: a few runs at once, the most urgent first, one per credential.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::error;

use super::{Dispatch, Ended, Role, Unbegun, Waiting, last_resorts};
use crate::run::{Aftermath, Class, CredentialKey, Due, Outcome, RotationId, Work};

/// Runs what is due in tasks of this process.
pub struct Local {
    work: Arc<dyn Work>,
    limit: usize,
    /// What may begin as soon as there is room.
    ready: BinaryHeap<Waiting>,
    /// The credentials in use.
    busy: HashSet<CredentialKey>,
    /// What waits for its credential.
    parked: HashMap<CredentialKey, BinaryHeap<Waiting>>,
    /// All that has not begun.
    unbegun: Unbegun,
    running: JoinSet<(Outcome, Aftermath)>,
    begun: HashMap<Id, Waiting>,
    /// How many of them are for what is beyond saving.
    last_resorts: usize,
    role: watch::Sender<Role>,
}

impl Local {
    /// At most `limit` runs at once.
    pub fn new(work: Arc<dyn Work>, limit: usize) -> Self {
        Local {
            work,
            limit: limit.max(1),
            ready: BinaryHeap::new(),
            busy: HashSet::new(),
            parked: HashMap::new(),
            unbegun: Unbegun::default(),
            running: JoinSet::new(),
            begun: HashMap::new(),
            last_resorts: 0,
            role: watch::Sender::new(Role::Leading),
        }
    }

    fn begin_what_may(&mut self) {
        while self.running.len() < self.limit {
            let Some(next) = self.ready.pop() else { return };
            if next.due.is_beyond_saving() && self.last_resorts >= last_resorts(self.limit) {
                // It is the most urgent, so nothing else is ready.
                return self.ready.push(next);
            }
            if self.busy.contains(&next.credential) {
                self.parked.entry(next.credential).or_default().push(next);
            } else {
                self.begin(next);
            }
        }
    }

    fn begin(&mut self, next: Waiting) {
        self.busy.insert(next.credential);
        self.unbegun.leave(next.since);
        self.last_resorts += usize::from(next.due.is_beyond_saving());
        let (work, due) = (self.work.clone(), next.due);
        let task = self.running.spawn(async move {
            let outcome = work.run(&due).await;
            (outcome, work.aftermath(due.rotation))
        });
        self.begun.insert(task.id(), next);
    }

    /// Frees the credential for the most urgent of those that wait for it.
    fn end(&mut self, task: Id) -> Option<Due> {
        let Waiting { due, credential, .. } = self.begun.remove(&task)?;
        self.busy.remove(&credential);
        self.last_resorts -= usize::from(due.is_beyond_saving());
        self.unpark(credential);
        self.begin_what_may();
        Some(due)
    }

    /// Only one: the others would be parked again at once.
    fn unpark(&mut self, credential: CredentialKey) {
        let Some(parked) = self.parked.get_mut(&credential) else { return };
        self.ready.extend(parked.pop());
        if parked.is_empty() {
            self.parked.remove(&credential);
        }
    }
}

#[async_trait]
impl Dispatch for Local {
    fn submit(&mut self, due: Due) {
        let credential = self.work.credential(due.rotation);
        let since = self.unbegun.enter(Instant::now());
        self.ready.push(Waiting { due, credential, since });
        self.begin_what_may();
    }

    async fn ended(&mut self) -> Ended {
        while let Some(joined) = self.running.join_next_with_id().await {
            let (task, (outcome, aftermath)) = match joined {
                Ok(ended) => ended,
                Err(error) => (error.id(), (panicked(&error), Aftermath::default())),
            };
            if let Some(due) = self.end(task) {
                return Ended { due, outcome, aftermath, ago: Duration::ZERO };
            }
        }
        std::future::pending().await
    }

    fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    fn withdraw(&mut self) -> Vec<Due> {
        self.unbegun.clear();
        let parked = self.parked.drain().flat_map(|(_, waiting)| waiting);
        self.ready.drain().chain(parked).map(|waiting| waiting.due).collect()
    }

    fn succeed(
        &mut self,
        work: Arc<dyn Work>,
        limit: usize,
        renumber: &mut dyn FnMut(RotationId) -> RotationId,
    ) {
        (self.work, self.limit) = (work, limit.max(1));
        for run in self.begun.values_mut() {
            run.due.rotation = renumber(run.due.rotation);
        }
    }

    fn close(&mut self) {
        self.limit = 0;
        self.ready.clear();
        self.parked.clear();
        self.unbegun.clear();
    }

    fn running(&self) -> usize {
        self.running.len()
    }

    fn waiting_since(&self) -> Option<Instant> {
        self.unbegun.oldest()
    }
}

/// A panic is a mistake of ours; one rotation must not take the others along.
fn panicked(error: &JoinError) -> Outcome {
    error!(
        cancelled = error.is_cancelled(),
        "a run ended by a mistake in this program; it is tried again later"
    );
    Outcome::Failed { class: Class::new("internal_error"), retry_at: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::TimeDelta;
    use tokenferry_sources::Timestamp;
    use tokio::time::sleep;

    use super::*;
    use crate::run::{Living, Reason};

    /// Notes who begins and ends; every run takes a second. Rotations share a credential by tens.
    #[derive(Default)]
    struct Log(Mutex<Vec<(&'static str, u32)>>);

    #[async_trait]
    impl Work for Log {
        fn credential(&self, rotation: RotationId) -> CredentialKey {
            CredentialKey::of(&(rotation.0 / 10).to_string())
        }

        async fn run(&self, due: &Due) -> Outcome {
            self.note("begin", due);
            sleep(Duration::from_secs(1)).await;
            assert_ne!(due.rotation.0, 13, "a planted mistake");
            self.note("end", due);
            Outcome::Rotated(Living { issued_at: due.not_before, expires_at: None, version: 1 })
        }
    }

    impl Log {
        fn note(&self, what: &'static str, due: &Due) {
            self.0.lock().unwrap().push((what, due.rotation.0));
        }

        fn began(&self) -> Vec<u32> {
            let log = self.0.lock().unwrap();
            log.iter().filter(|(what, _)| *what == "begin").map(|(_, id)| *id).collect()
        }
    }

    fn due(id: u32, deadline_secs: Option<i64>) -> Due {
        let at = |secs| Timestamp::UNIX_EPOCH + TimeDelta::seconds(secs);
        let reason = if deadline_secs.is_some() { Reason::Expiry } else { Reason::NoToken };
        Due {
            rotation: RotationId(id),
            occurrence: at(0),
            reason,
            attempt: 1,
            not_before: at(0),
            deadline: deadline_secs.map(at),
        }
    }

    fn local(limit: usize) -> (Arc<Log>, Local) {
        let log = Arc::new(Log::default());
        (log.clone(), Local::new(log, limit))
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_urgent_begins_first_and_no_more_than_the_limit_at_once() {
        let (log, mut local) = local(1);
        for (id, deadline) in [(0, Some(90)), (20, Some(50)), (30, Some(10)), (40, None), (50, Some(20))] {
            local.submit(due(id, deadline));
        }
        assert_eq!(local.running(), 1);
        for expected in [0, 40, 30, 50, 20] {
            assert_eq!(local.ended().await.due.rotation.0, expected);
        }
        assert_eq!(log.began(), [0, 40, 30, 50, 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn runs_of_one_credential_never_overlap_and_do_not_hold_up_others() {
        let (log, mut local) = local(8);
        for id in [1, 2, 3, 11] {
            local.submit(due(id, Some(i64::from(id))));
        }
        assert_eq!(local.running(), 2);
        for _ in 0..4 {
            local.ended().await;
        }
        let seen = log.0.lock().unwrap().clone();
        let of_one: Vec<_> = seen.into_iter().filter(|(_, id)| *id < 10).collect();
        let expected = [("begin", 1), ("end", 1), ("begin", 2), ("end", 2), ("begin", 3), ("end", 3)];
        assert_eq!(of_one, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_panics_is_a_failure_and_frees_its_credential() {
        let (log, mut local) = local(8);
        local.submit(due(13, Some(1)));
        local.submit(due(14, Some(2)));
        let class = Class::new("internal_error");
        assert_eq!(local.ended().await.outcome, Outcome::Failed { class, retry_at: None });
        assert!(matches!(local.ended().await.outcome, Outcome::Rotated(_)));
        assert_eq!(log.began(), [13, 14]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_not_begun_is_given_back_and_what_has_ends_under_its_new_name() {
        let (before, mut local) = local(2);
        for id in [1, 2, 20, 30] {
            local.submit(due(id, Some(1)));
        }
        let mut given_back: Vec<u32> = local.withdraw().iter().map(|due| due.rotation.0).collect();
        given_back.sort_unstable();
        assert_eq!((given_back, local.running(), local.waiting_since()), (vec![2, 30], 2, None));

        let after = Arc::new(Log::default());
        local.succeed(after.clone(), 1, &mut |RotationId(id)| RotationId(id + 1000));
        // Its credential is the one of a run under way, and there is no room before both have ended.
        local.submit(due(3, Some(1)));
        let mut ended = [local.ended().await.due.rotation.0, local.ended().await.due.rotation.0];
        ended.sort_unstable();
        assert_eq!((ended, before.began()), ([1001, 1020], vec![1, 20]));
        assert_eq!((local.ended().await.due.rotation.0, after.began()), (3, vec![3]));
    }

    #[tokio::test(start_paused = true)]
    async fn once_closed_only_what_has_begun_is_finished() {
        let (log, mut local) = local(1);
        for id in [0, 1, 20] {
            local.submit(due(id, Some(1)));
        }
        local.close();
        assert_eq!(local.ended().await.due.rotation.0, 0);
        assert_eq!((local.running(), log.began()), (0, vec![0]));
        let more = tokio::time::timeout(Duration::from_mins(1), local.ended()).await;
        assert!(more.is_err(), "{more:?}");
    }

    /// Each rotation has a credential of its own. Every tenth hangs and fails.
    #[derive(Default)]
    struct Tenth(Mutex<Vec<u32>>);

    #[async_trait]
    impl Work for Tenth {
        fn credential(&self, rotation: RotationId) -> CredentialKey {
            CredentialKey::of(&rotation.0.to_string())
        }

        async fn run(&self, due: &Due) -> Outcome {
            self.0.lock().unwrap().push(due.rotation.0);
            if due.rotation.0.is_multiple_of(10) {
                sleep(Duration::from_secs(30)).await;
                return Outcome::Failed { class: Class::new("unreachable"), retry_at: None };
            }
            sleep(Duration::from_millis(100)).await;
            Outcome::Rotated(Living { issued_at: due.not_before, expires_at: None, version: 1 })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_ten_thousand_the_first_to_end_begins_first_whatever_else_hangs() {
        let work = Arc::new(Tenth::default());
        let mut local = Local::new(work.clone(), 8);
        for id in (0..10_000).step_by(10) {
            local.submit(Due { attempt: 2, ..due(id, None) });
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(local.running(), 6, "a quarter is kept free");
        let began = Instant::now();
        // Scattered, but each once: 7919 and 10,007 have no common divisor.
        let deadline = |id: u32| i64::from(id) * 7919 % 10_007;
        let saved = |id: &u32| !id.is_multiple_of(10);
        (0..10_000).filter(saved).for_each(|id| local.submit(due(id, Some(deadline(id)))));
        assert_eq!(local.waiting_since(), Some(began - Duration::from_secs(1)));
        let mut left = 9_000;
        while left > 0 {
            let Ended { due, .. } = local.ended().await;
            left -= u32::from(saved(&due.rotation.0));
            if !saved(&due.rotation.0) {
                local.submit(Due { attempt: due.attempt + 1, ..due });
            }
        }
        assert!(began.elapsed() <= Duration::from_secs(9_000 / 10 / 2 + 1), "{:?}", began.elapsed());
        let order: Vec<i64> =
            work.0.lock().unwrap().iter().filter(|id| saved(id)).map(|id| deadline(*id)).collect();
        // The first few begin as they come, since there is room.
        assert!(order[2..].is_sorted());
    }
}
