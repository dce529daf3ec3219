//! How often something happened in the last hour.

use std::time::Duration;

/// Counts in steps of five minutes: what it tells is of the last 60 to 65 minutes, never of less than an hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    steps: [u32; STEPS],
    /// The number of the step in which something was counted last.
    last: u64,
    total: u64,
}

impl Recent {
    /// Counts one more, so long after the start.
    pub(super) fn count(&mut self, since_start: Duration) {
        let step = step(since_start).max(self.last);
        let passed = usize::try_from(step - self.last).unwrap_or(STEPS).min(STEPS);
        for gone in 1..=passed {
            self.at(self.last + gone as u64, |count| *count = 0);
        }
        self.last = step;
        self.at(step, |count| *count = count.saturating_add(1));
        self.total += 1;
    }

    /// How many there were in the last hour.
    pub(super) fn in_last_hour(&self, since_start: Duration) -> u64 {
        let now = step(since_start).max(self.last);
        let oldest = (now + 1).saturating_sub(STEPS as u64);
        (oldest..=self.last)
            .filter_map(|step| self.steps.get(place(step)))
            .map(|count| u64::from(*count))
            .sum()
    }

    /// How many there ever were.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn at(&mut self, step: u64, change: impl FnOnce(&mut u32)) {
        if let Some(count) = self.steps.get_mut(place(step)) {
            change(count);
        }
    }
}

fn step(since_start: Duration) -> u64 {
    since_start.as_secs() / STEP.as_secs()
}

fn place(step: u64) -> usize {
    usize::try_from(step % STEPS as u64).unwrap_or(0)
}

const STEP: Duration = Duration::from_mins(5);
/// An hour, and the step that has begun.
const STEPS: usize = 13;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_older_than_an_hour_is_forgotten_and_the_sum_is_not() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let mut recent = Recent::default();
        for at in [0, 1, 30, 59] {
            recent.count(minutes(at));
        }
        assert_eq!(
            [59, 60, 65, 89, 95, 119, 130].map(|at| recent.in_last_hour(minutes(at))),
            [4, 4, 2, 2, 1, 1, 0]
        );
        recent.count(minutes(1_000));
        assert_eq!((recent.in_last_hour(minutes(1_000)), recent.total()), (1, 5));
    }

    proptest! {
        #[test]
        fn no_call_of_the_last_hour_is_missing_and_none_is_older_than_65_minutes(
            mut times in prop::collection::vec(0u64..20_000, 0..40),
            after in 0u64..10_000,
        ) {
            times.sort_unstable();
            let mut recent = Recent::default();
            for at in &times {
                recent.count(Duration::from_secs(*at));
            }
            let now = times.last().unwrap_or(&0) + after;
            let within = |secs| times.iter().filter(|at| now - **at < secs).count() as u64;
            let told = recent.in_last_hour(Duration::from_secs(now));
            prop_assert!(within(3_600) <= told && told <= within(3_900 + 1));
        }
    }
}
