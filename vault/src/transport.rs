//! One HTTP client for all requests: ours, so that no request goes where its token must not.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use rustify::Endpoint;
use rustify::errors::ClientError;
use rustls::AlertDescription;
use serde::de::DeserializeOwned;
use tokenferry_sources::cause::{chain, deepest_cause, one_line, tls_error};
use tokenferry_sources::{Clock, Timestamp, certificates, is_loopback};
use url::Url;
use vaultrs::api::EndpointResult;
use zeroize::Zeroizing;

use crate::fault::{Fault, NoAnswer, Rejection};
use crate::identity::Identity;
use crate::{VaultError, VaultSettings};

/// Sends what vaultrs describes, and turns every failure into a [`Fault`], so that no body ever becomes part of an
/// error of others.
pub(crate) struct Transport {
    settings: Arc<TransportSettings>,
    clock: Arc<dyn Clock>,
    /// Built at the first use. A request that has begun keeps the one that it began with.
    client: Mutex<Option<reqwest::Client>>,
    /// By how many seconds Vault's clock is ahead of ours; [`NOT_SEEN`] before an answer showed it.
    clock_ahead_secs: AtomicI32,
}

struct TransportSettings {
    base: String,
    addresses: Vec<Url>,
    ca_cert_file: Option<PathBuf>,
    timeout: Duration,
    user_agent: String,
}

impl Transport {
    pub(crate) fn new(settings: &VaultSettings, clock: Arc<dyn Clock>) -> Self {
        let settings = TransportSettings {
            base: settings.addresses.first().map(Url::to_string).unwrap_or_default(),
            addresses: settings.addresses.clone(),
            ca_cert_file: settings.ca_cert_file.clone(),
            timeout: settings.timeout,
            user_agent: settings.user_agent.clone(),
        };
        Transport {
            settings: Arc::new(settings),
            clock,
            client: Mutex::default(),
            clock_ahead_secs: AtomicI32::new(NOT_SEEN),
        }
    }

    /// One that shows this certificate, with connections of its own.
    pub(crate) fn showing(&self, identity: Identity) -> Result<Self, VaultError> {
        let client = self.settings.client(Some(identity))?;
        let (settings, clock) = (Arc::clone(&self.settings), Arc::clone(&self.clock));
        let clock_ahead_secs = AtomicI32::new(NOT_SEEN);
        Ok(Transport { settings, clock, client: Mutex::new(Some(client)), clock_ahead_secs })
    }

    /// Takes over the connections, and the certificate, of that one.
    pub(crate) fn become_like(&self, other: &Transport) {
        let client = other.built().clone();
        *self.built() = client;
    }

    pub(crate) fn address(&self) -> &str {
        &self.settings.base
    }

    /// Whether one of these is among its addresses.
    pub(crate) fn reaches(&self, addresses: &[Url]) -> bool {
        addresses.iter().any(|address| self.settings.addresses.contains(address))
    }

    pub(crate) fn clock_ahead_secs(&self) -> Option<i32> {
        Some(self.clock_ahead_secs.load(Ordering::Relaxed)).filter(|ahead| *ahead != NOT_SEEN)
    }

    /// Sends a request and takes in what Vault wraps its answers in.
    pub(crate) async fn ask<E: Endpoint>(&self, request: &E) -> Result<EndpointResult<E::Response>, Fault> {
        let answer = request.exec(self).await.map_err(fault)?;
        if answer.response.body().is_empty() {
            return Err(Fault::Empty);
        }
        let body = Zeroizing::new(answer.response.into_body());
        parse(&body)
    }

    /// Sends a request whose answer is not wrapped.
    pub(crate) async fn ask_bare<E: Endpoint>(&self, request: &E) -> Result<E::Response, Fault> {
        let answer = request.exec(self).await.map_err(fault)?;
        parse(answer.response.body())
    }

    /// Sends a request whose answer says no more than that it was done.
    pub(crate) async fn tell<E: Endpoint>(&self, request: &E) -> Result<(), Fault> {
        request.exec(self).await.map(drop).map_err(fault)
    }

    fn client(&self) -> Result<reqwest::Client, Fault> {
        let mut built = self.built();
        if let Some(client) = &*built {
            return Ok(client.clone());
        }
        let client = self.settings.client(None).map_err(|error| no_answer(NoAnswer::Client(error)))?;
        Ok(built.insert(client).clone())
    }

    fn built(&self) -> MutexGuard<'_, Option<reqwest::Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a transport error means. Its URL is dropped with it.
    fn failure(&self, error: reqwest::Error) -> Fault {
        // A node that Vault sent us to may be another one than the first.
        let address = error.url().map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let error = error.without_url();
        if let Some(tls) = chain(&error).find_map(tls_error) {
            let cause = one_line(&tls.to_string());
            return no_answer(match tls {
                rustls::Error::AlertReceived(alert) if is_about_ours(*alert) => {
                    NoAnswer::OurCertificate(cause)
                }
                rustls::Error::InvalidCertificate(_) => NoAnswer::Tls { cause, certificate: true },
                _ => NoAnswer::Tls { cause, certificate: false },
            });
        }
        no_answer(match (error.is_connect(), error.is_timeout()) {
            (true, true) => {
                NoAnswer::Unreachable { address, cause: "no answer to the attempt to connect".to_owned() }
            }
            (true, false) => NoAnswer::Unreachable { address, cause: deepest_cause(&error) },
            (false, true) => NoAnswer::TimedOut(self.settings.timeout),
            (false, false) => NoAnswer::Broken(deepest_cause(&error)),
        })
    }

