//! The daemon: reads what stands in Vault, and from then on lets happen what is due.

mod answers;
mod departures;
mod entries;
mod looks;
mod patrol;
mod proofs;
mod renewal;
mod role;
mod taking_over;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::{Clock, Timestamp, rfc3339};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::departures::Departures;
use self::entries::Entries;
use self::looks::{LOOK_FOR_CHANGES_EVERY, Looks};
use self::patrol::Patrol;
use self::proofs::Proofs;
use self::renewal::Renewal;
use crate::app::App;
use crate::cluster::{Settings, View};
use crate::config::Listen;
use crate::dispatch::{Dispatch, Ended, Role};
use crate::jumps::Jumps;
use crate::lag::{Lag, Left, Watchdog};
use crate::observe::{Question, Score};
use crate::reload::{LastReload, Reloads};
use crate::rotation::Rotation;
use crate::run::RotationId;
use crate::runner::Runner;
use crate::scheduler::Scheduler;
use crate::stop;
use crate::supervisor::Supervisor;

/// Everything the daemon works with.
pub struct Daemon {
    /// What is rotated, in the order of their ids.
    rotations: Vec<Arc<Rotation>>,
    /// Says what is due.
    scheduler: Scheduler,
    /// Has it done.
    dispatch: Box<dyn Dispatch>,
    /// Knows what stands in Vault.
    runner: Arc<Runner>,
    /// What those ask who look on. It ends when nobody does.
    questions: mpsc::Receiver<Question>,
    /// How runs ended.
    score: Score,
    /// Tells the time.
    clock: Arc<dyn Clock>,
    /// Notices when that clock is set.
    jumps: Option<Jumps>,
    /// Is told how far what is due has been left lying.
    lag: Lag,
    /// How many entries are read at once.
    concurrency: usize,
    /// How long runs may take to end once the daemon is told to stop.
    grace_period: Duration,
    /// Where it can be looked at, as configured by now; what is in force is that of the start.
    listen: Listen,
    /// What the configuration says by now, which takes effect at the next start.
    wanted_listen: Listen,
    /// How the work is shared, and how the configuration wants it to be from the next start on.
    sharing: Option<Settings>,
    wanted_sharing: Option<Settings>,
    supervisor: Supervisor,
    reloads: Reloads,
    last_reload: LastReload,
    entries: Entries,
    looks: Looks,
    patrol: Patrol,
    proofs: Proofs,
    departures: Departures,
    renewal: Renewal,
    standing: role::Standing,
    /// What is known of the replicas, if the work is shared.
    replicas: Option<watch::Receiver<View>>,
}

impl Daemon {
    /// One for what is configured, that has it done by `dispatch`. It tells `supervisor` and `lag` how it is, answers
    /// `questions`, and obeys `reloads`.
    pub fn new(
        app: App,
        dispatch: Box<dyn Dispatch>,
        questions: mpsc::Receiver<Question>,
        lag: Lag,
        mut reloads: Reloads,
        supervisor: Supervisor,
    ) -> Self {
        reloads.follow(&app.config);
        Daemon {
            scheduler: app.scheduler(),
            standing: role::Standing::new(dispatch.role()),
            dispatch,
            replicas: None,
            last_reload: LastReload { successful: true, at: app.clock.now() },
            entries: Entries::new(app.config.concurrency),
            looks: Looks::default(),
            patrol: Patrol::new(),
            proofs: Proofs::default(),
            departures: Departures::default(),
            renewal: Renewal::new(&app.vault),
            rotations: app.config.rotations,
            runner: app.runner,
            questions,
            score: Score::default(),
            clock: app.clock,
            jumps: None,
            lag,
            concurrency: app.config.concurrency,
            grace_period: app.config.grace_period,
            wanted_listen: app.config.listen.clone(),
            listen: app.config.listen,
            wanted_sharing: app.config.cluster.clone(),
            sharing: app.config.cluster,
            supervisor,
            reloads,
        }
    }

    /// Has those who look on told of the replicas that the work is shared with.
    #[must_use]
    pub fn among(self, replicas: watch::Receiver<View>) -> Self {
        Daemon { replicas: Some(replicas), ..self }
    }

