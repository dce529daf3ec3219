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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;
    use crate::rotation::RenewBefore;
    use crate::run::{Class, Living, Outcome, Standing};
    use crate::schedule::Schedule;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn plan(name: &str, schedule: &str) -> Plan {
        Plan {
            name: name.into(),
            schedule: Schedule::parse(schedule, "UTC").unwrap(),
            renew_before: RenewBefore::Percent(30),
            spread: Duration::ZERO,
            enabled: true,
            limit: None,
        }
    }

    fn living(issued_at: &str) -> Living {
        Living {
            issued_at: at(issued_at),
            expires_at: Some(at(issued_at) + TimeDelta::hours(10)),
            version: 1,
        }
    }

    fn learned(scheduler: &mut Scheduler, rotation: u32, issued_at: &str) {
        let standing = Standing { living: Some(living(issued_at)), failure: None };
        scheduler.learn(RotationId(rotation), standing, at("12:00:00"));
    }

    fn next(scheduler: &Scheduler, rotation: u32) -> Option<Timestamp> {
        scheduler.next(RotationId(rotation)).map(|next| next.at)
    }

    #[test]
    fn what_carries_on_keeps_its_times_under_another_number_and_the_rest_is_unknown() {
        let mut before = Scheduler::new(vec![plan("a", "0 15 * * *"), plan("b", "0 16 * * *")]);
        learned(&mut before, 0, "11:00:00");
        learned(&mut before, 1, "11:00:00");
        let plans = vec![plan("new", "0 13 * * *"), plan("b", "0 16 * * *"), plan("a", "0 14 * * *")];
        let carries_on = [None, Some(RotationId(1)), Some(RotationId(0))];
        let mut after = before.successor(plans, &carries_on, at("12:00:00"));
        assert_eq!(after.unknown().collect::<Vec<_>>(), [RotationId(0)]);
        assert_eq!(next(&after, 0), None);
        assert_eq!(next(&after, 1), Some(at("16:00:00")));
        assert_eq!(next(&after, 2), Some(at("14:00:00")), "by its new schedule");
        assert_eq!(after.due(at("14:00:00")).len(), 1);
    }

    #[test]
    fn a_run_under_way_is_not_begun_again_and_its_end_counts() {
        let mut before = Scheduler::new(vec![plan("a", "0 * * * *")]);
        learned(&mut before, 0, "11:00:00");
        let due = before.due(at("12:00:00"));
        assert_eq!(due.len(), 1);
        let carries_on = [None, Some(RotationId(0))];
        let mut after = before.successor(
            vec![plan("new", "@daily"), plan("a", "0 * * * *")],
            &carries_on,
            at("12:00:01"),
        );
        assert_eq!((after.due(at("12:30:00")), next(&after, 1)), (vec![], None));
        let ended = Due { rotation: RotationId(1), ..due[0] };
        after.ended(&ended, &Outcome::Rotated(living("12:00:01")), at("12:00:02"));
        assert_eq!(next(&after, 1), Some(at("13:00:00")));
    }

    #[test]
    fn what_did_not_begin_is_due_again() {
        let mut scheduler = Scheduler::new(vec![plan("a", "0 * * * *")]);
        learned(&mut scheduler, 0, "11:00:00");
        let due = scheduler.due(at("12:00:00"));
        scheduler.withdrawn(&due[0], at("12:00:01"));
        assert_eq!(scheduler.due(at("12:00:01")), due);
    }

    #[test]
    fn another_vault_lifts_what_failed_for_the_sake_of_the_old_one_and_nothing_else() {
        let failed = |class, retry_at| {
            let mut scheduler = Scheduler::new(vec![plan("a", "0 * * * *")]);
            learned(&mut scheduler, 0, "11:00:00");
            for minute in 0..9 {
                let now = at("12:00:00") + TimeDelta::minutes(60 * minute);
                let Some(due) = scheduler.due(now).pop() else { continue };
                let class = Class::new(class);
                scheduler.ended(&due, &Outcome::Failed { class, retry_at }, now);
            }
            scheduler.vault_changed(at("20:01:00"));
            next(&scheduler, 0).unwrap()
        };
        assert_eq!(failed("vault_login_refused", None), at("20:01:00"));
        assert!(failed("unreachable", None) > at("20:01:00"));
        assert_eq!(failed("vault_rate_limited", Some(at("20:30:00"))), at("20:30:00"), "it asked for that");
    }
}
