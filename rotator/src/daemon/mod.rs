//! The daemon: reads what stands in Vault, and from then on lets happen what is due.

mod answers;
mod looks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::{Clock, Timestamp, rfc3339};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::looks::{LOOK_FOR_CHANGES_EVERY, Looks};
use crate::dispatch::{Dispatch, Ended};
use crate::entries;
use crate::observe::{Question, Score};
use crate::rotation::Rotation;
use crate::run::{RotationId, Standing};
use crate::runner::Runner;
use crate::scheduler::Scheduler;
use crate::stop;

/// Everything the daemon works with.
pub struct Daemon {
    /// What is rotated, in the order of their ids.
    pub rotations: Vec<Arc<Rotation>>,
    /// Says what is due.
    pub scheduler: Scheduler,
    /// Has it done.
    pub dispatch: Box<dyn Dispatch>,
    /// Knows what stands in Vault.
    pub runner: Arc<Runner>,
    /// What those ask who look on. It ends when nobody does.
    pub questions: mpsc::Receiver<Question>,
    /// How runs ended.
    pub score: Score,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How many entries are read at once.
    pub concurrency: usize,
    /// How long runs may take to end once the daemon is told to stop.
    pub grace_period: Duration,
}

impl Daemon {
    /// Works until it is told to stop; then stores what was issued, and returns whether all of it could be stored.
    pub async fn run(mut self, stop: CancellationToken) -> bool {
        let mut found = self.read_entries();
        let mut all_read = false;
        let mut looks = Looks::default();
        let mut look = interval(LOOK_FOR_CHANGES_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.submit_what_is_due();
            let pause = self.pause();
            let waits_for_change = self.scheduler.waiting_for_change().next().is_some();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(question) = self.questions.recv() => self.answer(question),
                entry = found.recv(), if !all_read => match entry {
                    Some((rotation, standing)) => self.learn(rotation, standing),
                    None => all_read = true,
                },
                ended = self.dispatch.ended() => self.note(&ended),
                Some(looked) = looks.running.join_next() => if let Ok(Some(changed)) = looked {
                    self.note_change(&changed);
                },
                _ = look.tick(), if waits_for_change => self.look_for_changed_logins(&mut looks),
                () = sleep(pause) => {}
            }
        }
        // Nobody reads any more what would then be in the way.
        drop(found);
        self.stop_answering();
        self.wind_down().await
    }

    fn read_entries(&self) -> mpsc::Receiver<entries::Found> {
        let (sender, receiver) = mpsc::channel(self.concurrency);
        let unread: BTreeSet<RotationId> = (0..).map(RotationId).take(self.rotations.len()).collect();
        // Ends when the receiver is dropped, which is when the daemon stops.
        tokio::spawn(entries::read_all(self.runner.clone(), unread, self.concurrency, sender));
        receiver
    }

    fn learn(&mut self, rotation: RotationId, standing: Standing) {
        let now = self.clock.now();
        if let (Some(failure), Some(configured)) = (&standing.failure, self.rotation(rotation)) {
            warn!(
                rotation = &*configured.name,
                class = %failure.class,
                failures = failure.count,
                at = rfc3339(failure.at),
                has_token = standing.living.is_some(),
                "the last run before this start failed"
            );
        }
        self.scheduler.learn(rotation, standing, now);
        self.announce(rotation);
    }

    fn submit_what_is_due(&mut self) {
        for due in self.scheduler.due(self.clock.now()) {
            self.dispatch.submit(due);
        }
    }

    fn note(&mut self, ended: &Ended) {
        if let Some(rotation) = self.rotations.get(ended.due.rotation.0 as usize) {
            self.score.note(rotation, &ended.outcome);
        }
        self.scheduler.ended(&ended.due, &ended.outcome, self.clock.now());
        self.announce(ended.due.rotation);
    }

    /// Never long, lest a clock that was set goes unnoticed.
    fn pause(&self) -> Duration {
        let until = |wake: Timestamp| (wake - self.clock.now()).to_std().unwrap_or_default();
        self.scheduler.wake_at().map_or(LONGEST_PAUSE, |wake| until(wake).min(LONGEST_PAUSE))
    }

    fn announce(&self, rotation: RotationId) {
        let Some(next) = self.scheduler.next(rotation) else { return };
        let Some(configured) = self.rotation(rotation) else { return };
        info!(
            rotation = &*configured.name,
            at = configured.schedule.local(next.at),
            reason = next.reason.name(),
            "next run"
        );
    }

    fn rotation(&self, id: RotationId) -> Option<&Rotation> {
        self.rotations.get(id.0 as usize).map(|rotation| &**rotation)
    }

    /// Runs that have begun may end, and what they got is stored.
    async fn wind_down(mut self) -> bool {
        let until = Instant::now() + self.grace_period;
        stop::wind_down(&mut *self.dispatch, &self.runner, until, |_| {}).await
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
