//! What a replica knows of itself and of the others.

use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Timestamp;

use crate::dispatch::Role;
use crate::run::Class;

/// What a replica knows of itself and of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What it is now.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// Why it is disconnected, and what to do about it.
    pub trouble: Option<Arc<str>>,
    /// Whether it leaves the work to others, because they reach Vault and it does not.
    pub gives_way: bool,
    /// When the database was asked for all that follows, the last time; it is not while this one is disconnected.
    pub looked_at: Option<Timestamp>,
    /// All replicas that were seen in the last day, in the order of their names.
    pub replicas: Vec<Replica>,
    /// What was given up until its next planned time, the last first; not more than a hundred.
    pub dead_letters: Vec<DeadLetter>,
    /// How many runs wait for a replica to take them.
    pub waiting: u64,
    /// How long the oldest of them has waited.
    pub oldest_wait: Option<Duration>,
}

impl View {
    /// Of a replica that has found nobody yet.
    pub fn new(now: Timestamp) -> Self {
        View {
            role: Role::Disconnected,
            since: now,
            trouble: None,
            gives_way: false,
            looked_at: None,
            replicas: Vec::new(),
            dead_letters: Vec::new(),
            waiting: 0,
            oldest_wait: None,
        }
    }

    /// The same some time later: whoever was silent then may be so still.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let since = self.looked_at.and_then(|looked| (now - looked).to_std().ok()).unwrap_or_default();
        for replica in &mut self.replicas {
            replica.silent_for += since;
        }
        self
    }

    /// Who leads with another configuration, if somebody does: what is configured here is run by nobody then, but for
    /// what that one has, too.
    pub fn other_leader(&self) -> Option<&Replica> {
        let stands_by = self.role == Role::Standby;
        self.replicas.iter().find(|replica| {
            stands_by && replica.role == Role::Leading && replica.is_apart && !replica.is_self
        })
    }

    /// Whether this one knows how things stand with the others.
    pub fn is_current(&self) -> bool {
        self.role != Role::Disconnected
    }
}

/// One of the processes that share the work.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Replica {
    /// What it is called; where several are called so, with what tells them apart.
    pub name: Arc<str>,
    /// Whether several are called so.
    pub has_namesake: bool,
    /// Whether it is the one that tells this.
    pub is_self: bool,
    /// The version of its program.
    pub version: String,
    /// Which configuration it has: replicas with different ones do not share work.
    pub fingerprint: String,
    /// Whether it has another configuration than the one that tells this: they share no work.
    pub is_apart: bool,
    /// Whether it has another configuration or `heartbeat_limit`, or runs another version, than the one that tells this.
    pub drifted: bool,
    /// What it is: the one whose session holds the lock of the leader, another one, or one whose session is gone.
    pub role: Role,
    /// How many runs it may have under way at once.
    pub concurrency: u32,
    /// Whether it reaches Vault, if it has said so.
    pub reaches_vault: Option<bool>,
    /// How long it may be silent.
    pub heartbeat_limit: Duration,
    /// How long ago it was seen, by the clock of the database.
    pub silent_for: Duration,
    /// Whether that is longer than a replica may be silent.
    pub is_lost: bool,
}

impl Replica {
    /// Whether it works, as far as anybody knows.
    pub fn is_alive(&self) -> bool {
        !self.is_lost && self.role != Role::Disconnected
    }
}

/// A run that was given up: nobody tries again before the next planned time, unless somebody changes something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeadLetter {
    /// The name of its rotation.
    pub rotation: Arc<str>,
    /// The planned time that it was for.
    pub occurrence: Timestamp,
    /// Which attempt it was.
    pub attempt: u32,
    /// Why it ended.
    pub class: Class,
    /// The replica that ran it.
    pub replica: Arc<str>,
    /// When it ended.
    pub at: Timestamp,
}
