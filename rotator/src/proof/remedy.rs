//! What would make a refused claim pass.

use std::time::Duration;

use super::Sum;
use crate::scheduler::FLOOR;

/// What would pass instead, all else left as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Remedy {
    /// The smallest `renew_before` in whole seconds; `None` if none is enough.
    pub renew_before: Option<Duration>,
    /// The largest gap that the schedule may have, in whole minutes; `None` if even every minute is not enough.
    pub schedule_gap: Option<Duration>,
}

impl Remedy {
    pub(super) fn of(sum: &Sum, life: Duration) -> Remedy {
        let before = up_to_seconds(sum.on_top());
        let left = life.saturating_sub(sum.on_top());
        Remedy {
            renew_before: (life.saturating_sub(before) >= FLOOR).then_some(before),
            schedule_gap: Some(down_to_minutes(left)).filter(|gap| !gap.is_zero()),
        }
    }

    /// The `renew_before` to write: in whole minutes, where that costs little of the life.
    pub fn suggested_renew_before(&self, life: Duration) -> Option<Duration> {
        let least = self.renew_before?;
        let minutes = Duration::from_secs(least.as_secs().div_ceil(60) * 60);
        let costs_little = minutes.saturating_sub(least) <= least / 10;
        Some(if costs_little && life.saturating_sub(minutes) >= FLOOR { minutes } else { least })
    }
}

fn up_to_seconds(duration: Duration) -> Duration {
    let part = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(part))
}

fn down_to_minutes(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() / 60 * 60)
}
