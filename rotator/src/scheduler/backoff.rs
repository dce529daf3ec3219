//! How long to wait after a failure.

use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::{moment, offset};
use crate::proof::GOOD_RUN;
use crate::run::{Class, Living};

/// The least time between two runs of one rotation, whatever happens.
pub const FLOOR: Duration = Duration::from_secs(5);

/// The wait before the next try after so many failures in a row: twice as long each time, somewhere in the upper half
/// of that, and no longer than our patience.
pub(super) fn delay(name: &str, failures: u32, patience: Duration) -> Duration {
    let doubled = FLOOR.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST);
    let half = doubled / 2;
    let delay = half + half * offset::jitter(name, failures) / 0xffff;
    delay.min(patience).max(FLOOR)
}

/// The longest wait between two tries: a third of the time in which a run can still begin that no reader notices too
/// late, so that more than one try is left; and not long where a reader may have no living token.
pub(super) fn patience(living: Option<Living>, reader_lag: Duration, now: Timestamp) -> Duration {
    let Some(living) = living else { return LONGEST_WITHOUT_TOKEN };
    let Some(end) = living.expires_at else { return LONGEST };
    let in_time = moment::between(now, moment::before(end, reader_lag.saturating_add(GOOD_RUN)));
    let left = moment::between(now, end);
    match (in_time.is_zero(), left.is_zero()) {
        (false, _) => (in_time / 3).min(LONGEST),
        (true, false) => (left / 3).min(LONGEST_WITHOUT_TOKEN),
        (true, true) => LONGEST_WITHOUT_TOKEN,
    }
}

/// The longest wait of all, or of a try that only stores what was issued before: that costs no login, and a token that
/// waits grows no younger.
pub(super) fn longest(only_writes: bool) -> Duration {
    if only_writes { LONGEST_TO_WRITE } else { LONGEST }
}

/// How often one rotation is tried at most within so long while everything fails: waits grow to the longest one, and
/// shrink to the floor twice, as the last run in time comes near and as the token's end does.
pub(crate) fn most_tries(window: Duration) -> u64 {
    let steady = window.as_secs() / LONGEST_WITHOUT_TOKEN.as_secs();
    (GROWING + 2 * SHRINKING).saturating_add(steady).min(window.as_secs() / FLOOR.as_secs()) + 1
}

/// How long to wait after a failure that lasts until somebody changes something, before we look whether somebody did.
pub(super) fn look_again(class: &Class, patience: Duration) -> Duration {
    if class.is_refused_login() { LONGEST_HELD } else { patience.max(SHORTEST_LOOK) }
}

/// When the other side lets us try again. What it says is believed for a day; a time that has passed says nothing.
pub(super) fn asked_to_wait(at: Timestamp, retry_at: Option<Timestamp>) -> Option<Timestamp> {
    retry_at.filter(|retry_at| *retry_at > at).map(|retry_at| retry_at.min(moment::after(at, LONGEST_HELD)))
}

/// How long the same login is not tried again after it was refused so many times in a row, so that no account gets
/// locked.
pub(crate) fn held(class: &Class, refusals: u32) -> Duration {
    if !class.is_refused_login() {
        return Duration::ZERO;
    }
    let times = 1_u32.checked_shl(refusals.saturating_sub(1)).unwrap_or(u32::MAX);
    HELD.saturating_mul(times).min(LONGEST_HELD)
}

/// The longest wait where the other side says when, but sooner than that.
pub(super) const LONGEST_ASKED: Duration = Duration::from_mins(1);
/// From the floor to the longest wait, twice as long each time.
const GROWING: u64 = 9;
/// From the longest wait to the floor, a third shorter each time; then what is left of three floors.
const SHRINKING: u64 = 17;
const LONGEST: Duration = Duration::from_mins(15);
const LONGEST_TO_WRITE: Duration = Duration::from_secs(30);
const LONGEST_WITHOUT_TOKEN: Duration = Duration::from_mins(3);
const SHORTEST_LOOK: Duration = Duration::from_mins(1);
const HELD: Duration = Duration::from_mins(15);
const LONGEST_HELD: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour() {
        for (failures, most) in [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (31, 900), (u32::MAX, 900)] {
            let delay = delay("zscaler-corp", failures, LONGEST);
            let most = Duration::from_secs(most);
            assert!(most / 2 <= delay && delay <= most, "{failures}: {delay:?}");
        }
    }

    /// Whatever is left when it begins to fail, and whoever it is.
    #[test]
    fn nobody_is_tried_more_often_than_most_tries_says() {
        let (hour, lag) = (Duration::from_hours(1), Duration::from_mins(5));
        for left in (0..7200).step_by(30).map(Duration::from_secs) {
            let start = Timestamp::UNIX_EPOCH;
            let expires_at = Some(moment::after(start, left));
            let living = Some(Living { issued_at: start, expires_at, version: 1 });
            let (mut now, mut tries) = (start, 0);
            while moment::between(start, now) < hour {
                tries += 1;
                now = moment::after(now, delay("corp", tries, patience(living, lag, now)));
            }
            assert!(u64::from(tries) <= most_tries(hour), "{tries} tries with {left:?} left");
        }
        assert_eq!(most_tries(Duration::from_secs(20)), 5);
    }

    #[test]
    fn two_rotations_do_not_try_again_together() {
        assert_ne!(delay("one", 3, LONGEST), delay("other", 3, LONGEST));
        assert_ne!(delay("one", 9, LONGEST), delay("one", 10, LONGEST));
    }

    #[test]
    fn a_token_near_its_end_is_waited_for_less_but_never_below_the_floor() {
        let now = Timestamp::UNIX_EPOCH;
        let living = |left| {
            let expires_at = Some(moment::after(now, Duration::from_secs(left)));
            Some(Living { issued_at: now, expires_at, version: 1 })
        };
        let patience = |left| patience(living(left), Duration::ZERO, now);
        let delay = |left| delay("zscaler-corp", 9, patience(left)).as_secs();
        assert_eq!((delay(65), delay(21), delay(3)), (20, 5, 5));
        assert_eq!(patience(86_400), LONGEST);
    }

    #[test]
    fn patience_counts_to_the_last_moment_at_which_a_run_still_comes_in_time() {
        let issued_at = Timestamp::UNIX_EPOCH;
        let living = |left| {
            let expires_at = Some(moment::after(issued_at, Duration::from_secs(left)));
            Some(Living { issued_at, expires_at, version: 1 })
        };
        let patience = |left| patience(living(left), Duration::from_mins(5), issued_at).as_secs();
        assert_eq!([605, 308, 306].map(patience), [100, 1, 0], "a third of what is left before the lag");
        assert_eq!([305, 60, 1].map(patience), [101, 20, 0], "too late for the slowest, not for the others");
    }

    #[test]
    fn readers_without_a_living_token_do_not_wait_for_long() {
        let now = Timestamp::UNIX_EPOCH;
        let dead = Living { issued_at: now, expires_at: Some(now), version: 1 };
        let endless = Living { expires_at: None, ..dead };
        let patience = |living| patience(living, Duration::ZERO, now);
        assert_eq!([Some(dead), None].map(|living| patience(living).as_secs()), [180, 180]);
        assert_eq!(patience(Some(endless)), LONGEST);
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
        fn no_wait_is_below_the_floor_or_above_the_longest(name in ".*", failures: u32, patience: Duration) {
            let delay = delay(&name, failures, patience);
            prop_assert!(FLOOR <= delay && delay <= LONGEST);
        }
    }
}
