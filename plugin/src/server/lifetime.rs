//! How long the process lives: as long as its host, and no longer.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use super::StartError;

const POLL: Duration = Duration::from_secs(1);
/// A host connects within milliseconds of the handshake line.
const FIRST_CONNECTION: Duration = Duration::from_mins(1);
/// A host keeps its connection until it is done with us.
const WITHOUT_CONNECTION: Duration = Duration::from_secs(5);

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct OpenConnections(watch::Sender<Count>);

/// One connection, counted for as long as this lives.
#[derive(Debug)]
pub(super) struct OpenConnection(OpenConnections);

#[derive(Clone, Copy, Debug)]
struct Count {
    open: usize,
    ever: bool,
}

impl Default for OpenConnections {
    fn default() -> Self {
        Self(watch::Sender::new(Count { open: 0, ever: false }))
    }
}

impl OpenConnections {
    pub(super) fn open(&self) -> OpenConnection {
        self.0.send_modify(|count| *count = Count { open: count.open + 1, ever: true });
        OpenConnection(self.clone())
    }

    fn count(&self) -> Count {
        *self.0.borrow()
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| count.open -= 1);
    }
}

/// Ends the process when its host is gone, which a host killed outright cannot tell. Ctrl-C goes to the whole process
/// group; the host answers it by StopProvider and Shutdown, so signals are ignored.
pub(super) fn watch_host(
    open: OpenConnections,
    shutdown: CancellationToken,
) -> Result<AbortOnDropHandle<()>, StartError> {
    let mut interrupts = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let host = std::os::unix::process::parent_id();
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut patience = Patience::new(Instant::now());
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interrupts.recv() => debug!("interrupt ignored: the host decides when to stop"),
                _ = terminations.recv() => debug!("termination ignored: the host decides when to stop"),
                _ = ticks.tick() => {
                    // Not PR_SET_PDEATHSIG: that follows the parent's thread, and Go ends threads at will.
                    let orphaned = std::os::unix::process::parent_id() != host;
                    if orphaned || patience.is_over(open.count(), Instant::now()) {
                        warn!(orphaned, "the host is gone");
                        return shutdown.cancel();
                    }
                }
            }
        }
    })))
}

/// Ends the process on SIGINT or SIGTERM, for a provider that a person has started.
pub(super) fn watch_signals(shutdown: CancellationToken) -> Result<AbortOnDropHandle<()>, StartError> {
    let mut interrupts = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
        }
        shutdown.cancel();
    })))
}

/// How long we wait for connections.
struct Patience {
    until: Instant,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { until: now + FIRST_CONNECTION }
    }

    fn is_over(&mut self, count: Count, now: Instant) -> bool {
        if count.open > 0 {
            self.until = now + WITHOUT_CONNECTION;
        } else if count.ever {
            // The first connection may have come and gone between two looks.
            self.until = self.until.min(now + WITHOUT_CONNECTION);
        }
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(patience: &mut Patience, from: Instant, count: Count) -> u64 {
        (0..1000).find(|second| patience.is_over(count, from + Duration::from_secs(*second))).unwrap_or(1000)
    }

    #[test]
    fn a_host_has_a_minute_to_connect_and_five_seconds_after_its_last_connection() {
        let start = Instant::now();
        let never = Count { open: 0, ever: false };
        assert_eq!(seconds(&mut Patience::new(start), start, never), 60);
        let gone = Count { open: 0, ever: true };
        assert_eq!(seconds(&mut Patience::new(start), start, gone), 5);
        let mut patience = Patience::new(start);
        let later = start + Duration::from_secs(500);
        assert!(!patience.is_over(Count { open: 1, ever: true }, later));
        assert_eq!(seconds(&mut patience, later, gone), 5);
    }

    #[test]
    fn an_open_connection_is_counted_until_it_is_dropped() {
        let open = OpenConnections::default();
        let (first, second) = (open.open(), open.open());
        drop(first);
        assert_eq!((open.count().open, open.count().ever), (1, true));
        drop(second);
        assert_eq!(open.count().open, 0);
    }
}
