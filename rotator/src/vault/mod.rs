//! One Vault or OpenBao: logs in when needed, reads and writes entries of KV v2 secrets engines.
//!
//! Its requests are vaultrs', its HTTP client is ours.

pub(crate) mod cause;
mod entries;
mod error;
mod fault;
mod found;
mod lease;
mod login;
mod operation;
mod session;
mod transport;
mod wiped;

pub use error::VaultError;
pub use found::{Data, Found, Stored};
pub use operation::Operation;

use std::fmt;
use std::sync::{Arc, Mutex};

use tokenferry_sources::{Clock, Environment, Timestamp};
use tokio::sync::Notify;

use crate::config::{VaultAuth, VaultSettings};
use login::Login;
use session::LastFailure;
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
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("auth", &self.auth)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
