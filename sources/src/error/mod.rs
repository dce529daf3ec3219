//! What can go wrong between asking for a token and having it.
//!
//! No error carries a secret, a URL with its query, or more of an answer than its named fields.

mod advice;
mod attempt;
mod class;
mod detour;
mod named;
mod said;

pub use advice::Guidance;
pub use attempt::{Action, Attempt, Step};
pub use class::{FailureClass, Retry};
pub use detour::Detour;
pub use named::NamedFailure;
pub use said::Said;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::Timestamp;
use crate::clock::rfc3339;
use crate::duration::in_seconds;
use crate::zscaler::{DeviceKey, Purpose, Udid};

/// Why there is no token, or no one-time password.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A device is not the only one of its kind.
    #[error("{device} belongs to more than one device: {matches}")]
    AmbiguousDevice {
        /// What was asked for.
        device: Box<DeviceKey>,
        /// The devices: UDID, state and user of each.
        matches: String,
    },
    /// The answer is longer than any answer of this kind.
    #[error("{attempt}: the answer is larger than {limit} bytes and was not read")]
    AnswerTooLarge {
        /// What was attempted.
        attempt: Attempt,
        /// The most that is read.
        limit: usize,
    },
    /// HTTP 400.
    #[error("{attempt}: the request was turned down as faulty (HTTP {status}){said}")]
    BadRequest {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The connection was made, but what came over it is no complete HTTP answer.
    #[error("{attempt}: the connection broke before there was a complete HTTP answer: {cause}")]
    BrokenAnswer {
        /// What was attempted.
        attempt: Attempt,
        /// What is wrong.
        cause: String,
    },
    /// The configured CA file cannot be used.
    #[error("cannot use the CA certificates in {path}: {cause}", path = path.display())]
    CaFile {
        /// The configured file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// This machine has no CA certificates.
    #[error("cannot load the CA certificates of this machine: {cause}")]
    CaStore {
        /// What is wrong.
        cause: String,
    },
    /// The token was over before it arrived.
    #[error("{attempt}: the token that came ended at {}, and it is {} now", rfc3339(*ended_at), rfc3339(*now))]
    ExpiredOnArrival {
        /// What was attempted.
        attempt: Attempt,
        /// The end the token itself states.
        ended_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// A lifetime was asked for, and nobody knows it.
    #[error(
        "{system} does not say how long its token lives, so a minimum_lifetime of {} cannot be promised",
        in_seconds(*minimum)
    )]
    ExpiryUnknown {
        /// The system's title.
        system: &'static str,
        /// What was asked for.
        minimum: Duration,
    },
    /// HTTP 408.
    #[error("{attempt}: a gateway gave up waiting (HTTP {status}){said}")]
    GatewayTimedOut {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The configured key is over.
    #[error("the configured API key of {system} ended at {}, and it is {} now", rfc3339(*ended_at), rfc3339(*now))]
    KeyExpired {
        /// The system's title.
        system: &'static str,
        /// The configured end.
        ended_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// The system issues tokens that are over at once.
    #[error("{attempt}: the token that came has a lifetime of 0 seconds and is of no use")]
    LifetimeZero {
        /// What was attempted.
        attempt: Attempt,
    },
    /// The host is, or its name leads to, an address that only this network segment or this machine has, or one of
    /// the metadata service of a cloud.
    #[error("{attempt}: the host has the link-local or metadata address {address}, which is not asked")]
    LinkLocal {
        /// What was attempted.
        attempt: Attempt,
        /// The address.
        address: IpAddr,
    },
    /// The credential is wrong.
    #[error("{attempt}: the login was refused (HTTP {status}){said}")]
    LoginRefused {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The answer is not what this system answers.
    #[error("{attempt}: the answer (HTTP {status}) is not understood: {problem}")]
    Malformed {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// This device has no password for the purpose.
    #[error("the device has no one-time password for `{purpose}`; it has one for {}", listed(present))]
    MissingOtp {
        /// The purpose asked for.
        purpose: Purpose,
        /// The purposes there are.
        present: Vec<String>,
    },
    /// This app profile has no password for the purpose.
    #[error("the app profile has no password for `{purpose}`; it has one for {}", listed(present))]
    MissingPassword {
        /// The purpose asked for.
        purpose: String,
        /// The purposes there are.
        present: Vec<String>,
    },
    /// A failure that only this system knows, by the name it has there.
    #[error("{attempt}: {} (HTTP {status}){said}", failure.text)]
    Named {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What it means.
        failure: &'static NamedFailure,
        /// What the system said about it.
        said: Said,
    },
    /// A value that was to be taken from the answer is not there.
    #[error("{attempt}: the answer (HTTP {status}) has no `{value}`: {problem}")]
    MissingValue {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// The name of the value.
        value: Arc<str>,
        /// What is where it should be, as in `nothing is at the header X-CSRF`.
        problem: Arc<str>,
    },
    /// HTTP 403.
    #[error("{attempt}: access was denied (HTTP {status}){said}")]
    NoAccess {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The answer holds no one-time password at all.
    #[error("{attempt}: the answer holds no one-time password for the device \"{udid}\"")]
    NoOtp {
        /// What was attempted.
        attempt: Attempt,
        /// The device.
        udid: Udid,
    },
    /// No device among those that the system lists.
    #[error("no device was found for {device}")]
    NoSuchDevice {
        /// What was asked for.
        device: Box<DeviceKey>,
    },
    /// A login was answered like a good one, but without a token.
    #[error("{attempt}: the answer has no token (HTTP {status}){said}")]
    NoToken {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The tenant or endpoint is served by the system's newer API only.
    #[error("{attempt}: the answer (HTTP {status}) says that this is reachable only through OneAPI")]
    NotAllowedHere {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
    },
    /// HTTP 404.
    #[error("{attempt}: there is nothing at {path} (HTTP {status}){said}")]
    NotFound {
        /// What was attempted.
        attempt: Attempt,
        /// The path that was asked for.
        path: Arc<str>,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// HTTP 407.
    #[error("{attempt}: the proxy in between wants credentials (HTTP 407)")]
    ProxyRefused {
        /// What was attempted.
        attempt: Attempt,
    },
    /// HTTP 429, or an answer that means it.
    #[error("{attempt}: too many requests (HTTP {status}){}", come_back(*until))]
    RateLimited {
        /// What was attempted.
        attempt: Attempt,
        /// The HTTP status.
        status: u16,
        /// When it may be tried again, if the system said so.
        until: Option<Timestamp>,
    },
    /// The system points somewhere else.
    #[error("{attempt}: the answer (HTTP {status}) is a redirect to {target}, which is not followed{detour}")]
    Redirected {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// Scheme, host and port it points to.
        target: String,
        /// Why it is not followed.
        detour: Detour,
    },
    /// HTTP 5xx.
    #[error("{attempt}: the server failed (HTTP {status}){said}{}", come_back(*until))]
    ServerError {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
        /// When it may be tried again, if the system said so.
        until: Option<Timestamp>,
    },
    /// No answer in time.
    #[error("{attempt}: no answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// What was attempted.
        attempt: Attempt,
        /// How long it was waited for.
        limit: Duration,
    },
    /// No trusted connection.
    #[error("{attempt}: no secure connection: {cause}")]
    Tls {
        /// What was attempted.
        attempt: Attempt,
        /// What is wrong.
        cause: String,
        /// Whether the server's certificate is what is wrong.
        certificate: bool,
    },
    /// A token fresh from the login is refused.
    #[error("{attempt}: even a fresh token was rejected (HTTP {status}){said}")]
    TokenRejected {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// Even a fresh token does not live as long as it should.
    #[error(
        "a fresh token of {system} lives {}, less than the minimum_lifetime of {}",
        in_seconds(*left), in_seconds(*minimum)
    )]
    TooShortLived {
        /// The system's title.
        system: &'static str,
        /// The life of the fresh token.
        left: Duration,
        /// What was asked for.
        minimum: Duration,
    },
    /// A status this system has no meaning for.
    #[error("{attempt}: the answer has the unexpected status HTTP {status}{said}")]
    UnexpectedStatus {
        /// What was attempted.
        attempt: Attempt,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// The system does not know the device.
    #[error("{attempt}: nothing was found for {device} (HTTP {status}){said}")]
    UnknownDevice {
        /// What was attempted.
        attempt: Attempt,
        /// What was asked for.
        device: Box<DeviceKey>,
        /// The status of the answer.
        status: u16,
        /// What the system said about it.
        said: Said,
    },
    /// A value cannot be used for what it was taken for.
    #[error("{attempt}: `{value}` cannot be used {problem}")]
    UnusableValue {
        /// What was attempted.
        attempt: Attempt,
        /// The name of the value or secret, as in `values.session`.
        value: Arc<str>,
        /// What for, and why not, as in `in the path: it is empty`.
        problem: Arc<str>,
    },
    /// No connection.
    #[error("{attempt}: the host cannot be reached: {cause}")]
    Unreachable {
        /// What was attempted.
        attempt: Attempt,
        /// What is wrong.
        cause: String,
    },
}

fn come_back(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!("; it asks to come back at {}", rfc3339(until)))
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
