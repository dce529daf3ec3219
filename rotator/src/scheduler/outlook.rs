//! When runs will begin, and what they wait for until then.

use std::collections::HashMap;

use tokenferry_sources::Timestamp;

use super::job::Job;
use super::{Held, HeldBy, LaneId, LoginId, Scheduler, index};
use crate::run::RotationId;

/// What all rotations wait for, as it looks now.
#[derive(Debug)]
pub struct Outlook<'a> {
    scheduler: &'a Scheduler,
    now: Timestamp,
    /// When those begin whose source has a rate.
    turns: HashMap<RotationId, Timestamp>,
}

impl Outlook<'_> {
    /// Why a rotation does not run although it otherwise would, or will not when it is planned to.
    pub fn held(&self, rotation: RotationId) -> Option<Held> {
        let job = self.scheduler.jobs.get(index(rotation))?;
        let held = self.scheduler.held_by_failure(job, self.now);
        let planned = job.next().map(|next| Held::begins(held, next.at).max(self.now));
        let turn = self.turns.get(&rotation).copied().filter(|turn| planned.is_some_and(|at| at < *turn));
        match (held, turn) {
            (held, None) => held,
            (None, turn) => Some(Held { by: HeldBy::Rate, until: turn }),
            (Some(held), turn) => Some(Held { until: turn, ..held }),
        }
    }
}

impl Scheduler {
    /// What all rotations wait for: for those who ask about many.
    pub fn outlook(&self, now: Timestamp) -> Outlook<'_> {
        let turns = (0..).take(self.lanes.len()).flat_map(|lane| self.turns_in(lane, now)).collect();
        Outlook { scheduler: self, now, turns }
    }

    /// What a rotation waits for.
    pub fn held(&self, rotation: RotationId, now: Timestamp) -> Option<Held> {
        let lane = self.jobs.get(index(rotation))?.lane();
        let turns = lane.into_iter().flat_map(|lane| self.turns_in(lane, now)).collect();
        Outlook { scheduler: self, now, turns }.held(rotation)
    }

    /// When the runs of a lane begin.
    fn turns_in(&self, lane: LaneId, now: Timestamp) -> Vec<(RotationId, Timestamp)> {
        let Some(known) = self.lanes.get(lane as usize) else { return Vec::new() };
        let jobs = (0..).map(RotationId).zip(&self.jobs).filter(|(_, job)| job.lane() == Some(lane));
        let planned = jobs.filter_map(|(rotation, job)| {
            let at = Held::begins(self.held_by_failure(job, now), job.next()?.at);
            Some((at, job.urgency(), rotation))
        });
        known.turns(planned.collect(), now, self.began.unwrap_or(now))
    }

    /// By its own failure, or by that of another one whose login is the same: a login that was refused is not sent for
    /// any of them.
    fn held_by_failure(&self, job: &Job, now: Timestamp) -> Option<Held> {
        let own = job.held(now);
        let refused = job.login().and_then(|login| self.last_refused(login));
        let with_others = refused.and_then(|refused| job.held_with(refused, now));
        own.into_iter().chain(with_others).max_by_key(|held| held.until)
    }

    /// Who was refused with this login and is held the longest.
    fn last_refused(&self, login: LoginId) -> Option<&Job> {
        let from = (login, Timestamp::MIN_UTC, RotationId(0));
        let to = (login, Timestamp::MAX_UTC, RotationId(u32::MAX));
        let (.., rotation) = self.refused.range(from..=to).next_back()?;
        self.jobs.get(index(*rotation))
    }
}
