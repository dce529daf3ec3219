//! Actions: what changes something outside without being a resource. Terraform 1.14 and later.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::ConfigReader;
use crate::diagnostic::Diagnostics;
use crate::handle::{Described, checked_config};
use crate::provider::Answer;
use crate::schema::Schema;
use crate::value::{Object, Value};

/// Something that is done when a user or a resource's life cycle asks for it.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// [`crate::Provider::Configured`].
    type Provider: Send + Sync + 'static;
    /// The block, read.
    type Config: Send;

    /// The full name with the provider's prefix.
    fn type_name(&self) -> String;

    /// Arguments. An action computes nothing.
    fn schema(&self) -> Schema;

    /// Reads the block. That is also what validates it, with values that may be unknown: it must not ask anybody.
    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config;

    /// Looks whether it could be done, and changes nothing. Not called while values are unknown.
    ///
    /// # Errors
    /// What would make it fail.
    async fn plan(&self, provider: &Self::Provider, config: Self::Config) -> Result<Answer<()>, Diagnostics>;

    /// Does it, with a wholly known configuration. An interrupt does not end it: it has to look for one itself, at
    /// places where it can stop and say how far it has come. Only the end of the process tears it apart.
    ///
    /// # Errors
    /// Whatever the user has to know, with what was done and what was not.
    async fn invoke(
        &self,
        provider: &Self::Provider,
        config: Self::Config,
        progress: &Progress,
    ) -> Result<Answer<()>, Diagnostics>;
}

/// Shows the user how far an action has come, and tells the action when the user wants no more of it.
#[derive(Clone, Debug)]
pub struct Progress {
    messages: mpsc::UnboundedSender<String>,
    stopped: CancellationToken,
}

impl Progress {
    /// The messages come out of the other end, until this one and its clones are dropped. `stopped` is cancelled when
    /// the user interrupts the run.
    pub fn channel(stopped: CancellationToken) -> (Self, mpsc::UnboundedReceiver<String>) {
        let (messages, receiver) = mpsc::unbounded_channel();
        (Self { messages, stopped }, receiver)
    }

    /// Shows one message, in a full sentence.
    pub fn say(&self, message: impl Into<String>) {
        // Fails when nobody listens any more; the action goes on all the same.
        drop(self.messages.send(message.into()));
    }

    /// Whether the user has interrupted the run: then nothing more is to be begun.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// The outcome of work that may be given up at any time; `None` if the user interrupts the run before it is done.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stopped.run_until_cancelled(work).await
    }

    /// The outcome of work that is better not torn apart: it is given up only when it takes longer than `grace` from
    /// the interrupt on.
    pub async fn unless_stopped_for<T>(&self, grace: Duration, work: impl Future<Output = T>) -> Option<T> {
        let given_up = async {
            self.stopped.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            biased;
            outcome = work => Some(outcome),
            () = given_up => None,
        }
    }
}

/// Any [`Action`] of a provider.
pub struct ActionHandle<P> {
    pub(crate) described: Described,
    pub(crate) inner: Arc<dyn ErasedAction<P>>,
}

impl<P: Send + Sync + 'static> ActionHandle<P> {
    /// The full name with the provider's prefix.
    pub fn type_name(&self) -> &str {
        &self.described.type_name
    }

    /// Arguments.
    pub fn schema(&self) -> &Schema {
        self.described.schema()
    }

    /// Takes in an action.
    pub fn new<T: Action<Provider = P>>(action: T) -> Self {
        let inner = Arc::new(action);
        let read = |inner: &T, reader: &mut ConfigReader<'_>| drop(inner.config(reader));
        let described = Described::new(inner.type_name(), &inner, T::schema, read);
        Self { described, inner }
    }
}

#[async_trait]
pub(crate) trait ErasedAction<P>: Send + Sync {
    async fn plan(&self, provider: &P, config: &Object) -> Result<Answer<()>, Diagnostics>;
    async fn invoke(
        &self,
        provider: &P,
        config: &Object,
        progress: &Progress,
    ) -> Result<Answer<()>, Diagnostics>;
}

#[async_trait]
impl<T: Action> ErasedAction<T::Provider> for T {
    async fn plan(&self, provider: &T::Provider, config: &Object) -> Result<Answer<()>, Diagnostics> {
        if !config.values().all(Value::is_wholly_known) {
            return Ok(().into());
        }
        let config = checked_config(config, |reader| self.config(reader))?;
        Action::plan(self, provider, config).await
    }

    async fn invoke(
        &self,
        provider: &T::Provider,
        config: &Object,
        progress: &Progress,
    ) -> Result<Answer<()>, Diagnostics> {
        let config = checked_config(config, |reader| self.config(reader))?;
        Action::invoke(self, provider, config, progress).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn after_an_interrupt_work_is_given_up_at_once_or_when_its_grace_is_over() {
        let stopped = CancellationToken::new();
        let (progress, _messages) = Progress::channel(stopped.clone());
        assert_eq!(progress.unless_stopped(async { 1 }).await, Some(1));
        assert!(!progress.is_stopped());
        stopped.cancel();
        assert!(progress.is_stopped());
        assert_eq!(progress.unless_stopped(pending::<()>()).await, None);
        assert_eq!(progress.unless_stopped_for(3 * SECOND, sleep(2 * SECOND)).await, Some(()));
        let begun = Instant::now();
        assert_eq!(progress.unless_stopped_for(3 * SECOND, pending::<()>()).await, None);
        assert_eq!(begun.elapsed().as_secs(), 3);
    }
}
