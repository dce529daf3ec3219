//! What the scheduler will do, if every login succeeds.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

use super::verdict::is_for;
use crate::run::{Living, Outcome, RotationId};
use crate::scheduler::{Next, Scheduler};

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

/// Lets a scheduler run ahead from `now`, with tokens that live so long.
pub fn foresee(
    mut scheduler: Scheduler,
    rotation: RotationId,
    life: Option<Duration>,
    moment: Timestamp,
    now: Timestamp,
) -> Forecast {
    let mut forecast = Forecast::default();
    for _ in 0..MOST_RUNS {
        let Some(next) = scheduler.next(rotation) else { break };
        let next = Next { at: next.at.max(now), ..next };
        if is_for(&next, moment) {
            return Forecast { then: Some(next), ..forecast };
        }
        if next.at > moment {
            return Forecast { after: Some(next), ..forecast };
        }
        succeed(&mut scheduler, next.at, life);
        forecast.before = Some(next);
    }
    forecast
}

/// Everything that is due succeeds at once.
fn succeed(scheduler: &mut Scheduler, at: Timestamp, life: Option<Duration>) {
    let life = life.and_then(|life| TimeDelta::from_std(life).ok());
    let expires_at = life.and_then(|life| at.checked_add_signed(life));
    for due in scheduler.due(at) {
        let living = Living { issued_at: at, expires_at, version: 0 };
        scheduler.ended(&due, &Outcome::Rotated(living), at);
    }
}

/// A month of tokens that live for a minute.
const MOST_RUNS: usize = 50_000;
