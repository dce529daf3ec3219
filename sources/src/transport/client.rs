//! The clients behind all requests of one configuration.

use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::sync::OnceCell;
use url::Url;

use super::HttpSettings;
use super::ca;
use crate::SourceError;
use crate::base_url::is_loopback;

/// Speaks HTTP for all sources of one configuration. Nothing is built, and no CA certificate read, before it
/// is needed.
#[derive(Debug, Default)]
pub struct HttpClient {
    settings: HttpSettings,
    cells: [OnceCell<reqwest::Client>; 4],
}

impl HttpClient {
    /// A client with these settings.
    pub fn new(settings: HttpSettings) -> Self {
        HttpClient { settings, ..HttpClient::default() }
    }

    /// Its settings.
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// The client for a URL: with CA certificates only for https, and past all proxies for this machine.
    pub(super) async fn client(&self, url: &Url) -> Result<&reqwest::Client, SourceError> {
        let (secure, direct) = (url.scheme() == "https", is_loopback(url));
        let cell = &self.cells[usize::from(secure) * 2 + usize::from(direct)];
        cell.get_or_try_init(|| async { self.build(secure, direct) }).await
    }

    fn build(&self, secure: bool, direct: bool) -> Result<reqwest::Client, SourceError> {
        // An error only says that a provider is there already, which is all that is needed.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tokenferry/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(self.settings.timeout.min(CONNECT_TIMEOUT))
            // Retries are counted, and said, in one place: the exchange.
            .retry(reqwest::retry::never());
        if direct {
            builder = builder.no_proxy();
        }
        builder = match &self.settings.ca_cert_file {
            Some(path) if secure => builder.tls_certs_only(ca::configured(path)?),
            None if secure => builder,
            _ => builder.tls_certs_only([]),
        };
        builder.build().map_err(|error| ca::build_failure(self.settings.ca_cert_file.as_deref(), &error))
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
