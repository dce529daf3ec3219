//! One Vault or OpenBao: logs in when needed, reads and writes entries of KV v2 secrets engines.
//!
//! Its requests are vaultrs', its HTTP client is ours.

mod ca;
pub(crate) mod cause;
mod entries;
mod error;
mod fault;
mod found;
mod lease;
mod operation;
mod session;
mod transport;

pub use error::VaultError;
pub use found::{Data, Found, Stored};
pub use operation::Operation;

use std::fmt;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use tokenferry_sources::{Clock, Environment, Timestamp};
use tokio::sync::Notify;

use crate::config::{VaultAuth, VaultSettings};
use session::{LastFailure, Login};
use transport::Transport;

/// A Vault with our login to it.
pub struct Vault {
    auth: VaultAuth,
    namespace: Option<String>,
    environment: Arc<dyn Environment>,
    clock: Arc<dyn Clock>,
    transport: Transport,
    login: Mutex<Option<Arc<Login>>>,
    logging_in: tokio::sync::Mutex<LastFailure>,
    logged_in: Notify,
}

impl Vault {
    /// Nothing is read or sent yet.
    pub fn new(settings: VaultSettings, environment: Arc<dyn Environment>, clock: Arc<dyn Clock>) -> Self {
        Vault {
            transport: Transport::new(&settings, Arc::clone(&clock)),
            auth: settings.auth,
            namespace: settings.namespace,
            environment,
            clock,
            login: Mutex::default(),
            logging_in: tokio::sync::Mutex::default(),
            logged_in: Notify::new(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How the server is. Needs no login.
    ///
    /// # Errors
    /// When there is no answer, or not one of Vault.
    pub async fn health(&self) -> Result<Health, VaultError> {
        self.transport.look("/v1/sys/health").await.map_err(|fault| fault.during(Operation::Health))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("auth", &self.auth)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// How a Vault is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Health {
    /// Whether it was ever set up.
    pub initialized: bool,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Whether another node is in charge.
    pub standby: bool,
    /// Its release.
    #[serde(default)]
    pub version: String,
}
