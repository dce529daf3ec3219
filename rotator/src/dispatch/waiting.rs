//! What was submitted and has not begun.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::run::{CredentialKey, Due};

/// A run that waits for room or for its credential. The most urgent is the greatest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// What for.
    pub(crate) due: Due,
    /// What it will log in with.
    pub(crate) credential: CredentialKey,
    /// Since when, as [`Unbegun`] has it.
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

/// How much has not begun, by the time since when: to the second, so that very much that came at once takes no room.
#[derive(Debug, Default)]
pub(crate) struct Unbegun(BTreeMap<Instant, usize>);

impl Unbegun {
    /// One more begins to wait. Since when: what came within a second before has waited as long.
    pub(crate) fn enter(&mut self, now: Instant) -> Instant {
        let before = self.0.range(..=now).next_back().map(|(since, _)| *since);
        let since = before.filter(|since| now.duration_since(*since) < RESOLUTION).unwrap_or(now);
        *self.0.entry(since).or_default() += 1;
        since
    }

    /// One that has waited since then does so no longer.
    pub(crate) fn leave(&mut self, since: Instant) {
        let Some(count) = self.0.get_mut(&since) else { return };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&since);
        }
    }

    /// Nothing waits any longer.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Since when the oldest has waited.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.0.first_key_value().map(|(since, _)| *since)
    }
}

const RESOLUTION: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_known_to_the_second_until_it_waits_no_longer() {
        let began = Instant::now();
        let millis = |millis| began + Duration::from_millis(millis);
        let mut unbegun = Unbegun::default();
        let entered = [0, 999, 1_000, 1_500, 2_500].map(|at| unbegun.enter(millis(at)));
        assert_eq!(entered, [0, 0, 1_000, 1_000, 2_500].map(millis));
        assert_eq!(unbegun.enter(millis(1_200)), millis(1_000), "the clock of whoever enters may be behind");
        let mut oldest = Vec::new();
        for since in entered.into_iter().chain([millis(1_000)]) {
            oldest.push(unbegun.oldest());
            unbegun.leave(since);
        }
        assert_eq!(oldest, [0, 0, 1_000, 1_000, 1_000, 1_000].map(|at| Some(millis(at))));
        assert_eq!(unbegun.oldest(), None);
    }
}