    /// Works until it is told to stop; then stores what was issued, and returns whether all of it could be stored.
    pub async fn run(mut self, stop: CancellationToken) -> bool {
        let mut watchdog = Watchdog::new(self.lag.clone());
        let mut look = looks();
        self.proofs.expect(self.rotations.iter().map(|rotation| Arc::clone(&rotation.name)));
        if self.leads() {
            self.read_entries();
        }
        self.supervisor.ready(&self.status());
        loop {
            self.take_on_role();
            self.submit_what_is_due();
            if self.leads() || self.scheduler.unknown().next().is_none() {
                self.tell_refused_proofs();
            }
            let pause = self.pause();
            // What is being read is due since that began, for all that is known.
            let (leads, next_look) = (self.leads(), self.standing.next_look);
            let unread = self.entries.unread_since().filter(|_| leads);
            let left = Left { unread, apart: self.left_by_leader(), waiting: self.dispatch.waiting_since() };
            watchdog.look(left, Instant::now() + pause);
            let waits_for_change = leads && self.scheduler.waiting_for_change().next().is_some();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // What comes rarely comes first, lest what comes often keeps it from ever being heard.
                Some(question) = self.questions.recv() => self.answer(question),
                () = self.supervisor.alarm() => self.beat(),
                () = self.standing.changed() => {}
                reload = self.reloads.next() => self.reload(reload),
                Some(name) = self.departures.departed() => self.let_follow(&name),
                (rotation, standing) = self.entries.next() => self.take_in(rotation, standing),
                ended = self.dispatch.ended() => self.note(&ended),
                Some(looked) = self.looks.running.join_next() => if let Ok(Some(changed)) = looked {
                    self.note_change(&changed);
                },
                _ = look.tick(), if waits_for_change => self.look_for_changed_logins(),
                round = self.patrol.step(), if leads => self.patrol(round),
                () = sleep_until(next_look), if !leads => self.follow_leader(),
                () = sleep(pause) => {}
            }
        }
        self.stop_answering();
        self.wind_down().await
    }

    /// Whether nobody of its name has to leave before it is read.
    fn is_free(&self, id: RotationId) -> bool {
        !self.rotation(id).is_some_and(|rotation| self.departures.are_awaited(&rotation.name))
    }

    fn submit_what_is_due(&mut self) {
        if !self.leads() {
            return;
        }
        let now = self.now();
        for due in self.scheduler.due(now) {
            self.dispatch.submit(due);
        }
        let put_off = self.scheduler.put_off();
        if put_off.is_empty() {
            return;
        }
        let outlook = self.scheduler.outlook(now);
        for rotation in put_off {
            let until = outlook.held(*rotation).and_then(|held| held.until);
            if let Some(configured) = self.rotation(*rotation) {
                let until = until.map(|until| configured.schedule.local(until));
                info!(rotation = &*configured.name, until, "due, and waits for the rate of its source");
            }
        }
    }

    fn note(&mut self, Ended { due, outcome, aftermath, ago }: &Ended) {
        if self.departures.runs(due.rotation) {
            let name = self.departures.ended(due.rotation);
            if let Some(name) = name {
                self.let_follow(&name);
            }
            return;
        }
        if let Some(rotation) = self.rotations.get(due.rotation.0 as usize) {
            self.score.note(rotation, outcome);
        }
        // Whoever is told late has waited already.
        let (now, ago) = (self.now(), TimeDelta::from_std(*ago).unwrap_or_default());
        let at = now.checked_sub_signed(ago).unwrap_or(now);
        self.scheduler.ended_with(due, outcome, *aftermath, at);
        self.read_after_loss();
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
        let wake = self.scheduler.wake_at().filter(|_| self.leads());
        wake.map_or(LONGEST_PAUSE, |wake| until(wake).min(LONGEST_PAUSE))
    }

    /// What stands by would be told of at each patrol.
    fn announce(&self, rotation: RotationId) {
        let Some(next) = self.scheduler.next(rotation).filter(|_| self.leads()) else { return };
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

    /// We are well as long as this is reached, and what waits to begin waits for something, here or in another replica.
    /// That Vault or a system is away is no reason to be ended: what was issued and could not be stored yet would be lost.
    fn beat(&mut self) {
        let is_stuck = self.dispatch.stuck_since().is_some_and(|since| since.elapsed() > LONGEST_IDLE);
        let is_well = !(self.leads() && is_stuck);
        let status = self.status();
        self.supervisor.beat(is_well, &status);
    }

    /// In one line, for people.
    fn status(&self) -> String {
        let (rotations, running) = (self.rotations.len(), self.dispatch.running());
        let unread = self.entries.unread();
        let refused = if self.last_reload.successful { "" } else { "; the changed configuration is wrong" };
        let role = match self.standing.role() {
            Role::Disconnected => "; PostgreSQL cannot be used",
            Role::Leading => "",
            Role::Standby if self.is_apart() => "; another configuration leads, nothing is run here",
            Role::Standby => "; another replica leads",
        };
        format!("{rotations} rotations, {running} running, {unread} not read yet{role}{refused}")
    }

    /// Runs that have begun may end, and what they got is stored.
    async fn wind_down(mut self) -> bool {
        self.supervisor.stopping(self.grace_period);
        // Nobody reads any more what would then be in the way.
        drop(self.entries);
        let until = Instant::now() + self.grace_period;
        let runners = self.departures.give_up(self.runner).await;
        let all_stored = stop::wind_down(&mut *self.dispatch, &runners, until, |_| {}).await;
        // Our Vault token is kept alive until the last token is stored.
        self.renewal.end().await;
        self.dispatch.leave().await;
        all_stored
    }
}

fn looks() -> Interval {
    let mut look = interval(LOOK_FOR_CHANGES_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look
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

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Replicas learn only now and then what waits in their queue.
const LONGEST_IDLE: Duration = Duration::from_secs(20);
