//! The clients behind all requests of one configuration.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use tokio::sync::OnceCell;
use url::Url;

use super::HttpSettings;
use super::ca;
use super::link_local::Guard;
use crate::base_url::is_loopback;
use crate::{SourceError, System};

/// Speaks HTTP for all sources of one configuration. Nothing is built, and no CA certificate read, before it
/// is needed.
#[derive(Debug, Default)]
pub struct HttpClient {
    settings: HttpSettings,
    calls: Option<Arc<dyn Calls>>,
    proxies: OnceLock<Matcher>,
    cells: [OnceCell<reqwest::Client>; 8],
}

/// Is told of each request, to count them.
pub trait Calls: Debug + Send + Sync {
    /// One is about to be sent to this system.
    fn sent(&self, system: &'static System);
}

impl HttpClient {
    /// A client with these settings.
    pub fn new(settings: HttpSettings) -> Self {
        HttpClient { settings, ..HttpClient::default() }
    }

    /// The same; and each request is counted.
    #[must_use]
    pub fn counted(self, calls: Arc<dyn Calls>) -> Self {
        HttpClient { calls: Some(calls), ..self }
    }

    /// Its settings.
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    pub(super) fn count(&self, system: &'static System) {
        if let Some(calls) = &self.calls {
            calls.sent(system);
        }
    }

    /// Whether requests to a URL go to a proxy.
    pub(super) fn uses_proxy(&self, url: &Url) -> bool {
        self.proxy(url).is_some()
    }

    /// The host and port of the proxy that requests to a URL go to, which never are those to this machine.
    pub fn proxy(&self, url: &Url) -> Option<String> {
        if is_loopback(url) {
            return None;
        }
        let proxies = self.proxies.get_or_init(Matcher::from_system);
        let proxy = proxies.intercept(&url.origin().ascii_serialization().parse().ok()?)?;
        Some(proxy.uri().authority().map(|place| without_user(place.as_str()).to_owned()).unwrap_or_default())
    }

    /// The client for a URL: with CA certificates only for https, and with a look at the addresses of the host where
    /// those of the link are refused. A client that uses proxies has only their names to resolve.
    pub(super) async fn client(
        &self,
        url: &Url,
        refuse_link_local: bool,
    ) -> Result<&reqwest::Client, SourceError> {
        let (secure, direct) = (url.scheme() == "https", !self.uses_proxy(url));
        let kind = [secure, direct, direct && refuse_link_local];
        let place = kind.into_iter().fold(0, |place, flag| place * 2 + usize::from(flag));
        self.cells[place].get_or_try_init(|| async { self.build(kind) }).await
    }

    fn build(&self, [secure, direct, refuse_link_local]: [bool; 3]) -> Result<reqwest::Client, SourceError> {
        // An error only says that a provider is there already, which is all that is needed.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.settings.user_agent)
            .redirect(Policy::none())
            .connect_timeout(self.settings.timeout.min(CONNECT_TIMEOUT))
            // Retries are counted, and said, in one place: the exchange.
            .retry(reqwest::retry::never());
        if direct {
            builder = builder.no_proxy();
        }
        if refuse_link_local {
            builder = builder.dns_resolver(Guard);
        }
        builder = match &self.settings.ca_cert_file {
            Some(path) if secure => builder.tls_certs_only(ca::configured(path)?),
            None if secure => builder,
            _ => builder.tls_certs_only([]),
        };
        builder.build().map_err(|error| ca::build_failure(self.settings.ca_cert_file.as_deref(), &error))
    }
}

/// Whoever may use the proxy may be named before it, with a password.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
