//! What was submitted and has not begun.

use std::cmp::Ordering;

use tokio::time::Instant;

use crate::run::{CredentialKey, Due};

/// A run that waits for room or for its credential. The most urgent is the greatest.
pub(crate) struct Waiting {
    /// What for.
    pub(crate) due: Due,
    /// What it will log in with.
    pub(crate) credential: CredentialKey,
    /// Since when.
    pub(crate) since: Instant,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.urgency().cmp(&self.due.urgency())
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Waiting {}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
