//! Giving back what was opened, when nobody will close it any more.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::connection::Ended;
use crate::provider::Provider;

/// What is configured on any connection of the process.
pub(super) struct Configured<C>(Mutex<Vec<Weak<C>>>);

/// Releases what was configured on a connection that has ended, and everything when the process ends.
pub(super) struct Releaser<P: Provider> {
    provider: Arc<P>,
    configured: Arc<Configured<P::Configured>>,
    ended: mpsc::UnboundedReceiver<Arc<P::Configured>>,
}

impl<C> Configured<C> {
    pub(super) fn add(&self, configured: &Arc<C>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(configured));
    }

    fn living(&self) -> Vec<Arc<C>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}

impl<C> Default for Configured<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P: Provider> Releaser<P> {
    /// A releaser, and where connections send what they had configured.
    pub(super) fn new(
        provider: Arc<P>,
        configured: Arc<Configured<P::Configured>>,
    ) -> (Self, Ended<P::Configured>) {
        let (sender, ended) = mpsc::unbounded_channel();
        (Self { provider, configured, ended }, sender)
    }

    /// Works until shutdown, and then until everything is released.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut releases = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = self.ended.recv() => self.begin(&mut releases, ended),
                Some(_) = releases.join_next() => {}
            }
        }
        // Connections that end only now are among those that live, or have sent what they had.
        for living in self.configured.living() {
            self.begin(&mut releases, living);
        }
        while let Ok(ended) = self.ended.try_recv() {
            self.begin(&mut releases, ended);
        }
        while releases.join_next().await.is_some() {}
    }

    fn begin(&self, releases: &mut JoinSet<()>, configured: Arc<P::Configured>) {
        let provider = Arc::clone(&self.provider);
        releases.spawn(async move { release(&*provider, &configured).await });
    }
}

/// Releases what was opened by way of `configured`, as far as there is time.
pub(super) async fn release<P: Provider>(provider: &P, configured: &P::Configured) {
    if tokio::time::timeout(TIME_TO_RELEASE, provider.release(configured)).await.is_err() {
        warn!("what was opened and not closed could not be released in time");
    }
}

/// The host kills us two seconds after Shutdown, and calls in flight may need a part of that.
const TIME_TO_RELEASE: Duration = Duration::from_secs(1);
