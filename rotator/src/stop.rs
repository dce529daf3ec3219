//! Coming to an end without losing a token: runs under way may end, and what was issued is stored.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use crate::dispatch::{Dispatch, Ended};
use crate::runner::{Runner, Unstored};

/// Begins nothing more, waits for what has begun, and stores what was issued, again and again until the deadline.
/// Whether nothing was lost.
pub async fn wind_down(
    dispatch: &mut dyn Dispatch,
    runners: &[Arc<Runner>],
    until: Instant,
    mut ended: impl FnMut(Ended),
) -> bool {
    dispatch.close();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let mut unstored = Vec::new();
        for runner in runners {
            unstored.extend(runner.flush(until).await);
        }
        if dispatch.running() == 0 && unstored.is_empty() {
            return true;
        }
        tokio::select! {
            run = dispatch.ended(), if dispatch.running() > 0 => ended(run),
            () = sleep_until(until.min(Instant::now() + pause)) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
        // Before another go, for which there is no time: it would only hide what came in the way.
        if Instant::now() >= until {
            tell_what_is_lost(dispatch.running(), &unstored);
            return false;
        }
    }
}

fn tell_what_is_lost(running: usize, unstored: &[Unstored]) {
    if running > 0 {
        warn!(running, "the grace period is over: runs that have not ended are given up");
    }
    for Unstored { rotation, why } in unstored {
        error!(rotation = &**rotation, why, "a token was issued but could not be stored, and is lost");
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
