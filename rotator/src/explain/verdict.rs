//! What is to be said about a moment.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::WrittenVersion;

use super::forecast::{Forecast, foresee};
use crate::run::{Living, RotationId, Standing};
use crate::scheduler::{Next, Plan, Scheduler};

/// What is known of a rotation.
pub struct Known<'a> {
    /// When it runs.
    pub plan: Plan,
    /// What was found of it; `None` if Vault was not asked, or did not answer.
    pub standing: Option<&'a Standing>,
    /// When the versions of its entry were written, in their order.
    pub history: &'a [WrittenVersion],
    /// How long its tokens live, if anybody knows.
    pub life: Option<Duration>,
}

/// What is to be said about a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is not run at all.
    Disabled,
    /// Nobody remembers: Vault has forgotten what was before this version, or knows nothing.
    Forgotten {
        /// The oldest version that is known.
        oldest: Option<WrittenVersion>,
    },
    /// It had been done less than a minute before.
    JustDone {
        /// The version that was written.
        written: WrittenVersion,
    },
    /// It was due, and happened later.
    Late {
        /// What was due.
        due: Next,
        /// The version that was written in the end.
        written: WrittenVersion,
    },
    /// Nothing was due.
    NotDue {
        /// The version that stood in Vault.
        since: WrittenVersion,
        /// What was planned then.
        next: Next,
    },
    /// It was due, and has not happened since.
    Overdue {
        /// What was due.
        due: Next,
    },
    /// It ran.
    Ran {
        /// What was due, if anything was: otherwise somebody forced it.
        due: Option<Next>,
        /// The version that was written.
        written: WrittenVersion,
    },
    /// There are too many runs between now and then.
    TooFar,
    /// It will not run.
    WillNotRun(Forecast),
    /// It will run.
    WillRun {
        /// The run.
        next: Next,
    },
}

impl Verdict {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Disabled => "disabled",
            Verdict::Forgotten { .. } => "forgotten",
            Verdict::JustDone { .. } => "just_done",
            Verdict::Late { .. } => "late",
            Verdict::NotDue { .. } => "not_due",
            Verdict::Overdue { .. } => "overdue",
            Verdict::Ran { .. } => "ran",
            Verdict::TooFar => "too_far",
            Verdict::WillNotRun { .. } => "will_not_run",
            Verdict::WillRun { .. } => "will_run",
        }
    }

    /// The run that was, is or will be due for the moment.
    pub fn due(&self) -> Option<Next> {
        match self {
            Verdict::Late { due, .. } | Verdict::Overdue { due } | Verdict::WillRun { next: due } => {
                Some(*due)
            }
            Verdict::Ran { due, .. } => *due,
            _ => None,
        }
    }

    /// The version that was written for it, or stood there then.
    pub fn written(&self) -> Option<WrittenVersion> {
        match self {
            Verdict::JustDone { written }
            | Verdict::Late { written, .. }
            | Verdict::NotDue { since: written, .. }
            | Verdict::Ran { written, .. } => Some(*written),
            _ => None,
        }
    }
}

/// What is to be said about a moment, before or after `now`.
pub fn judge(known: &Known<'_>, moment: Timestamp, now: Timestamp) -> Verdict {
    let verdict = if moment <= now { past(known, moment) } else { None };
    verdict.unwrap_or_else(|| future(known, moment, now))
}

/// `None` if what is due for that moment can still come.
fn past(known: &Known<'_>, moment: Timestamp) -> Option<Verdict> {
    let (before, after) =
        known.history.split_at(known.history.partition_point(|written| written.at <= moment));
    let Some(before) = before.last().copied() else {
        let first = after.first().copied();
        let ran = first.filter(|first| first.at < moment + MINUTE);
        return Some(match ran {
            Some(written) => Verdict::Ran { due: None, written },
            None => Verdict::Forgotten { oldest: first },
        });
    };
    if moment - before.at < MINUTE {
        return Some(Verdict::JustDone { written: before });
    }
    let due = planned_after(known, before).filter(|due| due.at < moment + MINUTE || is_for(due, moment));
    let next = planned_after(known, before);
    match (due, after.first().copied()) {
        (Some(due), Some(written)) if written.at < due.at.max(moment) + MINUTE => {
            Some(Verdict::Ran { due: Some(due), written })
        }
        (Some(due), Some(written)) => Some(Verdict::Late { due, written }),
        (Some(due), None) => Some(Verdict::Overdue { due }),
        (None, Some(written)) if written.at < moment + MINUTE => Some(Verdict::Ran { due: None, written }),
        (None, _) => next.map(|next| Verdict::NotDue { since: before, next }),
    }
}

/// What was planned once this version was written. Nobody remembers how long older tokens lived: as long as those of
/// today, presumably.
fn planned_after(known: &Known<'_>, written: WrittenVersion) -> Option<Next> {
    let life = known.life.and_then(|life| TimeDelta::from_std(life).ok());
    let presumed = Living {
        issued_at: written.at,
        expires_at: life.and_then(|life| written.at.checked_add_signed(life)),
        version: written.version,
    };
    let of_today = known.standing.and_then(|standing| standing.living);
    let living = of_today.filter(|living| living.version == written.version).unwrap_or(presumed);
    scheduler(known, Standing { living: Some(living), ..Standing::default() }, written.at).next(ONLY)
}

fn future(known: &Known<'_>, moment: Timestamp, now: Timestamp) -> Verdict {
    if !known.plan.enabled {
        return Verdict::Disabled;
    }
    let standing = known.standing.cloned().unwrap_or(Standing {
        // Where nobody looked, there is a token as good as new.
        living: Some(Living { issued_at: now, expires_at: None, version: 0 }),
        ..Standing::default()
    });
    let forecast = foresee(&known.plan, standing, known.life, moment, now);
    match forecast {
        Forecast { then: Some(next), .. } => Verdict::WillRun { next },
        Forecast { after: None, .. } => Verdict::TooFar,
        _ => Verdict::WillNotRun(forecast),
    }
}

fn scheduler(known: &Known<'_>, standing: Standing, now: Timestamp) -> Scheduler {
    let mut scheduler = Scheduler::new(vec![Plan { limit: None, ..known.plan.clone() }]);
    scheduler.learn(ONLY, standing, now);
    scheduler
}

/// Whether a run belongs to the minute that begins then: it is planned for it, or begins in it.
pub(super) fn is_for(next: &Next, moment: Timestamp) -> bool {
    let in_minute = |time: Timestamp| moment <= time && time < moment + MINUTE;
    in_minute(next.at) || in_minute(next.occurrence)
}

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const ONLY: RotationId = RotationId(0);

#[cfg(test)]
mod tests;
