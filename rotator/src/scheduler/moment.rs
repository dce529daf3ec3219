//! Arithmetic on points in time that ends at the ends of time instead of panicking.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

/// So much two clocks may differ, or one be put back, without anything being reckoned anew.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// `time` plus `duration`.
pub(super) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let later = TimeDelta::from_std(duration).ok().and_then(|delta| time.checked_add_signed(delta));
    later.unwrap_or(Timestamp::MAX_UTC)
}

/// `time` minus `duration`.
pub(super) fn before(time: Timestamp, duration: Duration) -> Timestamp {
    let earlier = TimeDelta::from_std(duration).ok().and_then(|delta| time.checked_sub_signed(delta));
    earlier.unwrap_or(Timestamp::MIN_UTC)
}

/// `time` moved by that.
pub(super) fn shifted(time: Timestamp, by: TimeDelta) -> Timestamp {
    let end = if by < TimeDelta::zero() { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    time.checked_add_signed(by).unwrap_or(end)
}

/// How long it is from one to the other; zero if that is not later.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    (to - from).to_std().unwrap_or_default()
}
