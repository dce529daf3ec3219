//! One at a time, and who waited shares what came out.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::SourceError;

/// Guards a state that costs a request to fill. Whoever gives up while working leaves the turn to the next.
#[derive(Debug, Default)]
pub(crate) struct Flight<S> {
    /// Attempts that came to an end. It only ever changes under the lock.
    ended: AtomicU64,
    inner: Mutex<Inner<S>>,
}

#[derive(Debug, Default)]
struct Inner<S> {
    state: S,
    failure: Option<SourceError>,
}

impl<S> Flight<S> {
    /// Waits for the turn.
    pub(crate) async fn turn(&self) -> Turn<'_, S> {
        let arrived = self.ended.load(Ordering::Acquire);
        Turn { arrived, ended: &self.ended, inner: self.inner.lock().await }
    }
}

/// The exclusive right to work.
pub(crate) struct Turn<'a, S> {
    arrived: u64,
    ended: &'a AtomicU64,
    inner: MutexGuard<'a, Inner<S>>,
}

impl<S> Turn<'_, S> {
    pub(crate) fn state(&mut self) -> &mut S {
        &mut self.inner.state
    }

    /// Whether an attempt came to its end while we waited.
    pub(crate) fn shared(&self) -> bool {
        self.ended.load(Ordering::Acquire) != self.arrived
    }

    /// The failure of the attempt that ended while we waited.
    pub(crate) fn shared_failure(&self) -> Option<&SourceError> {
        self.inner.failure.as_ref().filter(|_| self.shared())
    }

    /// Notes how an attempt ended, for those who wait.
    pub(crate) fn ended(&mut self, failure: Option<SourceError>) {
        self.inner.failure = failure;
        self.ended.fetch_add(1, Ordering::AcqRel);
    }
}
