//! The proof that no reader can hold a dead token, or the sum that shows that one can.
//!
//! A token is replaced at the latest when the schedule has its largest gap, or when `renew_before` demands it, shifted
//! by the spread and held up by the login and one more try. Then the slowest reader holds it for `reader_lag` more.
//! If all that is not longer than the token lives, nobody ever holds a dead one. It is the [`scheduler`] that keeps
//! to this sum; the simulation in `tests/simulation.rs` holds the two against each other.
//!
//! [`scheduler`]: crate::scheduler

mod claim;
mod remedy;
mod share;
mod text;

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::{Predecessor, Timestamp};

use crate::reader::Reader;
use crate::rotation::RenewBefore;
use crate::run::Living;
use crate::schedule::Schedule;
use crate::scheduler::FLOOR;

pub use remedy::Remedy;
pub use share::Share;
pub use text::human;

/// What is claimed of a rotation: that it keeps its readers in living tokens.
#[derive(Clone, Debug)]
pub struct Claim {
    /// When it runs, whatever the age of its token.
    pub schedule: Schedule,
    /// How long before the end of its token it runs, whatever the schedule says.
    pub renew_before: RenewBefore,
    /// How far its times may be shifted.
    pub spread: Duration,
    /// How long the slowest reader may take to notice a new token.
    pub reader_lag: Duration,
    /// The reader that this is known of, if one was named.
    pub reader: Option<&'static Reader>,
    /// How long source or Vault may be away without any reader holding a dead token.
    pub survive_outage: Duration,
    /// How long its tokens live, if anybody knows.
    pub life: Option<Life>,
    /// How long a login may take, with one failed try before it.
    pub login_and_retry: Duration,
    /// What a login does to the token before it.
    pub predecessor: Predecessor,
    /// Its part in the rate of its source, if that has one.
    pub share: Option<Share>,
}

/// How long tokens live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life {
    /// So long.
    pub duration: Duration,
    /// Who says so.
    pub basis: Basis,
}

/// Who says how long tokens live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// The configured `ttl`.
    Configured,
    /// The documentation of the system.
    Documented,
    /// The token that stands in the destination now.
    LastSeen,
}

/// What `validate` can say about a rotation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The verdict.
    pub verdict: Verdict,
    /// How long the slowest reader holds a dead token at each rotation, because a login ends the token before it.
    pub dead_at_each_rotation: Option<Duration>,
    /// The `renew_before` that is not shorter than the life, so that half of the life is taken instead.
    pub too_early: Option<Duration>,
    /// Its part in the rate of its source, if that has one.
    pub share: Option<Share>,
}

/// Whether a reader can hold a dead token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// One can: the rate of its source does not carry what its rotations plan.
    NotCarried,
    /// It cannot be told.
    NotProvable {
        /// What is missing.
        missing: Missing,
    },
    /// None can.
    Proven {
        /// The greatest age that a token reaches in the hands of a reader.
        sum: Sum,
        /// The life that it is compared with.
        life: Life,
        /// What is left of that life.
        margin: Duration,
    },
    /// One can.
    Refused {
        /// The greatest age that a token reaches in the hands of a reader.
        sum: Sum,
        /// The life that it is compared with.
        life: Life,
        /// What would pass.
        remedy: Remedy,
    },
}

/// What stands in the way of a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Nobody knows how long the tokens live.
    Life,
}

/// The greatest age that a token reaches in the hands of a reader, in its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sum {
    /// The largest gap of the schedule in the next five years.
    pub schedule_gap: Duration,
    /// The age at which `renew_before` demands a new token.
    pub renewal_age: Duration,
    /// How far both may be shifted.
    pub spread: Duration,
    /// For the rate of its source, with one failed try before the login.
    pub rate_waits: Duration,
    /// Until the new token stands in its destinations.
    pub login_and_retry: Duration,
    /// Until the slowest reader has noticed.
    pub reader_lag: Duration,
    /// Who that is, if one was named.
    pub reader: Option<&'static Reader>,
    /// As long as nothing works, at worst.
    pub survive_outage: Duration,
    /// How much longer the rate of its source may hold up a login after that.
    pub rate_after_outage: Duration,
}

impl Sum {
    /// The age at which a run is planned at the latest.
    pub fn planned_age(&self) -> Duration {
        // Two runs are never closer than the floor.
        self.schedule_gap.min(self.renewal_age).max(FLOOR)
    }

