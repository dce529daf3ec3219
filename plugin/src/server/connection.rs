//! What belongs to one connection: its configuration, and the calls in flight.
//!
//! In reattach mode one process serves every alias of a provider, each on a connection of its own; what hangs on the
//! connection is never shared between them.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// One connection's state; `C` is what configuring yields.
#[derive(Debug)]
pub(super) struct Connection<C> {
    configured: Mutex<Option<Arc<C>>>,
    /// Takes what was configured when the connection ends.
    ended: Ended<C>,
    /// Cancelled and replaced by StopProvider.
    calls: Mutex<CancellationToken>,
    shutdown: CancellationToken,
}

/// Where what a connection had configured goes when it ends.
pub(super) type Ended<C> = mpsc::UnboundedSender<Arc<C>>;

impl<C> Connection<C> {
    pub(super) fn new(shutdown: &CancellationToken, ended: Ended<C>) -> Self {
        Self {
            configured: Mutex::new(None),
            ended,
            calls: Mutex::new(shutdown.child_token()),
            shutdown: shutdown.clone(),
        }
    }

    /// Terraform configures once; what another host configured before has ended.
    pub(super) fn configure(&self, configured: Arc<C>) {
        let before = locked(&self.configured).replace(configured);
        self.end(before);
    }

    /// What reads work with.
    ///
    /// # Errors
    /// When nothing was configured on this connection.
    pub(super) fn configured(&self) -> Result<Arc<C>, Diagnostics> {
        locked(&self.configured).clone().ok_or_else(|| {
            let detail = "The provider was asked to work before it got its configuration. If an earlier message \
                          tells why the configuration failed, start there.";
            Diagnostic::error("Provider not configured", detail).into()
        })
    }

    /// Ends the calls in flight; later calls are served as before.
    pub(super) fn stop(&self) {
        let stopped = std::mem::replace(&mut *locked(&self.calls), self.shutdown.child_token());
        stopped.cancel();
    }

    fn end(&self, configured: Option<Arc<C>>) {
        if let Some(configured) = configured {
            // Fails when the process ends, and then everything is released.
            drop(self.ended.send(configured));
        }
    }

    /// Runs one call until it is done, panics, or the user interrupts it.
    ///
    /// # Errors
    /// What the call itself reports, or that it was stopped, or that it panicked.
    pub(super) async fn run<T>(
        &self,
        call: &'static str,
        type_name: &str,
        work: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        Self::run_until(&self.stopped(), interrupted, call, type_name, work).await
    }

    /// Runs one action until it is done or panics. An interrupt is for the action to notice, by [`Self::stopped`];
    /// only the end of the process ends it.
    ///
    /// # Errors
    /// What the action itself reports, or that it was torn apart, or that it panicked.
    pub(super) async fn run_action<T>(
        &self,
        call: &'static str,
        type_name: &str,
        work: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        Self::run_until(&self.shutdown, torn_apart, call, type_name, work).await
    }

    /// Cancelled when the user interrupts what is in flight now.
    pub(super) fn stopped(&self) -> CancellationToken {
        locked(&self.calls).clone()
    }

    async fn run_until<T>(
        stopped: &CancellationToken,
        interrupted: fn() -> Diagnostics,
        call: &'static str,
        type_name: &str,
        work: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        let started = tokio::time::Instant::now();
        let result = tokio::select! {
            biased;
            () = stopped.cancelled() => Err(interrupted()),
            result = AssertUnwindSafe(work).catch_unwind() => result.unwrap_or_else(|_| Err(panicked(call))),
        };
        debug!(call, type_name, ok = result.is_ok(), elapsed = ?started.elapsed(), "call answered");
        result
    }
}

impl<C> Drop for Connection<C> {
    fn drop(&mut self) {
        let configured = locked(&self.configured).take();
        self.end(configured);
    }
}

/// A panic in one call leaves these two values as whole as they were.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn interrupted() -> Diagnostics {
    let detail = "The provider stopped its work because the run was interrupted. Nothing needs to be undone.";
    Diagnostic::error("Stopped", detail).into()
}

fn torn_apart() -> Diagnostics {
    let detail = "The provider was ended while an action was under way. What the action had begun may have been done, in \
                  part or as a whole: look at what it was to change before you invoke it again.";
    Diagnostic::error("Action torn apart", detail).into()
}

fn panicked(call: &str) -> Diagnostics {
    let detail = format!(
        "{call} met a situation that the provider was not written for. This is a bug in the provider: please report \
         it with the log of a run with TF_LOG_PROVIDER=debug, which names the place in the code."
    );
    Diagnostic::error("The provider panicked", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection<C>(shutdown: &CancellationToken) -> Connection<C> {
        Connection::new(shutdown, mpsc::unbounded_channel().0)
    }

    fn summary(result: &Result<(), Diagnostics>) -> &str {
        result.as_ref().unwrap_err().iter().next().unwrap().summary()
    }

    #[tokio::test]
    async fn a_panic_ends_one_call_and_the_next_one_works() {
        let connection = connection::<()>(&CancellationToken::new());
        let result = connection.run("ReadDataSource", "t", async { panic!("planted") }).await;
        assert_eq!(summary(&result), "The provider panicked");
        assert!(connection.run("ReadDataSource", "t", async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn stopping_ends_the_calls_in_flight_and_no_later_one() {
        let connection = connection::<()>(&CancellationToken::new());
        let hanging = connection.run("ReadDataSource", "t", std::future::pending());
        let (result, ()) = tokio::join!(hanging, async {
            tokio::task::yield_now().await;
            connection.stop();
            connection.stop();
        });
        assert_eq!(summary(&result), "Stopped");
        assert!(connection.run("ReadDataSource", "t", async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn shutdown_ends_every_call() {
        let shutdown = CancellationToken::new();
        let connection = connection::<()>(&shutdown);
        connection.stop();
        shutdown.cancel();
        let result = connection.run("ReadDataSource", "t", std::future::pending()).await;
        assert_eq!(summary(&result), "Stopped");
    }

    #[tokio::test]
    async fn an_action_is_told_of_an_interrupt_and_ended_by_shutdown_alone() {
        let shutdown = CancellationToken::new();
        let connection = connection::<()>(&shutdown);
        let stopped = connection.stopped();
        let work = async {
            stopped.cancelled().await;
            Ok(())
        };
        let (result, ()) = tokio::join!(connection.run_action("InvokeAction", "t", work), async {
            connection.stop();
        });
        assert!(result.is_ok());
        assert!(!connection.stopped().is_cancelled());
        shutdown.cancel();
        let result = connection.run_action("InvokeAction", "t", std::future::pending()).await;
        assert_eq!(summary(&result), "Action torn apart");
    }

    #[tokio::test]
    async fn nothing_is_configured_at_first() {
        let connection = connection::<u8>(&CancellationToken::new());
        assert!(connection.configured().is_err());
        connection.configure(Arc::new(7));
        assert_eq!(*connection.configured().unwrap(), 7);
    }

    #[test]
    fn what_was_configured_is_handed_on_when_the_connection_ends_or_is_configured_anew() {
        let (ended, mut received) = mpsc::unbounded_channel();
        let connection = Connection::new(&CancellationToken::new(), ended);
        connection.configure(Arc::new(1));
        connection.configure(Arc::new(2));
        assert_eq!(received.try_recv().map(|configured| *configured), Ok(1));
        drop(connection);
        assert_eq!(received.try_recv().map(|configured| *configured), Ok(2));
    }
}
