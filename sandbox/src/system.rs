//! What every simulated system has to offer, and the list of them.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;

use crate::{Access, Options, http, zenoti, zetasafe, zettelstore, zscaler};

/// One simulated issuer.
pub(crate) trait System: Debug + Send + Sync {
    /// The name in faults and counters; all paths of the system begin with `/name/`.
    fn name(&self) -> &'static str;

    /// What a request is about, told from the request alone, so that it counts even if a fault answers it.
    fn act(&self, head: &Parts, body: &[u8]) -> Act;

    /// All routes, which begin with `/name/`, and what to say where there is none.
    fn router(self: Arc<Self>) -> Router;

    /// The settings with which a client logs in.
    fn settings(&self, url: &str) -> Vec<(&'static str, String)>;

    /// The environment variable that stands for each setting, and the setting; in the order to print them.
    fn variables(&self) -> &'static [(&'static str, &'static str)];

    /// The devices that the system knows.
    fn devices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Forgets what limits later requests, such as spent call budgets; tokens stay good.
    fn reset(&self) {}
}

/// What a request is about, with the key, user or device it names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// A login with this key or user.
    Login(String),
    /// Nothing that is counted.
    Other,
    /// A one-time password is read for this device.
    Read(String),
    /// A token is traded for a later one.
    Renewal(String),
}

/// Every system of the sandbox: one line each.
pub(crate) fn all(options: Options) -> io::Result<Vec<Arc<dyn System>>> {
    Ok(vec![
        Arc::new(zscaler::Zscaler::new(options.zscaler)),
        Arc::new(zenoti::Zenoti::new(options.zenoti)),
        Arc::new(zetasafe::Zetasafe::new(options.zetasafe)),
        Arc::new(zettelstore::Zettelstore::new(options.zettelstore)?),
        Arc::new(http::Http::new(options.http)),
    ])
}

/// Address and first account of each system.
pub(crate) fn access(systems: &[Arc<dyn System>], url: &str) -> Vec<Access> {
    let access = systems.iter().map(|system| Access {
        system: system.name(),
        settings: system.settings(url),
        variables: system.variables(),
        devices: system.devices(),
    });
    access.collect()
}
