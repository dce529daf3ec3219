//! How long to wait after a failure.

use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::{moment, offset};
use crate::run::Class;

/// The least time between two runs of one rotation, whatever happens.
pub const FLOOR: Duration = Duration::from_secs(5);

/// The wait before the next try after so many failures in a row: twice as long each time, somewhere in the upper half
/// of that, and at most a third of what is left of the token's life, so that more than one try is left.
pub(super) fn delay(name: &str, failures: u32, left: Option<Duration>) -> Duration {
    let doubled = FLOOR.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST);
    let half = doubled / 2;
    let delay = half + half * offset::jitter(name, failures) / 0xffff;
    delay.min(left.map_or(LONGEST, |left| left / 3)).max(FLOOR)
}

/// When the other side lets us try again. What it says is believed for a day.
pub(super) fn asked_to_wait(at: Timestamp, retry_at: Option<Timestamp>) -> Option<Timestamp> {
    retry_at.map(|retry_at| retry_at.min(moment::after(at, LONGEST_HELD)))
}

/// How long the same login is not tried again after it was refused, so that no account gets locked.
pub(super) fn held(class: &Class, failures: u32) -> Duration {
    if !class.is_refused_login() {
        return Duration::ZERO;
    }
    let times = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    HELD.saturating_mul(times).min(LONGEST_HELD)
}

/// The longest wait between two tries that cost nothing but a request.
pub(super) const LONGEST: Duration = Duration::from_secs(15 * 60);
const HELD: Duration = Duration::from_secs(15 * 60);
const LONGEST_HELD: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour() {
        for (failures, most) in [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (31, 900), (u32::MAX, 900)] {
            let delay = delay("zscaler-corp", failures, None);
            let most = Duration::from_secs(most);
            assert!(most / 2 <= delay && delay <= most, "{failures}: {delay:?}");
        }
    }

    #[test]
    fn two_rotations_do_not_try_again_together() {
        assert_ne!(delay("one", 3, None), delay("other", 3, None));
        assert_ne!(delay("one", 9, None), delay("one", 10, None));
    }

    #[test]
    fn a_token_near_its_end_is_waited_for_less_but_never_below_the_floor() {
        let delay = |left| delay("zscaler-corp", 9, Some(Duration::from_secs(left))).as_secs();
        assert_eq!((delay(60), delay(16), delay(3), delay(0)), (20, 5, 5, 5));
    }

    #[test]
    fn a_refused_login_is_held_longer_each_time_up_to_a_day() {
        let refused = Class::new("login_refused");
        let minutes = |failures| held(&refused, failures).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 7, 8, 33, u32::MAX].map(minutes), [15, 15, 30, 60, 960, 1440, 1440, 1440]);
        assert_eq!(held(&Class::new("no_access"), 5), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_wait_is_below_the_floor_or_above_the_longest(name in ".*", failures: u32, left: Option<Duration>) {
            let delay = delay(&name, failures, left);
            prop_assert!(FLOOR <= delay && delay <= LONGEST);
        }
    }
}
