//! What the daemon tells those who look on: it is asked over a channel, and answers between two of its steps. Nothing
//! is kept for them but a few counters, and nothing is reckoned before somebody asks.

mod recent;
#[cfg(test)]
pub(crate) mod samples;
mod score;
mod state;
mod tally;

pub use score::{Runs, Score};
pub use state::State;
pub use tally::{Calls, Logins, Tally};

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::Counts;
use tokio::sync::oneshot;

use crate::cluster::View;
use crate::dispatch::Role;
use crate::proof;
use crate::reload::LastReload;
use crate::rotation::Rotation;
use crate::run::{Class, Living};
use crate::scheduler::{Failing, Held, HeldBy, Next, Stage};
use crate::source::Source;

/// A question to the daemon.
#[derive(Debug)]
pub enum Question {
    /// Whether it works.
    Health(oneshot::Sender<Health>),
    /// All that it knows.
    Snapshot(oneshot::Sender<Snapshot>),
}

/// Whether the daemon works.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// How many rotations are configured.
    pub rotations: usize,
    /// Of how many of them it is not known yet what stands in Vault.
    pub unread: usize,
    /// How long the run that waits longest has been due without being begun.
    pub lag: Duration,
    /// What it is among the replicas; alone it leads.
    pub role: Role,
    /// Whether a replica with another configuration leads: what is due here is begun by nobody then.
    pub is_apart: bool,
    /// Why the database that it shares the work through cannot be used, and what to do about it.
    pub trouble: Option<Arc<str>>,
    /// Whether it leaves the work to other replicas, because they reach Vault and it does not.
    pub gives_way: bool,
}

/// What the daemon knows at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// The moment.
    pub now: Timestamp,
    /// Whether it works.
    pub health: Health,
    /// When what stands in Vault was read, unless this one leads: then it is what it has written.
    pub read_at: Option<Timestamp>,
    /// One for each rotation, in the order of the configuration.
    pub rows: Vec<Row>,
    /// How many runs are under way.
    pub running: usize,
    /// How often runs failed: by source and class.
    pub failures: Vec<(Arc<Source>, Class, u64)>,
    /// What was sent to the systems.
    pub calls: Vec<Calls>,
    /// How often each source logged in.
    pub logins: Vec<Logins>,
    /// How often the token of another process was found in a destination, and left there.
    pub adopted: u64,
    /// What was done to stay logged in to Vault.
    pub vault: Counts,
    /// How the last reading of the configuration went.
    pub reload: LastReload,
    /// The clocks of issuers that are, or once were, out of step with ours.
    pub clocks: Vec<Clock>,
    /// By how many seconds Vault's clock is ahead of ours, if that was seen.
    pub vault_ahead_secs: Option<i32>,
    /// What is known of the other replicas, if there can be any.
    pub cluster: Option<View>,
}

/// The clock of an issuer.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The source that logs in there.
    pub source: Arc<Source>,
    /// By how many seconds it is ahead of ours.
    pub ahead_secs: i32,
}

/// One rotation.
#[derive(Clone, Debug)]
pub struct Row {
    /// As configured.
    pub rotation: Arc<Rotation>,
    /// Where it is between two runs.
    pub stage: Stage,
    /// What it waits for on purpose.
    pub held: Option<Held>,
    /// The token that readers find.
    pub living: Option<Living>,
    /// Whether there is none because a refresh has ended it, or may have.
    pub ended_by_refresh: bool,
    /// The failures since the last success.
    pub failing: Option<Box<Failing>>,
    /// How its runs ended since the start of the process.
    pub runs: Runs,
}

impl Row {
    /// Whether it is known what stands in Vault.
    pub fn is_read(&self) -> bool {
        !matches!(self.stage, Stage::Disabled | Stage::Unread)
    }

    /// The next run, unless one is under way or it is not known yet.
    pub fn next(&self) -> Option<Next> {
        match self.stage {
            Stage::Planned(next) => Some(next),
            Stage::Disabled | Stage::InFlight | Stage::Unread => None,
        }
    }

    /// When the token ends, if there is one and anybody knows.
    pub fn end(&self) -> Option<Timestamp> {
        self.living?.expires_at
    }

    /// Whether readers find a token that is not over.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.living.is_some_and(|living| living.expires_at.is_none_or(|end| end > now))
    }

    /// For how long, from now on, no new token may come before the slowest reader holds a dead one. Negative if it may
    /// hold one even if a new token came as soon as one may.
    pub fn outage_budget(&self, now: Timestamp) -> Option<TimeDelta> {
        let held_until = self.held.and_then(|held| held.until);
        proof::outage_budget(&self.living?, self.rotation.reader_lag, held_until, now)
    }

    /// When the token is to be replaced because of its end.
    pub fn renewal(&self) -> Option<Timestamp> {
        let end = self.end()?;
        let life = (end - self.living?.issued_at).to_std().unwrap_or_default();
        let before = TimeDelta::from_std(self.rotation.renew_before.of(life)).ok()?;
        end.checked_sub_signed(before)
    }

    /// When the next run begins, as far as that is known.
    pub fn begins(&self) -> Option<Timestamp> {
        self.next().map(|next| Held::begins(self.held, next.at))
    }

    /// What it waits for by now: a run to come that the rate of its source will hold up does not wait yet.
    pub fn waits_for(&self, now: Timestamp) -> Option<HeldBy> {
        let is_due = self.next().is_none_or(|next| next.at <= now);
        self.held.map(|held| held.by).filter(|by| *by != HeldBy::Rate || is_due)
    }

    /// Whether it is due and waits only for the rate of its source.
    pub fn waits_for_rate(&self, now: Timestamp) -> bool {
        self.waits_for(now) == Some(HeldBy::Rate)
    }

    /// Until when the breaker holds its login back, whichever rotation was told that it was refused.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let told = self.failing.as_ref().and_then(|failing| failing.held_until);
        told.or_else(|| self.held_with_others()).filter(|until| *until > now)
    }

    /// Until when its login is held back because it was refused to another rotation.
    pub fn held_with_others(&self) -> Option<Timestamp> {
        let is_told = self.failing.as_ref().is_some_and(|failing| failing.class.is_refused_login());
        self.held.filter(|held| held.by == HeldBy::Breaker && !is_told).and_then(|held| held.until)
    }
}
