//! What stands in Vault, on its way to the scheduler.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::entries::{Found, read_all};
use crate::run::RotationId;
use crate::runner::Runner;

/// Everything that is being read. Whatever is still being read when this is dropped is given up.
pub(super) struct Entries {
    sender: mpsc::Sender<Found>,
    found: mpsc::Receiver<Found>,
}

impl Entries {
    /// Nothing is read yet. So many may wait to be taken in.
    pub(super) fn new(at_once: usize) -> Self {
        let (sender, found) = mpsc::channel(at_once.max(1));
        Entries { sender, found }
    }

    /// Begins to read these.
    pub(super) fn read(&self, runner: Arc<Runner>, unread: BTreeSet<RotationId>, at_once: usize) {
        if !unread.is_empty() {
            // Ends when the receiver is dropped.
            tokio::spawn(read_all(runner, unread, at_once, self.sender.clone()));
        }
    }

    /// Waits for the next that is found.
    pub(super) async fn next(&mut self) -> Found {
        match self.found.recv().await {
            Some(found) => found,
            // Never so: a sender is here.
            None => std::future::pending().await,
        }
    }
}
