//! One Vault or OpenBao: logs in when needed.
//!
//! Its requests are vaultrs', its HTTP client is ours.

use std::fmt;
use std::hash::RandomState;
use std::sync::{Arc, Mutex};

use tokenferry_sources::{Clock, Environment, Timestamp};
use tokio::sync::Notify;

use crate::counts::Counters;
use crate::log_in::Attempts;
use crate::login::Login;
use crate::read::Engines;
use crate::transport::Transport;
use crate::{VaultAuth, VaultSettings};

/// A Vault with our login to it.
pub struct Vault {
    pub(crate) auth: VaultAuth,
    pub(crate) auth_namespace: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Transport,
    pub(crate) login: Mutex<Option<Arc<Login>>>,
    /// Shared with a [`Vault::successor`] that logs in with the same, as are the keys.
    pub(crate) logging_in: Arc<tokio::sync::Mutex<Attempts>>,
    /// Of another process a fingerprint is of no use.
    pub(crate) keys: RandomState,
    pub(crate) logged_in: Notify,
    pub(crate) engines: Engines,
    pub(crate) counters: Arc<Counters>,
    pub(crate) gives_up: bool,
}

impl Vault {
    /// Nothing is read or sent yet.
    pub fn new(settings: VaultSettings, environment: Arc<dyn Environment>, clock: Arc<dyn Clock>) -> Self {
        Vault {
            transport: Transport::new(&settings, Arc::clone(&clock)),
            auth: settings.auth,
            auth_namespace: settings.auth_namespace,
            namespace: settings.namespace,
            environment,
            clock,
            login: Mutex::default(),
            logging_in: Arc::default(),
            keys: RandomState::new(),
            logged_in: Notify::new(),
            engines: Engines::default(),
            counters: Arc::default(),
            gives_up: false,
        }
    }

    /// The same for a process that ends soon: it never sends again what was refused once.
    #[must_use]
    pub fn for_one_run(self) -> Self {
        Vault { gives_up: true, ..self }
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        self.transport.address().trim_end_matches('/')
    }

    /// The namespace of everything, as configured.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// By how many seconds its clock was ahead of ours at its last answer, if that showed it.
    pub fn clock_ahead_secs(&self) -> Option<i32> {
        self.transport.clock_ahead_secs()
    }

    pub(crate) fn now(&self) -> Timestamp {
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
