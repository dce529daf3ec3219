//! What is due: the only part that knows time, and it is told the time. No I/O, no clock, no task.
//!
//! A `Job` keeps what is known of one rotation and reckons its next run; the [`Scheduler`] keeps the jobs in the
//! order of their runs. A job is either in the queue or in flight, never both.

mod backoff;
mod job;
mod moment;
mod offset;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::{Timestamp, rfc3339};

use crate::rotation::{RenewBefore, Rotation};
use crate::run::{Class, Due, Outcome, Reason, RotationId, Standing};
use crate::schedule::Schedule;

pub use backoff::FLOOR;
use job::Job;
pub use view::{Failing, Stage, View};

/// When a rotation runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The rotation's name: it decides about its place within the spread.
    pub name: Arc<str>,
    /// When it runs, whatever the age of its token.
    pub schedule: Schedule,
    /// How long before the end of its token it runs, whatever the schedule says.
    pub renew_before: RenewBefore,
    /// How far its times may be shifted.
    pub spread: Duration,
}

impl From<&Rotation> for Plan {
    fn from(rotation: &Rotation) -> Self {
        Plan {
            name: rotation.name.clone(),
            schedule: rotation.schedule.clone(),
            renew_before: rotation.renew_before,
            spread: rotation.spread,
        }
    }
}

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
    /// The latest time it was told.
    latest: Timestamp,
}

impl Scheduler {
    /// One for the rotations with these plans, in the order of their ids. Nothing is due before it is learned what
    /// stands in the destinations.
    pub fn new(plans: Vec<Plan>) -> Self {
        Scheduler {
            jobs: plans.into_iter().map(Job::new).collect(),
            queue: BTreeSet::new(),
            waiting: BTreeSet::new(),
            latest: Timestamp::MIN_UTC,
        }
    }

    /// Takes in what was found in the destinations of a rotation, unless it runs now: then its outcome will tell more.
    pub fn learn(&mut self, rotation: RotationId, standing: Standing, now: Timestamp) {
        self.change(rotation, now, |job| {
            if !job.is_in_flight() {
                job.learn(standing, now);
            }
        });
    }

    /// Everything that is due now, the token first that readers miss first. All of it is in flight from now on.
    pub fn due(&mut self, now: Timestamp) -> Vec<Due> {
        self.watch_the_clock(now);
        let mut due = Vec::new();
        while let Some(&(at, rotation)) = self.queue.first().filter(|(at, _)| *at <= now) {
            self.queue.remove(&(at, rotation));
            self.waiting.remove(&rotation);
            let job = self.jobs.get_mut(index(rotation));
            due.extend(job.and_then(|job| job.start(rotation, now)));
        }
        due.sort_by_key(|due| (due.urgency(), due.rotation));
        due
    }

    /// When something will be due; `None` while all that is known is in flight.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes in how a run ended.
    pub fn ended(&mut self, due: &Due, outcome: &Outcome, now: Timestamp) {
        self.change(due.rotation, now, |job| {
            if job.is_in_flight() {
                job.ended(due, outcome, now);
            }
        });
    }

    /// The login of a rotation that waits for that was changed: it is due at once.
    pub fn login_changed(&mut self, rotation: RotationId, now: Timestamp) {
        self.change(rotation, now, |job| job.login_changed(now));
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
        self.change(rotation, now, |job| forced = job.force(now));
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

    /// Lets a job change, and puts it where it belongs then.
    fn change(&mut self, rotation: RotationId, now: Timestamp, change: impl FnOnce(&mut Job)) {
        self.latest = self.latest.max(now);
        let Some(job) = self.jobs.get_mut(index(rotation)) else { return };
        if let Some(next) = job.next() {
            self.queue.remove(&(next.at, rotation));
        }
        change(job);
        if let Some(next) = job.next() {
            self.queue.insert((next.at, rotation));
        }
        if job.is_waiting_for_change() {
            self.waiting.insert(rotation);
        } else {
            self.waiting.remove(&rotation);
        }
    }

    /// Reckons everything anew after the clock was put back: what seemed to be later may be now.
    fn watch_the_clock(&mut self, now: Timestamp) {
        if moment::after(now, moment::CLOCK_TOLERANCE) < self.latest {
            for rotation in (0..).map(RotationId).take(self.jobs.len()) {
                self.change(rotation, now, |job| job.replan(now));
            }
            self.latest = now;
        }
        self.latest = self.latest.max(now);
    }
}

fn index(rotation: RotationId) -> usize {
    usize::try_from(rotation.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
