//! The watchdog: how long something that is due has been left lying.
//!
//! Deliberate waits do not count: for a rate, after a failure, because the other side asked for it. What counts is
//! work that nobody begins: no room, a credential in use, an entry that cannot be read, a daemon that does not wake up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Told by the daemon, asked by whoever watches it. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Mutex<Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Since when the oldest rotation that is due has not been attempted.
    oldest: Option<Instant>,
    /// When the daemon wants to wake up next.
    wakes_at: Instant,
}

impl Lag {
    /// A lag that nothing contributes to yet; from now on the daemon has to wake up.
    pub fn new() -> Self {
        Lag(Arc::new(Mutex::new(Known { oldest: None, wakes_at: Instant::now() })))
    }

    /// How long the oldest rotation that is due has not been attempted.
    pub fn lag(&self, now: Instant) -> Duration {
        let known = *self.known();
        let oldest = known.oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        oldest.max(self.stalled(now))
    }

    /// For how long the daemon has not woken up although it wanted to. Here a restart helps; with any other lag it
    /// does not.
    pub fn stalled(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.known().wakes_at)
    }

    /// Whether what is due is left lying for too long.
    pub fn is_too_long(&self, now: Instant) -> bool {
        self.lag(now) > LONGEST_LAG
    }

    /// The daemon is awake, and will be again at that time.
    pub fn note(&self, oldest: Option<Instant>, wakes_at: Instant) {
        *self.known() = Known { oldest, wakes_at };
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Lag {
    fn default() -> Self {
        Lag::new()
    }
}

/// With more than that the rotator is not ready.
pub const LONGEST_LAG: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_lag_is_that_of_the_oldest_or_of_a_daemon_that_does_not_wake_up() {
        let (lag, start) = (Lag::new(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        lag.note(Some(at(10)), at(40));
        assert_eq!((lag.lag(at(40)).as_secs(), lag.stalled(at(40)).as_secs()), (30, 0));
        lag.note(None, at(70));
        assert_eq!((lag.lag(at(70)).as_secs(), lag.lag(at(90)).as_secs()), (0, 20));
        assert!(!lag.is_too_long(at(190)) && lag.is_too_long(at(191)));
        assert_eq!(lag.stalled(at(191)).as_secs(), 121);
    }
}