    /// The greatest age at which a token is replaced.
    pub fn age(&self) -> Duration {
        let waits = self.spread.saturating_add(self.rate_waits);
        self.planned_age().saturating_add(waits).saturating_add(self.login_and_retry)
    }

    /// The greatest age that it reaches in the hands of the slowest reader.
    pub fn total(&self) -> Duration {
        self.age().saturating_add(self.reader_lag).saturating_add(self.outage())
    }

    /// What an outage that is to be survived costs.
    fn outage(&self) -> Duration {
        let outage = self.survive_outage.saturating_add(self.rate_after_outage);
        if self.survive_outage.is_zero() { Duration::ZERO } else { outage }
    }

    /// What comes on top of the planned age.
    fn on_top(&self) -> Duration {
        let delays = [self.rate_waits, self.login_and_retry, self.reader_lag, self.outage()];
        delays.into_iter().fold(self.spread, Duration::saturating_add)
    }
}

/// How long a login may take, with one failed try before it: a try that hangs until its `timeout`, the longest wait
/// after a first failure, and a login with its write where all goes well. Longer troubles are not proven against.
pub fn login_and_retry(timeout: Duration) -> Duration {
    timeout.saturating_add(FLOOR * 2).saturating_add(GOOD_RUN)
}

/// Proves or refuses a claim. `now` is where the next years of the schedule begin.
pub fn prove(claim: &Claim, now: Timestamp) -> Proof {
    let dies = claim.predecessor == Predecessor::Dies;
    Proof {
        verdict: verdict(claim, now),
        dead_at_each_rotation: dies.then_some(claim.reader_lag).filter(|lag| !lag.is_zero()),
        too_early: too_early(claim),
        share: claim.share,
    }
}

/// How long source or Vault may be away from now on before a reader holds a dead token: the next token has to be there
/// `reader_lag` before the end of this one, and takes a login. Negative where it comes too late already, or where
/// nothing is tried before `held_until`, which is too late; `None` where nobody knows the end.
pub fn outage_budget(
    living: &Living,
    reader_lag: Duration,
    held_until: Option<Timestamp>,
    now: Timestamp,
) -> Option<TimeDelta> {
    let needed = TimeDelta::from_std(reader_lag.saturating_add(GOOD_RUN)).unwrap_or(TimeDelta::MAX);
    let from = |time: Timestamp| (living.expires_at? - time).checked_sub(&needed);
    let once_tried = held_until.and_then(from).filter(|budget| *budget < TimeDelta::zero());
    once_tried.or_else(|| from(now))
}

fn too_early(claim: &Claim) -> Option<Duration> {
    match (claim.renew_before, claim.life) {
        (RenewBefore::Duration(before), Some(life)) if before >= life.duration => Some(before),
        _ => None,
    }
}

fn verdict(claim: &Claim, now: Timestamp) -> Verdict {
    let (rate_wait, after_outage) = match claim.share {
        Some(Share { wait: Some(wait), wait_after_outage: Some(after), .. }) => (wait, after),
        Some(_) => return Verdict::NotCarried,
        None => (Duration::ZERO, Duration::ZERO),
    };
    let Some(life) = claim.life else { return Verdict::NotProvable { missing: Missing::Life } };
    let life = Life { duration: life.duration.min(LONGEST_LIFE), ..life };
    let sum = Sum {
        schedule_gap: claim.schedule.largest_gap(now, YEARS),
        renewal_age: life.duration.saturating_sub(claim.renew_before.of(life.duration)),
        spread: claim.spread,
        rate_waits: rate_wait * 2,
        login_and_retry: claim.login_and_retry,
        reader_lag: claim.reader_lag,
        reader: claim.reader,
        survive_outage: claim.survive_outage,
        rate_after_outage: after_outage.saturating_sub(rate_wait),
    };
    match life.duration.checked_sub(sum.total()) {
        Some(margin) => Verdict::Proven { sum, life, margin },
        None => Verdict::Refused { sum, life, remedy: Remedy::of(&sum, life.duration) },
    }
}

const YEARS: u32 = 5;

/// A login, its trial and its write, where all goes well.
pub const GOOD_RUN: Duration = Duration::from_secs(5);

/// Percentages of more than a thousand years are not reckoned with.
const LONGEST_LIFE: Duration = Duration::from_hours(8_784_000);

#[cfg(test)]
mod tests;
