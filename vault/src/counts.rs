//! What we did to stay logged in, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Vault;

/// How often something happened since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Logins that succeeded. A token from elsewhere counts when it is taken up.
    pub logins: u64,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Renewals of our token.
    pub renewals: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) logins: Counter,
    pub(crate) failed_logins: Counter,
    pub(crate) renewals: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Vault {
    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let Counters { logins, failed_logins, renewals } = &*self.counters;
        Counts { logins: logins.total(), failed_logins: failed_logins.total(), renewals: renewals.total() }
    }
}
