//! How often something happened in the last hour.

use std::time::Duration;

/// Counts in steps of five minutes: what it tells is of the last 60 to 65 minutes, never of less than an hour. `Count`
/// is what a step may come to; it takes room, and there are thousands of some.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent<Count> {
    steps: [Count; STEPS as usize],
    /// The number of the step in which something was counted last.
    last: u32,
    total: u64,
}

impl<Count: Copy + Default + Into<u64> + TryFrom<u64>> Recent<Count> {
    /// Counts one more, so long after the start.
    pub(super) fn count(&mut self, since_start: Duration) {
        let step = step(since_start).max(self.last);
        let passed = (step - self.last).min(STEPS);
        for gone in 1..=passed {
            self.at(self.last + gone, |_| Count::default());
        }
        self.last = step;
        // What is full stays so.
        self.at(step, |count| Count::try_from(count.into() + 1).unwrap_or(count));
        self.total += 1;
    }

    /// How many there were in the last hour.
    pub(super) fn in_last_hour(&self, since_start: Duration) -> u64 {
        let now = step(since_start).max(self.last);
        let oldest = (now + 1).saturating_sub(STEPS);
        (oldest..=self.last).filter_map(|step| self.steps.get(place(step))).map(|count| (*count).into()).sum()
    }

    /// How many there ever were.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn at(&mut self, step: u32, change: impl FnOnce(Count) -> Count) {
        if let Some(count) = self.steps.get_mut(place(step)) {
            *count = change(*count);
        }
    }
}

fn step(since_start: Duration) -> u32 {
    u32::try_from(since_start.as_secs() / STEP.as_secs()).unwrap_or(u32::MAX)
}

fn place(step: u32) -> usize {
    (step % STEPS) as usize
}

const STEP: Duration = Duration::from_mins(5);
/// An hour, and the step that has begun.
const STEPS: u32 = 13;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_older_than_an_hour_is_forgotten_and_the_sum_is_not() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let mut recent = Recent::<u32>::default();
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

    #[test]
    fn a_step_that_is_full_stays_so_and_the_sum_does_not() {
        let mut recent = Recent::<u8>::default();
        (0..300).for_each(|_| recent.count(Duration::ZERO));
        assert_eq!((recent.in_last_hour(Duration::ZERO), recent.total()), (255, 300));
    }

    proptest! {
        #[test]
        fn no_call_of_the_last_hour_is_missing_and_none_is_older_than_65_minutes(
            mut times in prop::collection::vec(0u64..20_000, 0..40),
            after in 0u64..10_000,
        ) {
            times.sort_unstable();
            let mut recent = Recent::<u16>::default();
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
