//! Giving back what was opened, when nobody will close it any more.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
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
                Some(ended) = self.ended.recv() => self.begin(&mut releases, ended, &shutdown),
                Some(_) = releases.join_next() => {}
            }
        }
        // Connections that end only now are among those that live, or have sent what they had.
        for living in self.configured.living() {
            self.begin(&mut releases, living, &shutdown);
        }
        while let Ok(ended) = self.ended.try_recv() {
            self.begin(&mut releases, ended, &shutdown);
        }
        while releases.join_next().await.is_some() {}
    }

    fn begin(
        &self,
        releases: &mut JoinSet<()>,
        configured: Arc<P::Configured>,
        shutdown: &CancellationToken,
    ) {
        let (provider, shutdown) = (Arc::clone(&self.provider), shutdown.clone());
        releases.spawn(async move { release_until(&*provider, &configured, time_left(&shutdown)).await });
    }
}

/// Releases what was opened by way of `configured`, as far as there is time when somebody waits for it.
pub(super) async fn release<P: Provider>(provider: &P, configured: &P::Configured) {
    release_until(provider, configured, sleep(TIME_TO_RELEASE)).await;
}

async fn release_until<P: Provider>(provider: &P, configured: &P::Configured, end: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = provider.release(configured) => {}
        () = end => warn!("what was opened and not closed could not be released in time"),
    }
}

/// There is time while the process lives on, and little of it from the shutdown on.
async fn time_left(shutdown: &CancellationToken) {
    tokio::select! {
        () = sleep(TIME_WHILE_LIVING) => {}
        () = shutdown.cancelled() => sleep(TIME_TO_RELEASE).await,
    }
}

/// The host kills us two seconds after Shutdown, and calls in flight may need a part of that.
const TIME_TO_RELEASE: Duration = Duration::from_secs(1);
/// When nobody waits for it: enough for an issuer that is slow, or has to be asked again.
const TIME_WHILE_LIVING: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::config::{ConfigReader, FromConfig};
    use crate::diagnostic::Diagnostics;
    use crate::handle::{DataSourceHandle, EphemeralResourceHandle};
    use crate::provider::{Answer, Host};
    use crate::schema::Schema;

    /// Counts what is released.
    struct Counting;

    /// How often this was released, and whether that never ends.
    #[derive(Default)]
    struct Opened {
        released: AtomicUsize,
        hangs: bool,
    }

    struct NoConfig;

    impl FromConfig for NoConfig {
        fn from_config(_: &mut ConfigReader<'_>) -> Self {
            Self
        }
    }

    #[async_trait]
    impl Provider for Counting {
        type Config = NoConfig;
        type Configured = Opened;

        fn schema(&self) -> Schema {
            Schema::new("A provider.")
        }

        async fn configure(&self, _: NoConfig, _: &Host) -> Result<Answer<Opened>, Diagnostics> {
            Ok(Opened::default().into())
        }

        fn data_sources(&self) -> Vec<DataSourceHandle<Opened>> {
            Vec::new()
        }

        fn ephemeral_resources(&self) -> Vec<EphemeralResourceHandle<Opened>> {
            Vec::new()
        }

        async fn release(&self, opened: &Opened) {
            if opened.hangs {
                std::future::pending::<()>().await;
            }
            opened.released.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_lives_and_what_has_ended_is_released_at_the_end_however_long_one_takes() {
        let configured = Arc::<Configured<Opened>>::default();
        let (releaser, ended) = Releaser::new(Arc::new(Counting), Arc::clone(&configured));
        let [living, gone] = [(); 2].map(|()| Arc::new(Opened::default()));
        let hanging = Arc::new(Opened { hangs: true, ..Opened::default() });
        for opened in [&living, &gone, &hanging] {
            configured.add(opened);
        }
        let shutdown = CancellationToken::new();
        let releasing = tokio::spawn(releaser.run(shutdown.clone()));
        ended.send(Arc::clone(&gone)).unwrap();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(gone.released.load(Ordering::Relaxed), 1, "its connection has ended");
        assert_eq!(living.released.load(Ordering::Relaxed), 0);

        shutdown.cancel();
        let began = tokio::time::Instant::now();
        releasing.await.unwrap();
        assert_eq!(living.released.load(Ordering::Relaxed), 1);
        assert_eq!(began.elapsed().as_secs(), TIME_TO_RELEASE.as_secs(), "the hanging one is given up");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_has_more_time_while_the_process_lives() {
        for (shutdown_after, expected) in [(None, 30), (Some(5), 6), (Some(40), 30)] {
            let shutdown = CancellationToken::new();
            let end = shutdown.clone();
            let shutting_down = tokio::spawn(async move {
                sleep(Duration::from_secs(shutdown_after.unwrap_or(3600))).await;
                end.cancel();
            });
            let hanging = Opened { hangs: true, ..Opened::default() };
            let began = tokio::time::Instant::now();
            release_until(&Counting, &hanging, time_left(&shutdown)).await;
            assert_eq!(began.elapsed().as_secs(), expected, "{shutdown_after:?}");
            shutting_down.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_connection_gives_more_time_until_the_process_ends() {
        let (releaser, ended) = Releaser::new(Arc::new(Counting), Arc::default());
        let hanging = Arc::new(Opened { hangs: true, ..Opened::default() });
        let shutdown = CancellationToken::new();
        let releasing = tokio::spawn(releaser.run(shutdown.clone()));
        ended.send(Arc::clone(&hanging)).unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(Arc::strong_count(&hanging), 2, "it is given up already");
        shutdown.cancel();
        let began = tokio::time::Instant::now();
        releasing.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 1);
        assert_eq!(Arc::strong_count(&hanging), 1);
    }
}
