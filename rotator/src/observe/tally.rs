//! What was sent to the systems.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokenferry_sources::{self as sources, System};
use tokio::time::Instant;

use super::recent::Recent;
use crate::source::Source;

/// Counts logins by source, and requests by system: their limits are the systems' own, so all sources of one count.
#[derive(Debug)]
pub struct Tally {
    start: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: BTreeMap<&'static str, Recent<u32>>,
    logins: BTreeMap<Arc<str>, (&'static str, Recent<u16>)>,
}

/// The requests to one system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Calls {
    /// Its name.
    pub system: &'static str,
    /// Since the start of the process.
    pub total: u64,
    /// In the last hour.
    pub last_hour: u64,
}

/// The logins of one source, refused ones included.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Logins {
    /// Its name.
    pub source: Arc<str>,
    /// The name of its system.
    pub system: &'static str,
    /// Since the start of the process.
    pub total: u64,
    /// In the last hour.
    pub last_hour: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { start: Instant::now(), counts: Mutex::default() }
    }
}

impl Tally {
    /// A source is about to log in.
    pub fn login(&self, source: &Source) {
        let since_start = self.start.elapsed();
        let mut counts = self.counts();
        if let Some((_, recent)) = counts.logins.get_mut(&source.name) {
            recent.count(since_start);
            return;
        }
        let mut recent = Recent::default();
        recent.count(since_start);
        counts.logins.insert(Arc::clone(&source.name), (source.system.name, recent));
    }

    /// What was sent, by system.
    pub fn calls(&self) -> Vec<Calls> {
        let since_start = self.start.elapsed();
        let calls = |(system, recent): (&&'static str, &Recent<u32>)| Calls {
            system,
            total: recent.total(),
            last_hour: recent.in_last_hour(since_start),
        };
        self.counts().calls.iter().map(calls).collect()
    }

    /// How often each source logged in.
    pub fn logins(&self) -> Vec<Logins> {
        let since_start = self.start.elapsed();
        let logins = |(source, (system, recent)): (&Arc<str>, &(&'static str, Recent<u16>))| Logins {
            source: Arc::clone(source),
            system,
            total: recent.total(),
            last_hour: recent.in_last_hour(since_start),
        };
        self.counts().logins.iter().map(logins).collect()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl sources::Calls for Tally {
    fn sent(&self, system: &'static System) {
        let since_start = self.start.elapsed();
        self.counts().calls.entry(system.name).or_default().count(since_start);
    }
}
