//! What stands in Vault, on its way to the scheduler.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::entries::{Found, read_all};
use crate::run::RotationId;
use crate::runner::Runner;

/// Everything that is being read. Whatever is still being read when this is dropped is given up.
pub(super) struct Entries {
    begin: Box<Begin>,
    sender: mpsc::Sender<Found>,
    found: mpsc::Receiver<Found>,
    unread: usize,
    since: Instant,
}

impl Entries {
    /// Nothing is read yet. So many may wait to be taken in.
    pub(super) fn new(at_once: usize) -> Self {
        // Ends when the receiver is dropped.
        Entries::read_by(at_once, |runner, unread, at_once, sender| {
            drop(tokio::spawn(read_all(runner, unread, at_once, sender)));
        })
    }

    /// The same, read in another way.
    pub(super) fn read_by(
        at_once: usize,
        begin: impl Fn(Arc<Runner>, BTreeSet<RotationId>, usize, mpsc::Sender<Found>) + Send + 'static,
    ) -> Self {
        let (sender, found) = mpsc::channel(at_once.max(1));
        Entries { begin: Box::new(begin), sender, found, unread: 0, since: Instant::now() }
    }

    /// Gives up whatever is being read. From now on so many may wait to be taken in.
    pub(super) fn forget(&mut self, at_once: usize) {
        (self.sender, self.found) = mpsc::channel(at_once.max(1));
        self.unread = 0;
    }

    /// Begins to read these.
    pub(super) fn read(&mut self, runner: Arc<Runner>, unread: BTreeSet<RotationId>, at_once: usize) {
        if !unread.is_empty() {
            if self.unread == 0 {
                self.since = Instant::now();
            }
            self.unread += unread.len();
            (self.begin)(runner, unread, at_once, self.sender.clone());
        }
    }

    /// How many are being read.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// Since when, if any are.
    pub(super) fn unread_since(&self) -> Option<Instant> {
        (self.unread > 0).then_some(self.since)
    }

    /// Waits for the next that is found.
    pub(super) async fn next(&mut self) -> Found {
        match self.found.recv().await {
            Some(found) => {
                self.unread = self.unread.saturating_sub(1);
                found
            }
            // Never so: a sender is here.
            None => std::future::pending().await,
        }
    }
}

/// Begins to read these, so many at once, and sends what is found.
type Begin = dyn Fn(Arc<Runner>, BTreeSet<RotationId>, usize, mpsc::Sender<Found>) + Send;
