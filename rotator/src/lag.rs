//! The watchdog: how long something that is due has been left lying.
//!
//! Deliberate waits do not count: for a rate, after a failure, because the other side asked for it. What counts is
//! work that nobody begins: no room, a credential in use, an entry that cannot be read, a daemon that does not wake up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

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

/// Tells a [`Lag`] what it has to know, and people once when something due is left lying, and once when that is over.
#[derive(Debug)]
pub struct Watchdog {
    lag: Lag,
    is_late: bool,
}

impl Watchdog {
    /// One that has nothing to tell yet.
    pub fn new(lag: Lag) -> Self {
        Watchdog { lag, is_late: false }
    }

    /// Looks: since when something is left lying, for each reason, and when the next look comes.
    pub fn look(&mut self, left: Left, wakes_at: Instant) {
        let now = Instant::now();
        let Left { unread, apart, waiting } = left;
        self.lag.note([unread, apart, waiting].into_iter().flatten().min(), wakes_at);
        let lag_secs = self.lag.lag(now).as_secs();
        match self.news(now) {
            Some(true) => warn!(
                lag_secs,
                unread = unread.is_some(),
                advice = left.advice(),
                "rotations are due and have not been attempted for more than {} s",
                LONGEST_LAG.as_secs()
            ),
            Some(false) => info!("what is due is attempted in time again"),
            None => {}
        }
    }

    /// Whether it has become late, or is not any longer.
    fn news(&mut self, now: Instant) -> Option<bool> {
        let was_late = std::mem::replace(&mut self.is_late, self.lag.is_too_long(now));
        (was_late != self.is_late).then_some(self.is_late)
    }
}

/// Since when something is left lying, and why.
#[derive(Clone, Copy, Debug, Default)]
pub struct Left {
    /// It is not known what stands in Vault.
    pub unread: Option<Instant>,
    /// Whoever leads does not know of it.
    pub apart: Option<Instant>,
    /// It waits for its run to begin.
    pub waiting: Option<Instant>,
}

impl Left {
    fn advice(self) -> &'static str {
        match self {
            Left { unread: Some(_), .. } => SEE_TO_VAULT,
            Left { apart: Some(_), .. } => AGREE,
            Left { .. } => MAKE_ROOM,
        }
    }
}

const AGREE: &str =
    "the replica that leads has another configuration: give all the same sources, rotations and destinations";
const SEE_TO_VAULT: &str = "there are entries that could not be read: see to Vault and to our policy there";
const MAKE_ROOM: &str = "raise `concurrency`, or give the rotations of one credential less to do at once";

/// With more than that the rotator is not ready.
pub const LONGEST_LAG: Duration = Duration::from_mins(2);

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

    #[tokio::test(start_paused = true)]
    async fn what_is_left_lying_is_told_once_and_once_when_it_is_over() {
        let (lag, start) = (Lag::new(), Instant::now());
        let mut watchdog = Watchdog::new(lag.clone());
        let mut told = |secs, oldest: Option<Instant>| {
            let now = start + Duration::from_secs(secs);
            lag.note(oldest, now);
            watchdog.news(now)
        };
        let told = [
            told(60, Some(start)),
            told(121, Some(start)),
            told(150, Some(start)),
            told(151, None),
            told(152, None),
        ];
        assert_eq!(told, [None, Some(true), None, Some(false), None]);
    }
}
