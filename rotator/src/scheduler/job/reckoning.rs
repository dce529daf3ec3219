//! How the next run of a rotation was reckoned, for people who ask.

use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::{Failure, Hold, Job, State};
use crate::run::{Class, Living};
use crate::scheduler::Next;
use crate::scheduler::moment;

/// How the next run of a rotation was reckoned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reckoning {
    /// What comes of it; `None` while it runs, or while nothing is known of it.
    pub next: Option<Next>,
    /// The token that it reckons with.
    pub living: Option<Living>,
    /// The run that the schedule asks for.
    pub tick: Next,
    /// The run that the end of the token asks for, if anybody knows that end.
    pub renewal: Option<Renewal>,
    /// The place of the rotation within its spread.
    pub offset: Duration,
    /// The failure that stands in the way.
    pub obstacle: Option<Obstacle>,
}

/// The run that the end of a token asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Renewal {
    /// When it begins.
    pub next: Next,
    /// How long the token lives in all.
    pub life: Duration,
    /// How long before its end it is to be replaced.
    pub renew_before: Duration,
    /// How much earlier than that, so that not everything happens at once.
    pub offset: Duration,
}

/// The failures since the last success, and until when they stand in the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Obstacle {
    /// Of the last one.
    pub class: Class,
    /// When the last one was.
    pub at: Timestamp,
    /// How many in a row.
    pub count: u32,
    /// Until when nothing is tried.
    pub until: Timestamp,
    /// What ends the wait.
    pub lift: Lift,
    /// Whether those who ask for it get another try at once.
    pub force_helps: bool,
}

/// What ends the wait after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lift {
    /// The time that the other side asked for.
    Asked,
    /// A changed login; else the next time of the schedule, or a look now and then.
    Change,
    /// Time alone.
    Time,
}

impl Lift {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Lift::Asked => "asked_to_wait",
            Lift::Change => "changed_login",
            Lift::Time => "time",
        }
    }
}

impl Job {
    pub(in crate::scheduler) fn reckoning(&self, now: Timestamp) -> Reckoning {
        let since = self.living.map_or(now, |living| self.settled(living));
        Reckoning {
            next: self.next(),
            living: self.living,
            tick: self.tick(since),
            renewal: self.living.and_then(|living| self.explained_renewal(living)),
            offset: self.offset,
            obstacle: self
                .failure
                .as_deref()
                .filter(|_| !self.is_in_flight())
                .map(|failure| self.obstacle(failure, now)),
        }
    }

    fn explained_renewal(&self, living: Living) -> Option<Renewal> {
        let next = self.renewal(living)?;
        let life = moment::between(living.issued_at, living.expires_at?);
        let renew_before = self.plan.renew_before.of(life);
        Some(Renewal { next, life, renew_before, offset: moment::between(next.at, next.occurrence) })
    }

    fn obstacle(&self, failure: &Failure, now: Timestamp) -> Obstacle {
        let (until, lift) = match (&failure.hold, &self.state) {
            (Hold::Pause { until, asked: true, .. }, _) => (*until, Lift::Asked),
            (Hold::Pause { until, .. }, _) => (*until, Lift::Time),
            (Hold::Change(_), State::Planned(next)) => (next.at, Lift::Change),
            (Hold::Change(until), _) => (*until, Lift::Change),
        };
        let force_helps = failure.held().is_none_or(|held| held <= now);
        let class = failure.class.clone();
        Obstacle { class, at: failure.at, count: failure.count, until, lift, force_helps }
    }
}
