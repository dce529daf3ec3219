//! What the sandbox counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::requests::CacheBuster;

/// A map keeps no more keys than this; what comes later counts under [`OTHER`].
const MOST_KEYS: usize = 1000;

/// The key of what found no place of its own.
const OTHER: &str = "(other)";

/// A snapshot of what happened since the start or the last reset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Counters {
    /// TCP connections, those to `/_control/` included.
    pub connections: ConnectionCounts,
    /// Requests by path (without query) and status; status 0 is a request that got no answer.
    pub requests: BTreeMap<String, BTreeMap<u16, u64>>,
    /// By name; a system that was asked nothing is absent.
    pub systems: BTreeMap<String, SystemCounters>,
}

/// TCP connections.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectionCounts {
    /// All that were ever accepted.
    pub accepted: u64,
    /// Open now.
    pub open: u64,
    /// The most that were open at one time.
    pub peak: u64,
}

/// What one system was asked.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SystemCounters {
    /// Logins by API key or user name.
    pub logins: BTreeMap<String, GrantCounts>,
    /// Renewals by user name.
    pub renewals: BTreeMap<String, GrantCounts>,
    /// Reads of one-time passwords by device.
    pub reads: BTreeMap<String, u64>,
    /// The `_=` argument by which clients defeat caches.
    pub cache_busters: CacheBusterCounts,
}

/// Attempts to get a token. Those that a fault answered are attempts, too.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct GrantCounts {
    /// Requests that arrived.
    pub attempted: u64,
    /// Those that were given a token.
    pub succeeded: u64,
    /// Not answered yet.
    pub running: u64,
    /// The most that ran at one time: more than 1 means that they overlapped.
    pub peak: u64,
}

/// Requests by what their `_=` argument was.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CacheBusterCounts {
    /// Without the argument.
    pub absent: u64,
    /// With another value than the request before at the same path.
    pub fresh: u64,
    /// With the same value as the request before at the same path.
    pub repeated: u64,
}

impl Counters {
    /// Logins with this API key or user name.
    pub fn logins(&self, system: &str, key: &str) -> GrantCounts {
        self.of(system, |counters| counters.logins.get(key).copied())
    }

    /// Logins at this system with whatever key; `peak` is the highest of any single key.
    pub fn all_logins(&self, system: &str) -> GrantCounts {
        self.of(system, |counters| {
            counters.logins.values().copied().reduce(|sum, one| GrantCounts {
                attempted: sum.attempted + one.attempted,
                succeeded: sum.succeeded + one.succeeded,
                running: sum.running + one.running,
                peak: sum.peak.max(one.peak),
            })
        })
    }

    /// Renewals of this user's tokens.
    pub fn renewals(&self, system: &str, user: &str) -> GrantCounts {
        self.of(system, |counters| counters.renewals.get(user).copied())
    }

    /// Reads of this device's one-time passwords.
    pub fn reads(&self, system: &str, device: &str) -> u64 {
        self.of(system, |counters| counters.reads.get(device).copied())
    }

    /// Requests to this path with this status.
    pub fn requests(&self, path: &str, status: u16) -> u64 {
        self.requests.get(path).and_then(|statuses| statuses.get(&status)).copied().unwrap_or_default()
    }

    fn of<T: Default>(&self, system: &str, pick: impl FnOnce(&SystemCounters) -> Option<T>) -> T {
        self.systems.get(system).and_then(pick).unwrap_or_default()
    }
}

impl GrantCounts {
    pub(crate) fn begin(&mut self) {
        self.attempted += 1;
        self.running += 1;
        self.peak = self.peak.max(self.running);
    }

    pub(crate) fn end(&mut self, succeeded: bool) {
        // After a reset those that ran before it still come to their end.
        self.running = self.running.saturating_sub(1);
        self.succeeded += u64::from(succeeded);
    }
}

impl CacheBusterCounts {
    pub(crate) fn add(&mut self, seen: CacheBuster) {
        match seen {
            CacheBuster::Absent => self.absent += 1,
            CacheBuster::Fresh => self.fresh += 1,
            CacheBuster::Repeated => self.repeated += 1,
        }
    }
}

/// The place of `key`, whatever a client may invent.
pub(crate) fn slot<'map, T: Default>(map: &'map mut BTreeMap<String, T>, key: &str) -> &'map mut T {
    if map.contains_key(key) || map.len() < MOST_KEYS {
        return map.entry(key.to_owned()).or_default();
    }
    map.entry(OTHER.to_owned()).or_default()
}
