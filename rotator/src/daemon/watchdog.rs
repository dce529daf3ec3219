//! Telling people when something due is left lying.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::Daemon;
use crate::lag::LONGEST_LAG;

/// Sees to it that it is told once when something due is left lying, and once when that is over.
#[derive(Default)]
pub(super) struct Watchdog {
    is_late: bool,
}

impl Watchdog {
    /// What is being read is due since that began, for all that is known.
    pub(super) fn look(&mut self, daemon: &Daemon, pause: Duration) {
        let unread = daemon.entries.unread_since();
        let now = Instant::now();
        daemon.lag.note(unread.into_iter().chain(daemon.dispatch.waiting_since()).min(), now + pause);
        let is_late = daemon.lag.is_too_long(now);
        if is_late && !self.is_late {
            let (lag, running) = (daemon.lag.lag(now), daemon.dispatch.running());
            warn!(
                lag_secs = lag.as_secs(),
                running,
                unread = unread.is_some(),
                advice = "if entries are unread, see to Vault; otherwise raise `concurrency`, or spread the rotations of \
                          one credential",
                "rotations are due and have not been attempted for more than {} s",
                LONGEST_LAG.as_secs()
            );
        } else if self.is_late && !is_late {
            info!("what is due is attempted in time again");
        }
        self.is_late = is_late;
    }
}
