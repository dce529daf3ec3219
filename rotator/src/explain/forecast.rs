//! What the scheduler will do, if every login succeeds.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

use super::verdict::is_for;
use crate::run::{Living, Outcome, Reason, RotationId, Standing};
use crate::scheduler::{Next, Plan, Scheduler};

/// The runs around a moment to come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forecast {
    /// The last run before it.
    pub before: Option<Next>,
    /// The run that belongs to it.
    pub then: Option<Next>,
    /// If there is none, the first run after it, unless that is too many runs from now.
    pub after: Option<Next>,
}

/// Lets a scheduler run ahead from what stands in Vault `now`, with tokens that live so long.
pub fn foresee(
    plan: &Plan,
    standing: Standing,
    life: Option<Duration>,
    moment: Timestamp,
    now: Timestamp,
) -> Forecast {
    let mut course = Course::new(plan, standing, life, now);
    let mut forecast = Forecast { before: course.leap(plan, moment), ..Forecast::default() };
    for _ in 0..MOST_RUNS {
        let Some(next) = course.next() else { break };
        if is_for(&next, moment) {
            return Forecast { then: Some(next), ..forecast };
        }
        if next.at > moment {
            return Forecast { after: Some(next), ..forecast };
        }
        course.succeed(next.at);
        forecast.before = Some(next);
    }
    forecast
}

/// A scheduler on its way into the future.
struct Course {
    scheduler: Scheduler,
    life: Option<TimeDelta>,
    now: Timestamp,
}

impl Course {
    fn new(plan: &Plan, standing: Standing, life: Option<Duration>, now: Timestamp) -> Self {
        // A rate is shared with others, of which nothing is known here.
        let mut scheduler = Scheduler::new(vec![Plan { limit: None, ..plan.clone() }]);
        scheduler.learn(ONLY, standing, now);
        Course { scheduler, life: life.and_then(|life| TimeDelta::from_std(life).ok()), now }
    }

    fn next(&self) -> Option<Next> {
        let next = self.scheduler.next(ONLY)?;
        Some(Next { at: next.at.max(self.now), ..next })
    }

    /// Each time of the schedule brings a fresh token, whatever was before it: there is no need to go through all runs
    /// before the last of them.
    fn leap(&mut self, plan: &Plan, moment: Timestamp) -> Option<Next> {
        let offset = TimeDelta::from_std(self.scheduler.reckoning(ONLY, self.now)?.offset).ok()?;
        let before = moment.checked_sub_signed(offset)?.checked_sub_signed(TimeDelta::seconds(1))?;
        let occurrence = plan.schedule.last_until(before)?;
        let at = occurrence.checked_add_signed(offset)?;
        if at <= self.next()?.at {
            return None;
        }
        let standing = Standing { living: Some(self.token(at)), ..Standing::default() };
        *self = Course {
            now: at,
            ..Course::new(plan, standing, self.life.and_then(|life| life.to_std().ok()), at)
        };
        Some(Next { at, occurrence, reason: Reason::Schedule })
    }

    /// Everything that is due succeeds at once.
    fn succeed(&mut self, at: Timestamp) {
        let living = self.token(at);
        for due in self.scheduler.due(at) {
            self.scheduler.ended(&due, &Outcome::Rotated(living), at);
        }
    }

    fn token(&self, issued_at: Timestamp) -> Living {
        let expires_at = self.life.and_then(|life| issued_at.checked_add_signed(life));
        Living { issued_at, expires_at, version: 0 }
    }
}

const ONLY: RotationId = RotationId(0);

/// A month of tokens that live for a minute.
const MOST_RUNS: usize = 50_000;
