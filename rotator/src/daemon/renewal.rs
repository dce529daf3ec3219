//! Keeping our Vault token alive, whatever happens meanwhile.

use std::sync::Arc;

use tokenferry_vault::Vault;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Renews the token of one Vault, and waits for those that it did so for before.
pub(super) struct Renewal {
    done: CancellationToken,
    tasks: JoinSet<()>,
}

impl Renewal {
    /// Begins with this one.
    pub(super) fn new(vault: &Arc<Vault>) -> Self {
        let mut renewal = Renewal { done: CancellationToken::new(), tasks: JoinSet::new() };
        renewal.begin(vault);
        renewal
    }

    /// Goes on with this one instead.
    pub(super) fn turn_to(&mut self, vault: &Arc<Vault>) {
        self.done.cancel();
        self.done = CancellationToken::new();
        while self.tasks.try_join_next().is_some() {}
        self.begin(vault);
    }

    /// Ends all of it.
    pub(super) async fn end(mut self) {
        self.done.cancel();
        // A task can only fail by a panic, which has been reported.
        while self.tasks.join_next().await.is_some() {}
    }

    fn begin(&mut self, vault: &Arc<Vault>) {
        let (vault, done) = (Arc::clone(vault), self.done.clone());
        self.tasks.spawn(async move { vault.keep_alive(done).await });
    }
}
