//! What is due: the only part that knows time, and it is told the time. No I/O, no clock, no task.
//!
//! A `Job` keeps what is known of one rotation and reckons its next run; the [`Scheduler`] keeps the jobs in the
//! order of their runs. A job is either in the queue or in flight, never both.

mod backoff;
mod held;
mod job;
mod lane;
mod moment;
mod offset;
mod outlook;
mod plan;
mod succession;
mod view;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use thiserror::Error;
use tokenferry_sources::{Timestamp, rfc3339};

use crate::run::{Aftermath, Class, Due, Outcome, Reason, RotationId, Standing};

pub use backoff::FLOOR;
pub(crate) use backoff::{held as refused_login_hold, most_tries};
pub use held::{Held, HeldBy};
use job::Job;
pub use job::{Lift, Obstacle, Reckoning, Renewal};
use lane::Lane;
pub(crate) use moment::CLOCK_TOLERANCE;
pub use outlook::Outlook;
use plan::Lanes;
pub use plan::{Limit, LoginId, Plan};
pub use view::{Failing, Stage, View};

/// The next run of a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Next {
    /// When it begins.
    pub at: Timestamp,
    /// The planned time that it is for.
    pub occurrence: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a rotation is not run although somebody asked for it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum NotForced {
    /// The configuration says so.
    #[error("it is disabled; remove `enabled = false` from it first")]
    Disabled,
    /// The failure of its last run stands against it until then.
    #[error("its last run failed ({class}), and the same login is not tried again before {}", rfc3339(*.until))]
    Held {
        /// The kind of that failure.
        class: Class,
        /// When it may be tried again.
        until: Timestamp,
    },
    /// It runs now.
    #[error("it runs already")]
    InFlight,
    /// It does not exist, or what stands in its destinations is not known yet.
    #[error("it does not exist, or what stands in its destinations is not known yet")]
    Unknown,
}

/// Says what is due, and learns how it ended.
#[derive(Debug)]
pub struct Scheduler {
    jobs: Vec<Job>,
    /// Every job that is known and not in flight, by the time of its next run.
    queue: BTreeSet<(Timestamp, RotationId)>,
    waiting: BTreeSet<RotationId>,
    /// The refused logins, until when each is held, and who was refused.
    refused: BTreeSet<(LoginId, Timestamp, RotationId)>,
    /// Whether the last that asked Vault found it away, as far as that is known.
    vault_is_away: bool,
    /// Of the sources that have a rate.
    lanes: Vec<Lane>,
    /// The lanes in which somebody waits, by the time at which the next one may begin.
    turns: BTreeSet<(Timestamp, LaneId)>,
    /// What became due last and has to wait for the rate of its source.
    put_off: Vec<RotationId>,
    /// The first time it was told.
    began: Option<Timestamp>,
}

/// The place of a lane in the list of them.
type LaneId = u32;

