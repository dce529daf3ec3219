//! One server for all tests of a program that run at the same time.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use super::database::Database;
use super::server::Postgres;

/// A database of one's own in a server that others use too. The server ends with the last of its users, so that the
/// program leaves none behind.
#[derive(Debug)]
pub struct Shared {
    database: Database,
    _server: Arc<Postgres>,
}

impl Shared {
    pub(super) async fn new(name: &str) -> Self {
        let server = server().await;
        Self { database: server.database(name).await, _server: server }
    }
}

impl Deref for Shared {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

/// The one that runs, or a new one.
async fn server() -> Arc<Postgres> {
    static RUNNING: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
    let mut running = RUNNING.lock().await;
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(Postgres::start().await);
    *running = Arc::downgrade(&server);
    server
}
