//! Whether a server answers: one request for its root, which means nothing to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::{DATE, HeaderMap};
use reqwest::redirect::Policy;
use tokenferry_sources::cause::{chain, deepest_cause, one_line, tls_error};
use tokenferry_sources::{Clock, Timestamp, certificates, is_loopback};
use tokio::time::Instant;
use url::Url;

use super::certificate;

/// A server, and whom it has to convince.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Server {
    /// The URL of its root.
    pub(super) root: Url,
    pub(super) ca_cert_file: Option<PathBuf>,
}

/// What a server told.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) took: Duration,
    /// How far its clock is before ours.
    pub(super) ahead: Option<TimeDelta>,
    pub(super) certificate_ends: Option<Timestamp>,
}

/// Why a server told nothing, and what to do about it.
pub(super) struct Silence {
    pub(super) what: String,
    pub(super) advice: String,
}

/// Asks a server for its root.
pub(super) async fn probe(server: &Server, timeout: Duration, clock: &dyn Clock) -> Result<Answer, Silence> {
    let client = client(server, timeout.min(LONGEST))?;
    let begin = Instant::now();
    let answer = client.get(server.root.clone()).send().await.map_err(|error| silence(error, server))?;
    let certificate = answer.extensions().get::<reqwest::tls::TlsInfo>();
    Ok(Answer {
        status: answer.status().as_u16(),
        took: begin.elapsed(),
        ahead: date(answer.headers()).map(|theirs| theirs - clock.now()),
        certificate_ends: certificate.and_then(|info| certificate::end(info.peer_certificate()?)),
    })
}

fn client(server: &Server, timeout: Duration) -> Result<reqwest::Client, Silence> {
    // An error only says that a provider is there already, which is all that is needed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = reqwest::Client::builder()
        .user_agent(tokenferry_sources::user_agent(None, None))
        .redirect(Policy::none())
        .timeout(timeout)
        .retry(reqwest::retry::never())
        .tls_info(true);
    if is_loopback(&server.root) {
        builder = builder.no_proxy();
    }
    let secure = server.root.scheme() == "https";
    builder = match &server.ca_cert_file {
        Some(path) if secure => builder.tls_certs_only(trusted(path)?),
        None if secure => builder,
        _ => builder.tls_certs_only([]),
    };
    builder.build().map_err(|error| Silence {
        what: format!("CA certificates cannot be used: {}", deepest_cause(&error)),
        advice: "Install the CA certificates of the operating system, or set `ca_cert_file`.".to_owned(),
    })
}

fn trusted(path: &Path) -> Result<Vec<reqwest::Certificate>, Silence> {
    certificates(path).map_err(|cause| Silence {
        what: format!("the CA certificates in {} cannot be used: {cause}", path.display()),
        advice: "Set `ca_cert_file` to a file with CA certificates in PEM form.".to_owned(),
    })
}

fn silence(error: reqwest::Error, server: &Server) -> Silence {
    let error = error.without_url();
    let host = server.root.host_str().unwrap_or_default();
    let told = |what: String, advice: &str| Silence { what, advice: advice.to_owned() };
    if let Some(tls) = chain(&error).find_map(tls_error) {
        return told(format!("no secure connection: {}", one_line(&tls.to_string())), tls_advice(tls));
    }
    if chain(&error).any(|cause| cause.to_string() == "dns error") {
        return told(format!("the name {host} does not resolve: {}", deepest_cause(&error)), NAME);
    }
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => told("no answer to the attempt to connect".to_owned(), NETWORK),
        (true, false) => told(format!("no connection: {}", deepest_cause(&error)), NETWORK),
        (false, true) => told("connected, but no answer in time".to_owned(), SLOW),
        (false, false) => told(format!("no complete answer: {}", deepest_cause(&error)), SLOW),
    }
}

fn tls_advice(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "Its certificate is over: have it renewed there, or set the clock of this machine right."
        }
        rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "Its certificate is not good yet: set the clock of this machine right."
        }
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "The host in the URL must be one that its certificate names."
        }
        rustls::Error::InvalidCertificate(_) => {
            "If it has a certificate of your own CA, set `ca_cert_file`. A proxy that looks into TLS shows one of its own."
        }
        _ => "Check that the URL begins with the right one of http and https.",
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    chrono::DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}

const LONGEST: Duration = Duration::from_secs(10);
const NAME: &str = "Check the name, then the resolver of this machine (/etc/resolv.conf).";
const NETWORK: &str = "Check host and port, then the network and firewalls between here and there; a proxy is named by \
                       HTTPS_PROXY.";
const SLOW: &str = "Check that this is the right port, and how the server is.";