impl Scheduler {
    /// One for the rotations with these plans, in the order of their ids. Nothing is due before it is learned what
    /// stands in the destinations.
    pub fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let mut lanes = Lanes::default();
        let jobs = plans.into_iter().map(|mut plan| {
            let lane = plan.limit.take().map(|limit| lanes.enter(*limit, plan.enabled));
            Job::new(plan, lane)
        });
        let jobs = jobs.collect();
        let (queue, waiting, refused, turns, vault_is_away) = Default::default();
        let (lanes, put_off) = (lanes.all, Vec::new());
        Scheduler { jobs, queue, waiting, refused, vault_is_away, lanes, turns, put_off, began: None }
    }

    /// Takes in what was found in the destinations of a rotation, unless it runs now: then its outcome will tell more.
    pub fn learn(&mut self, rotation: RotationId, standing: Standing, now: Timestamp) {
        if self.jobs.get(index(rotation)).is_some_and(Job::is_unknown) {
            self.learn_logins(rotation, &standing, now);
        }
        self.change(rotation, |job| {
            if !job.is_in_flight() {
                job.learn(standing, now);
            }
        });
    }

    /// Takes in what was found of the logins of a rotation, and no more: others of its source share their rate.
    pub fn learn_logins(&mut self, rotation: RotationId, standing: &Standing, now: Timestamp) {
        self.began.get_or_insert(now);
        let lane = self.jobs.get(index(rotation)).and_then(Job::lane);
        if let Some(lane) = lane
            && let Some(known) = self.lanes.get_mut(lane as usize)
        {
            known.recall(standing, now);
            self.set_turn(lane, now);
        }
    }

    /// Everything that is due now, the token first that readers miss first. All of it is in flight from now on.
    pub fn due(&mut self, now: Timestamp) -> Vec<Due> {
        self.began.get_or_insert(now);
        let (mut due, mut in_line) = (Vec::new(), Vec::new());
        while let Some(&(at, rotation)) = self.queue.first().filter(|(at, _)| *at <= now) {
            self.queue.remove(&(at, rotation));
            match self.jobs.get(index(rotation)).and_then(Job::lane) {
                None => due.extend(self.start(rotation, now)),
                Some(lane) => {
                    in_line.push(rotation);
                    self.wait_in(lane, rotation, now);
                }
            }
        }
        while let Some(&(_, lane)) = self.turns.first().filter(|(at, _)| *at <= now) {
            self.begin_in(lane, now, &mut due);
        }
        self.put_off = in_line.into_iter().filter(|rotation| self.next(*rotation).is_some()).collect();
        due.sort_by_key(|due| (due.urgency(), due.rotation));
        due
    }

    /// What became due when that was last asked for, and has to wait for the rate of its source.
    pub fn put_off(&self) -> &[RotationId] {
        &self.put_off
    }

    /// When something will be due; `None` while all that is known is in flight, or waits for what is.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let planned = self.queue.first().map(|(at, _)| *at);
        let turn = self.turns.first().map(|(at, _)| *at);
        planned.into_iter().chain(turn).min()
    }

    /// What should have begun by then, the first first.
    pub fn overdue(&self, until: Timestamp) -> impl Iterator<Item = RotationId> + '_ {
        self.queue.iter().take_while(move |(at, _)| *at <= until).map(|(_, rotation)| *rotation)
    }

    /// Takes in how a run ended that sent a login, or may have.
    pub fn ended(&mut self, due: &Due, outcome: &Outcome, now: Timestamp) {
        self.ended_with(due, outcome, Aftermath::default(), now);
    }

    /// Takes in how a run ended, and what it left behind: only logins that were sent count towards the rate of the
    /// source.
    pub fn ended_with(&mut self, due: &Due, outcome: &Outcome, aftermath: Aftermath, now: Timestamp) {
        let job = self.jobs.get(index(due.rotation)).filter(|job| job.is_in_flight());
        if let Some(lane) = job.and_then(Job::lane)
            && let Some(known) = self.lanes.get_mut(lane as usize)
        {
            known.end(aftermath.logins, now);
            self.set_turn(lane, now);
        }
        self.change(due.rotation, |job| {
            if job.is_in_flight() {
                job.ended(due, outcome, aftermath, now);
            }
        });
        self.heed_vault(outcome, now);
    }

    /// Who had to wait because Vault was away need not any longer once somebody gets through.
    fn heed_vault(&mut self, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Failed { class, .. } => self.vault_is_away |= class.is_vault_away(),
            Outcome::AlreadyDone(_) | Outcome::Rotated(_) | Outcome::Partly { .. } => {
                if std::mem::take(&mut self.vault_is_away) {
                    for rotation in (0..).map(RotationId).take(self.jobs.len()) {
                        self.change(rotation, |job| job.wake(now));
                    }
                }
            }
            Outcome::Refused { .. } => {}
        }
    }

    /// What failed for such a reason is tried again now.
    fn release(&mut self, is_over: fn(&Class) -> bool, now: Timestamp) {
        for rotation in (0..).map(RotationId).take(self.jobs.len()) {
            self.change(rotation, |job| job.release(is_over, now));
        }
    }

    /// The wall clock was set by so much, forwards or backwards, and shows `now`: what has to be waited for is as far
    /// away as before.
    pub fn clock_was_set(&mut self, by: TimeDelta, now: Timestamp) {
        self.began = self.began.map(|began| moment::shifted(began, by));
        for rotation in (0..).map(RotationId).take(self.jobs.len()) {
            self.change(rotation, |job| job.clock_was_set(by, now));
        }
        for lane in (0..).take(self.lanes.len()) {
            if let Some(known) = self.lanes.get_mut(lane as usize) {
                known.shift(by);
            }
            self.set_turn(lane, now);
        }
    }

    /// The login of a rotation that waits for that was changed: it is due at once.
    pub fn login_changed(&mut self, rotation: RotationId, now: Timestamp) {
        self.change(rotation, |job| job.login_changed(now));
    }

    /// The rotations whose failure lasts until their login is changed, or until the next time of their schedule.
    pub fn waiting_for_change(&self) -> impl Iterator<Item = RotationId> + '_ {
        self.waiting.iter().copied()
    }

    /// Makes a rotation due now, whatever its schedule says.
    ///
    /// # Errors
    /// When it runs now, or when the failure of its last run stands against it: a refused login that was not changed,
    /// or a system that asked us to wait.
    pub fn force(&mut self, rotation: RotationId, now: Timestamp) -> Result<(), NotForced> {
        let mut forced = Err(NotForced::Unknown);
        self.change(rotation, |job| forced = job.force(now));
        forced
    }

    /// The next run of a rotation, unless it runs now or nothing is known of it.
    pub fn next(&self, rotation: RotationId) -> Option<Next> {
        self.jobs.get(index(rotation))?.next()
    }

    /// What is known of a rotation.
    pub fn view(&self, rotation: RotationId) -> Option<View> {
        self.jobs.get(index(rotation)).map(Job::view)
    }

    /// How the next run of a rotation is reckoned.
    pub fn reckoning(&self, rotation: RotationId, now: Timestamp) -> Option<Reckoning> {
        self.jobs.get(index(rotation)).map(|job| job.reckoning(now))
    }

    fn start(&mut self, rotation: RotationId, now: Timestamp) -> Option<Due> {
        self.waiting.remove(&rotation);
        self.jobs.get_mut(index(rotation)).and_then(|job| job.start(rotation, now))
    }

    fn wait_in(&mut self, lane: LaneId, rotation: RotationId, now: Timestamp) {
        let urgency = self.jobs.get(index(rotation)).map(Job::urgency);
        if let Some((known, urgency)) = self.lanes.get_mut(lane as usize).zip(urgency) {
            known.wait(urgency, rotation);
            self.set_turn(lane, now);
        }
    }

    /// Begins what the rate of a lane allows now.
    fn begin_in(&mut self, lane: LaneId, now: Timestamp, due: &mut Vec<Due>) {
        let began = self.began.unwrap_or(now);
        while let Some(rotation) = self.lanes.get_mut(lane as usize).and_then(|lane| lane.begin(now, began)) {
            due.extend(self.start(rotation, now));
        }
        self.set_turn(lane, now);
    }

    /// Puts a lane where it belongs among the turns.
    fn set_turn(&mut self, lane: LaneId, now: Timestamp) {
        let Some(known) = self.lanes.get_mut(lane as usize) else { return };
        let turn = known.next_turn(now, self.began.unwrap_or(now));
        let before = std::mem::replace(&mut known.turn, turn);
        if before != turn {
            before.map(|at| self.turns.remove(&(at, lane)));
            turn.map(|at| self.turns.insert((at, lane)));
        }
    }

    /// Lets a job change, and puts it where it belongs then. What waited for its turn gets in line again.
    fn change(&mut self, rotation: RotationId, change: impl FnOnce(&mut Job)) {
        let Some(job) = self.jobs.get_mut(index(rotation)) else { return };
        if let Some(next) = job.next()
            && !self.queue.remove(&(next.at, rotation))
            && let Some(lane) = job.lane().and_then(|lane| self.lanes.get_mut(lane as usize))
        {
            lane.leave(job.urgency(), rotation);
        }
        let refusal_before = job.refusal();
        change(job);
        let refusal = job.refusal();
        if refusal_before != refusal {
            refusal_before.map(|(login, until)| self.refused.remove(&(login, until, rotation)));
            refusal.map(|(login, until)| self.refused.insert((login, until, rotation)));
        }
        if let Some(next) = job.next() {
            self.queue.insert((next.at, rotation));
        }
        if job.is_waiting_for_change() {
            self.waiting.insert(rotation);
        } else {
            self.waiting.remove(&rotation);
        }
    }
}

fn index(rotation: RotationId) -> usize {
    usize::try_from(rotation.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
