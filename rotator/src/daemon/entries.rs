//! What stands in Vault, on its way to the scheduler.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokenferry_sources::rfc3339;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Daemon;
use crate::entries::{Found, read_all};
use crate::run::{RotationId, Standing};
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

impl Daemon {
    /// Reads what is not known of, but for what somebody else has to leave first.
    pub(super) fn read_entries(&mut self) {
        let unread = self.scheduler.unknown().filter(|id| self.is_free(*id)).collect::<BTreeSet<_>>();
        self.entries.read(self.runner.clone(), unread, self.concurrency);
    }

    /// Where Vault has lost an entry, as by a backup that was restored, what is known of the others may not be true.
    pub(super) fn read_after_loss(&mut self) {
        if self.entries.unread() > 0 || !self.runner.take_loss() {
            return;
        }
        let known = (0..).map(RotationId).take(self.rotations.len());
        let known: BTreeSet<_> = known.filter(|id| self.scheduler.next(*id).is_some()).collect();
        warn!(entries = known.len(), "Vault has lost what stood in an entry; the others are read again");
        self.entries.read(self.runner.clone(), known, self.concurrency);
    }

    /// What was being read.
    pub(super) fn take_in(&mut self, rotation: RotationId, standing: Standing) {
        self.learn(rotation, standing);
        if self.entries.unread() > 0 {
            return;
        }
        if self.leads() {
            info!("all entries are read");
        } else {
            self.standing.read_at = Some(self.now());
        }
    }

    pub(super) fn learn(&mut self, rotation: RotationId, mut standing: Standing) {
        let now = self.now();
        let alive = standing.living.filter(|living| living.expires_at.is_none_or(|end| end > now));
        if let (None, Some(living)) = (&standing.failure, alive) {
            standing.failure = self.runner.missed(rotation, living);
        }
        let news = standing.failure.as_ref().filter(|_| self.leads());
        if let (Some(failure), Some(configured)) = (news, self.rotation(rotation)) {
            warn!(
                rotation = &*configured.name,
                class = %failure.class,
                failures = failure.count,
                at = rfc3339(failure.at),
                has_token = standing.living.is_some(),
                "its last run failed"
            );
        }
        self.scheduler.learn(rotation, standing, now);
        self.announce(rotation);
    }
}

/// Begins to read these, so many at once, and sends what is found.
type Begin = dyn Fn(Arc<Runner>, BTreeSet<RotationId>, usize, mpsc::Sender<Found>) + Send;
