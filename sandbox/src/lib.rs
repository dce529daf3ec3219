//! A stand-in for the systems that issue tokens.
//!
//! One HTTP server on a loopback port plays every system, each below a path of its own. It answers as the real
//! ones do, refusals, delays, rate limits and expiry included; it can be told to misbehave ([`Fault`]); and it
//! counts what it was asked ([`Counters`]).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use tokenferry_sandbox::{Fault, Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! sandbox.control().fault(Fault::status(500).path("/zscaler/papi/auth/").times(1));
//! // ... point a program at sandbox.zscaler_base_url() ...
//! assert_eq!(sandbox.control().counters().logins("zscaler", "sandbox-key").attempted, 0);
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Over HTTP the same is at `POST`, `GET` and `DELETE /_control/faults`, `GET /_control/counters`,
//! `GET /_control/requests` and `POST /_control/reset`.

use std::io;
use std::net::SocketAddr;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

mod answer;
mod conditions;
mod control;
mod example_key;
mod gate;
pub mod http;
mod json;
mod passing;
mod server;
mod system;
mod urlencoded;
pub mod zenoti;
pub mod zetasafe;
pub mod zettelstore;
pub mod zscaler;

pub use control::Control;
pub use control::counters::{CacheBusterCounts, ConnectionCounts, Counters, GrantCounts, SystemCounters};
pub use control::fault::{Answer, Effect, Fault};
pub use control::requests::{CacheBuster, RequestRecord};
pub use example_key::ExampleKey;
pub use http::{HttpOptions, OAuth2Client, Stated};
pub use zenoti::{ZenotiErrors, ZenotiForm, ZenotiMode, ZenotiOptions, ZenotiUser};
pub use zetasafe::{ZetasafeClient, ZetasafeMode, ZetasafeOptions, ZetasafeRole, ZetasafeUser};
pub use zettelstore::{Authentication, Release, ZettelstoreOptions, ZettelstoreUser};
pub use zscaler::{
    AccountMode, ClientMode, DeviceForm, ZscalerAccount, ZscalerApiClient, ZscalerDevice, ZscalerOptions,
    ZscalerProfile,
};

/// What a sandbox listens on and whom it knows.
#[derive(Clone, Debug)]
pub struct Options {
    /// A loopback address; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The Zscaler Client Connector tenant.
    pub zscaler: ZscalerOptions,
    /// The Zenoti service.
    pub zenoti: ZenotiOptions,
    /// The ZetaSafe server.
    pub zetasafe: ZetasafeOptions,
    /// The Zettelstore server.
    pub zettelstore: ZettelstoreOptions,
    /// A service as `http` sources are for.
    pub http: HttpOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            zscaler: ZscalerOptions::default(),
            zenoti: ZenotiOptions::default(),
            zetasafe: ZetasafeOptions::default(),
            zettelstore: ZettelstoreOptions::default(),
            http: HttpOptions::default(),
        }
    }
}

/// A running sandbox; dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    control: Control,
    access: Vec<Access>,
    server: JoinHandle<()>,
    shutdown: DropGuard,
}

/// What a user needs to log in to one system of the sandbox.
#[derive(Clone, Debug)]
pub struct Access {
    /// Name of the system; also the first segment of its paths.
    pub system: &'static str,
    /// Setting and value, `base_url` first.
    pub settings: Vec<(&'static str, String)>,
    /// Ids of the devices, if the system knows any.
    pub devices: Vec<String>,
    /// Environment variable and the setting that it stands for.
    variables: &'static [(&'static str, &'static str)],
}

impl Access {
    /// The environment variables from which a client takes these settings, with their values.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables.iter().filter_map(|(variable, setting)| {
            let value = self.settings.iter().find(|(name, _)| name == setting);
            value.map(|(_, value)| (*variable, value.as_str()))
        })
    }

    /// The settings that no environment variable stands for.
    pub fn without_variable(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let has_none = |name: &str| !self.variables.iter().any(|(_, setting)| *setting == name);
        let settings = self.settings.iter().filter(move |(name, _)| has_none(name));
        settings.map(|(name, value)| (*name, value.as_str()))
    }
}

impl Sandbox {
    /// Binds the address and starts to answer.
    ///
    /// # Errors
    /// When the address is not a loopback address or cannot be bound, or a system would not start with its
    /// options.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = server::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let systems = system::all(options)?;
        let access = system::access(&systems, &url_of(address));
        let control = Control::new(systems);
        let gate = gate::Gate::new(control.clone());
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(server::serve(listener, gate, shutdown.clone()));
        Ok(Self { address, control, access, server, shutdown: shutdown.drop_guard() })
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// The `base_url` of the Zscaler legacy API, which ends in `/papi`.
    pub fn zscaler_base_url(&self) -> String {
        zscaler::base_url(&self.url())
    }

    /// The `base_url` of Zenoti, which `/v1` follows.
    pub fn zenoti_base_url(&self) -> String {
        zenoti::base_url(&self.url())
    }

    /// The `base_url` of ZetaSafe in production; that of development ends in `/dev`.
    pub fn zetasafe_base_url(&self) -> String {
        zetasafe::base_url(&self.url())
    }

    /// The `base_url` of Zscaler's OneAPI, which ends in `/zcc/papi`.
    pub fn zscaler_one_api_base_url(&self) -> String {
        zscaler::one_api_base_url(&self.url())
    }

    /// The `token_url` of Zscaler's OneAPI.
    pub fn zscaler_token_url(&self) -> String {
        zscaler::token_url(&self.url())
    }

    /// The `base_url` of Zettelstore, which ends in a slash.
    pub fn zettelstore_base_url(&self) -> String {
        zettelstore::base_url(&self.url())
    }

    /// Address and first account of every system.
    pub fn access(&self) -> &[Access] {
        &self.access
    }

    /// Faults, counters and the request log.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Closes the port and every open connection, then returns.
    pub async fn stop(self) {
        drop(self.shutdown);
        // The server task ends by itself; it can only fail by a panic, which has been printed.
        drop(self.server.await);
    }
}

fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}
