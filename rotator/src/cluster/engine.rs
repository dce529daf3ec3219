//! Work shared among replicas: the leader submits, whoever has room runs.

use std::sync::Arc;

use async_trait::async_trait;
use tokenferry_sources::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Database, Settings, View};
use crate::dispatch::{Dispatch, Ended, Role};
use crate::run::{Due, RotationId, Work};

/// Shares work with other replicas.
pub struct Cluster {
    role: watch::Sender<Role>,
    view: watch::Sender<View>,
}

impl Cluster {
    /// Joins the other replicas, or waits until it can. At most `limit` runs at once are done here. A database that is
    /// away is no error: the role says so, and it is tried again.
    pub fn start(
        settings: &Settings,
        database: Database,
        work: Arc<dyn Work>,
        limit: usize,
        clock: &dyn Clock,
    ) -> Self {
        let _ = (settings, database, work, limit);
        Cluster {
            role: watch::Sender::new(Role::Disconnected),
            view: watch::Sender::new(View::new(clock.now())),
        }
    }

    /// What it knows of itself and of the others, as it changes.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }
}

#[async_trait]
impl Dispatch for Cluster {
    fn submit(&mut self, _: Due) {}

    async fn ended(&mut self) -> Ended {
        std::future::pending().await
    }

    fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    fn withdraw(&mut self) -> Vec<Due> {
        Vec::new()
    }

    fn succeed(&mut self, _: Arc<dyn Work>, _: usize, _: &mut dyn FnMut(RotationId) -> RotationId) {}

    fn close(&mut self) {}

    fn running(&self) -> usize {
        0
    }

    fn waiting_since(&self) -> Option<Instant> {
        None
    }
}
