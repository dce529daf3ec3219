//! Going on under other plans while the program runs.

use std::collections::BTreeMap;

use tokenferry_sources::Timestamp;

use super::job::Job;
use super::{Plan, Scheduler, index};
use crate::run::{Due, RotationId};

impl Scheduler {
    /// One for these plans. A rotation that carries on, as one of this scheduler's, keeps what is known of it; it is in
    /// flight if it is now. Of the others it has to be learned what stands in their destinations.
    #[must_use]
    pub fn successor(
        self,
        plans: impl IntoIterator<Item = Plan>,
        carries_on: &[Option<RotationId>],
        now: Timestamp,
    ) -> Scheduler {
        let mut successor = Scheduler::new(plans);
        (successor.began, successor.vault_is_away) = (self.began, self.vault_is_away);
        successor.remember_logins(&self, carries_on, now);
        let mut former: Vec<Option<Job>> = self.jobs.into_iter().map(Some).collect();
        for (rotation, carried) in (0..).map(RotationId).zip(carries_on) {
            let job = carried.and_then(|carried| former.get_mut(index(carried))?.take());
            if let Some(former) = job {
                successor.carry_on(rotation, former, now);
            }
        }
        for lane in (0..).take(successor.lanes.len()) {
            successor.set_turn(lane, now);
        }
        successor
    }

    /// What was logged in before counts towards the rate of a source, whatever that is now: the logins of its namesake,
    /// and those of the rotations that it has now.
    fn remember_logins(&mut self, former: &Scheduler, carries_on: &[Option<RotationId>], now: Timestamp) {
        // For each pair of lanes how many runs go on from one to the other.
        let mut heirs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (at, lane) in self.lanes.iter().enumerate() {
            let namesake = former.lanes.iter().position(|before| before.is_namesake(lane));
            heirs.extend(namesake.map(|before| ((before, at), 0)));
        }
        for (job, carried) in self.jobs.iter().zip(carries_on) {
            let before = carried.and_then(|carried| former.jobs.get(index(carried)));
            let Some((lane, before)) = job.lane().map(|lane| lane as usize).zip(before) else { continue };
            let former_lane = before.lane().map(|lane| lane as usize);
            if let Some(former_lane) = former_lane {
                *heirs.entry((former_lane, lane)).or_default() += usize::from(before.is_in_flight());
            }
            if let Some(known) = self.lanes.get_mut(lane) {
                let former_lane = former_lane.and_then(|lane| former.lanes.get(lane));
                known.remember(before.issued_at(), former_lane, now);
            }
        }
        for ((before, lane), going_on) in heirs {
            if let Some((known, before)) = self.lanes.get_mut(lane).zip(former.lanes.get(before)) {
                known.succeed(before, going_on, now);
            }
        }
    }

    fn carry_on(&mut self, rotation: RotationId, former: Job, now: Timestamp) {
        let is_in_flight = former.is_in_flight();
        let was_unread = self.is_unknown(rotation);
        self.change(rotation, |job| job.succeed(former, now));
        let is_read = was_unread && !self.is_unknown(rotation);
        let lane = self.jobs.get(index(rotation)).and_then(Job::lane);
        if let Some(known) = lane.and_then(|lane| self.lanes.get_mut(lane as usize)) {
            known.carry_on(is_read, is_in_flight);
        }
    }

    /// Takes a due back whose run did not begin.
    pub fn withdrawn(&mut self, due: &Due, now: Timestamp) {
        self.change(due.rotation, |job| job.withdrawn(now));
    }

    /// Vault may be another one, or there is another login to it, and all certificates were read anew: what failed for
    /// their sake is tried again now.
    pub fn reconnected(&mut self, now: Timestamp) {
        self.release(|class| class.is_of_vault() || class.is_of_certificates(), now);
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

#[cfg(test)]
mod tests;
