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
    /// All replicas that were seen in the last day, in the order of their names; what was known last, while it is
    /// disconnected.
    pub replicas: Vec<Replica>,
    /// What nobody tries again before somebody changes something, the last first; not more than a hundred.
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
            replicas: Vec::new(),
            dead_letters: Vec::new(),
            waiting: 0,
            oldest_wait: None,
        }
    }
}

/// One of the processes that share the work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replica {
    /// What it is called.
    pub name: Arc<str>,
    /// Whether it is the one that tells this.
    pub is_self: bool,
    /// The version of its program.
    pub version: String,
    /// Which configuration it has: replicas with different ones do not share work.
    pub fingerprint: String,
    /// Whether it has another configuration or `heartbeat_limit`, or runs another version, than the one that tells this.
    pub drifted: bool,
    /// What it said it is.
    pub role: Role,
    /// How many runs it may have under way at once.
    pub concurrency: u32,
    /// How long it may be silent.
    pub heartbeat_limit: Duration,
    /// How long ago it was seen, by the clock of the database.
    pub silent_for: Duration,
    /// Whether that is longer than a replica may be silent.
    pub is_lost: bool,
}

/// A run that nobody tries again before somebody changes something.
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
