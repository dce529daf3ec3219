//! Going on under other plans while the program runs.

use tokenferry_sources::Timestamp;

use super::job::Job;
use super::lane::Lane;
use super::{Plan, Scheduler, index};
use crate::run::{Due, RotationId};

impl Scheduler {
    /// One for these plans. A rotation that carries on, as one of this scheduler's, keeps what is known of it; it is in
    /// flight if it is now. Of the others it has to be learned what stands in their destinations.
    #[must_use]
    pub fn successor(self, plans: Vec<Plan>, carries_on: &[Option<RotationId>], now: Timestamp) -> Scheduler {
        let mut former: Vec<Option<Job>> = self.jobs.into_iter().map(Some).collect();
        let mut lanes: Vec<Option<Lane>> = self.lanes.into_iter().map(Some).collect();
        let mut successor = Scheduler::new(plans);
        successor.began = self.began;
        for (rotation, carried) in (0..).map(RotationId).zip(carries_on) {
            let job = carried.and_then(|carried| former.get_mut(index(carried))?.take());
            if let Some(former) = job {
                successor.remember_logins(rotation, &former, &mut lanes);
                successor.change(rotation, |job| job.succeed(former, now));
            }
        }
        for lane in (0..).take(successor.lanes.len()) {
            successor.set_turn(lane, now);
        }
        successor
    }

    /// What was logged in before counts towards the rate of the source, whatever that is now.
    fn remember_logins(&mut self, rotation: RotationId, former: &Job, lanes: &mut [Option<Lane>]) {
        let lane = self.jobs.get(index(rotation)).and_then(Job::lane);
        let Some(known) = lane.and_then(|lane| self.lanes.get_mut(lane as usize)) else { return };
        match former.lane().map(|lane| lanes.get_mut(lane as usize).and_then(Option::take)) {
            Some(Some(before)) => known.succeed(before),
            // Another of its rotations brought them.
            Some(None) => {}
            None => known.remember(former.issued_at()),
        }
        known.carry_on(former.is_unknown(), former.is_in_flight());
    }

    /// Takes a due back whose run did not begin.
    pub fn withdrawn(&mut self, due: &Due, now: Timestamp) {
        self.change(due.rotation, |job| job.withdrawn(now));
    }

    /// Vault is another one, or there is another login to it: what failed for its sake is tried again now.
    pub fn vault_changed(&mut self, now: Timestamp) {
        for rotation in (0..).map(RotationId).take(self.jobs.len()) {
            self.change(rotation, |job| job.vault_changed(now));
        }
    }

    /// Whether it has to be learned what stands in the destinations of a rotation.
    pub fn is_unknown(&self, rotation: RotationId) -> bool {
        self.jobs.get(index(rotation)).is_some_and(Job::is_unknown)
    }

    /// The rotations of which it has to be learned what stands in their destinations.
    pub fn unknown(&self) -> impl Iterator<Item = RotationId> + '_ {
        let jobs = (0..).map(RotationId).zip(&self.jobs);
        jobs.filter(|(_, job)| job.is_unknown()).map(|(rotation, _)| rotation)
    }
}