    async fn body(&self, response: &mut reqwest::Response) -> Result<Vec<u8>, Fault> {
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        // Of its final size from the start: a vector that grows leaves copies behind.
        let mut body = Vec::with_capacity(announced.unwrap_or_default().min(LARGEST));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Fault::Malformed);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, Fault> {
        let request = reqwest::Request::try_from(request).map_err(|_| Fault::Malformed)?;
        let mut response = self.client()?.execute(request).await.map_err(|error| self.failure(error))?;
        self.see_date(response.headers());
        let status = response.status();
        if status.is_redirection() {
            return Err(redirected(&response));
        }
        if !status.is_success() {
            let until = self.until(response.headers());
            // The body of a failure only adds to what its status says.
            let body = self.body(&mut response).await.unwrap_or_default();
            return Err(Fault::Rejected(Rejection::new(status.as_u16(), &body, until)));
        }
        let mut answer = http::Response::new(self.body(&mut response).await?);
        *answer.status_mut() = status;
        Ok(answer)
    }

    fn see_date(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        let ahead = date.map(|date| (date.to_utc() - self.clock.now()).num_seconds());
        if let Some(ahead) = ahead.and_then(|ahead| i32::try_from(ahead).ok()) {
            self.clock_ahead_secs.store(ahead, Ordering::Relaxed);
        }
    }

    fn until(&self, headers: &HeaderMap) -> Option<Timestamp> {
        let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        self.clock.now().checked_add_signed(chrono::TimeDelta::try_seconds(seconds)?)
    }
}

impl TransportSettings {
    fn client(&self, identity: Option<Identity>) -> Result<reqwest::Client, VaultError> {
        // An error only says that a provider is there already, which is all that is needed.
        drop(rustls::crypto::ring::default_provider().install_default());
        let first = self.addresses.first().filter(|url| url.path() == "/");
        let first = first.ok_or_else(|| self.bad_address())?;
        let addresses = self.addresses.clone();
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .redirect(Policy::custom(move |attempt| redirect(&addresses, attempt)))
            .connect_timeout(self.timeout.min(CONNECT_TIMEOUT))
            .timeout(self.timeout)
            .retry(reqwest::retry::never());
        if is_loopback(first) {
            builder = builder.no_proxy();
        }
        let secure = self.addresses.iter().any(|url| url.scheme() == "https");
        builder = match &self.ca_cert_file {
            Some(path) if secure => builder.tls_certs_only(trusted(path)?),
            None if secure => builder,
            _ => builder.tls_certs_only([]),
        };
        if let Some(identity) = identity {
            builder = builder.identity(identity.into_inner());
        }
        builder.build().map_err(|error| build_failure(self.ca_cert_file.as_deref(), &error))
    }

    fn bad_address(&self) -> VaultError {
        let origin = self.addresses.first().map(|url| url.origin().ascii_serialization());
        VaultError::BadAddress { address: origin.unwrap_or_default() }
    }
}

#[async_trait]
impl rustify::client::Client for Transport {
    fn base(&self) -> &str {
        &self.settings.base
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, ClientError> {
        self.exchange(request).await.map_err(|fault| ClientError::GenericError { source: fault.into() })
    }
}

/// Only as a standby does it: with 307, to a node that the configuration lists.
fn redirect(addresses: &[Url], attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let target = attempt.url();
    let from_https = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    let listed = addresses.iter().any(|address| address.origin() == target.origin());
    let falls_back = from_https && target.scheme() != "https";
    if attempt.status() == 307 && listed && !falls_back && attempt.previous().len() <= MOST_REDIRECTS {
        return attempt.follow();
    }
    attempt.stop()
}

/// A redirect that was not followed. Only scheme, host and port of its target are shown.
fn redirected(response: &reqwest::Response) -> Fault {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| response.url().join(location).ok());
    let target = target.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
    no_answer(NoAnswer::Redirected { status: response.status().as_u16(), target })
}

/// What came through the layers of others: ours, or their own trouble, of which nothing is shown.
fn fault(error: ClientError) -> Fault {
    match error {
        ClientError::GenericError { source } => source.downcast().unwrap_or(Fault::Malformed),
        _ => Fault::Malformed,
    }
}

fn trusted(path: &Path) -> Result<Vec<reqwest::Certificate>, VaultError> {
    certificates(path).map_err(|cause| VaultError::CaFile { path: path.to_owned(), cause })
}

/// Building a client fails over certificates only.
fn build_failure(file: Option<&Path>, error: &reqwest::Error) -> VaultError {
    let cause = deepest_cause(error);
    match file {
        Some(path) => VaultError::CaFile { path: path.to_owned(), cause },
        None => VaultError::CaStore { cause },
    }
}

/// Whether a server says by it that it wants a certificate of us, or another one.
fn is_about_ours(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::AccessDenied
            | A::BadCertificate
            | A::CertificateExpired
            | A::CertificateRequired
            | A::CertificateRevoked
            | A::CertificateUnknown
            | A::UnknownCA
            | A::UnsupportedCertificate
    )
}

fn no_answer(reason: NoAnswer) -> Fault {
    Fault::NoAnswer(reason)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::Malformed)
}

const NOT_SEEN: i32 = i32::MIN;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 2;
/// No entry and no login comes near it.
const LARGEST: usize = 1024 * 1024;
