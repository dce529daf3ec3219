//! The daemon: reads what stands in Vault, and from then on lets happen what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::{Clock, Timestamp, rfc3339};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::dispatch::{Dispatch, Ended};
use crate::entries;
use crate::jumps::Jumps;
use crate::lag::{Lag, Watchdog};
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
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Notices when that clock is set.
    pub jumps: Option<Jumps>,
    /// Is told how far what is due has been left lying.
    pub lag: Lag,
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
        let mut watchdog = Watchdog::new(self.lag.clone());
        let began = Instant::now();
        let mut looks = Looks::default();
        let mut look = interval(LOOK_FOR_CHANGES_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.submit_what_is_due();
            let pause = self.pause();
            // What has not been read is due from the start on, for all that is known.
            let unread = Some(began).filter(|_| !all_read);
            watchdog.look(unread, self.dispatch.waiting_since(), Instant::now() + pause);
            let waits_for_change = self.scheduler.waiting_for_change().next().is_some();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
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
        self.wind_down().await
    }

    fn read_entries(&self) -> mpsc::Receiver<entries::Found> {
        let (sender, receiver) = mpsc::channel(self.concurrency);
        let enabled = (0..).map(RotationId).zip(&self.rotations).filter(|(_, rotation)| rotation.enabled);
        let unread: BTreeSet<RotationId> = enabled.map(|(id, _)| id).collect();
        // Ends when the receiver is dropped, which is when the daemon stops.
        tokio::spawn(entries::read_all(self.runner.clone(), unread, self.concurrency, sender));
        receiver
    }

    fn learn(&mut self, rotation: RotationId, standing: Standing) {
        let now = self.now();
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
        let now = self.now();
        for due in self.scheduler.due(now) {
            self.dispatch.submit(due);
        }
    }

    fn note(&mut self, Ended { due, outcome, sent_login }: &Ended) {
        let now = self.now();
        if *sent_login {
            self.scheduler.ended(due, outcome, now);
        } else {
            self.scheduler.ended_without_login(due, outcome, now);
        }
        self.announce(due.rotation);
    }

    /// The time. If the clock was set since it was last asked for, the scheduler learns of that first.
    fn now(&mut self) -> Timestamp {
        let now = self.clock.now();
        let steady = Instant::now();
        let jumps = self.jumps.get_or_insert_with(|| Jumps::since(now, steady));
        if let Some(by) = jumps.look(now, steady) {
            tell_jump(by, now);
            self.scheduler.clock_was_set(by, now);
        }
        now
    }

    /// Never long, lest a clock that was set goes unnoticed.
    fn pause(&mut self) -> Duration {
        let now = self.now();
        let until = |wake: Timestamp| (wake - now).to_std().unwrap_or_default();
        self.scheduler.wake_at().map_or(LONGEST_PAUSE, |wake| until(wake).min(LONGEST_PAUSE))
    }

    /// Where a failure lasts until the login is changed, secrets are read to see whether they were.
    /// Once for each source: its rotations log in alike. What is kept in Vault can take long to read: nobody waits.
    fn look_for_changed_logins(&self, looks: &mut Looks) {
        let mut waiting: BTreeMap<Arc<str>, Vec<RotationId>> = BTreeMap::new();
        let Some(of_vault) = looks.begin(Instant::now()) else { return };
        for id in self.scheduler.waiting_for_change() {
            let source = self.rotation(id).map(|rotation| &rotation.source);
            if let Some(source) = source.filter(|source| of_vault || source.in_vault().next().is_none()) {
                waiting.entry(source.name.clone()).or_default().push(id);
            }
        }
        for (source, rotations) in waiting {
            let runner = Arc::clone(&self.runner);
            looks.running.spawn(async move {
                let first = *rotations.first()?;
                let changed = timeout(LONGEST_LOOK, runner.login_changed(first)).await.unwrap_or(false);
                changed.then_some(Changed { source, rotations })
            });
        }
    }

    fn note_change(&mut self, Changed { source, rotations }: &Changed) {
        info!(source = &**source, rotations = rotations.len(), "the login was changed; trying it");
        let now = self.now();
        for rotation in rotations {
            self.scheduler.login_changed(*rotation, now);
        }
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

/// Little is only what clocks are corrected by.
fn tell_jump(by: TimeDelta, now: Timestamp) {
    if by.abs() < TimeDelta::minutes(1) {
        return debug!(by_secs = by.num_seconds(), "the clock was corrected");
    }
    warn!(
        by_secs = by.num_seconds(),
        now = rfc3339(now),
        "the clock of this machine was set, or the machine slept; all times are reckoned anew"
    );
}

/// Looks for changed logins, one after the other.
#[derive(Default)]
struct Looks {
    running: JoinSet<Option<Changed>>,
    of_vault: Option<Instant>,
}

/// A source that would log in with something else now, and what of it waits for that.
struct Changed {
    source: Arc<str>,
    rotations: Vec<RotationId>,
}

impl Looks {
    /// Whether the next look goes for what is kept in Vault, too, which is spared most of them. `None` while the last
    /// one lasts.
    fn begin(&mut self, now: Instant) -> Option<bool> {
        if !self.running.is_empty() {
            return None;
        }
        let is_due = self.of_vault.is_none_or(|last| now.duration_since(last) >= LOOK_INTO_VAULT_EVERY);
        if is_due {
            self.of_vault = Some(now);
        }
        Some(is_due)
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_LOOK: Duration = Duration::from_secs(2);
const LOOK_FOR_CHANGES_EVERY: Duration = Duration::from_secs(5);
const LOOK_INTO_VAULT_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_looked_at_each_time_and_vault_once_a_minute() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        let into_vault: Vec<u64> = (0..=120)
            .step_by(5)
            .filter(|seconds| looks.begin(start + Duration::from_secs(*seconds)) == Some(true))
            .collect();
        assert_eq!(into_vault, [0, 60, 120]);
        assert_eq!(looks.begin(start + Duration::from_secs(125)), Some(false));
    }

    #[tokio::test]
    async fn no_look_begins_while_the_last_one_lasts() {
        let mut looks = Looks::default();
        looks.running.spawn(std::future::pending());
        assert_eq!(looks.begin(Instant::now()), None);
        looks.running.abort_all();
        while looks.running.join_next().await.is_some() {}
        assert_eq!(looks.begin(Instant::now()), Some(true));
    }
}
