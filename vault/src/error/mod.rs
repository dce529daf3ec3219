//! What can go wrong between us and a Vault.
//!
//! No error carries a secret, a body, or a text of the server beyond a path.

mod advice;
mod class;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::{Timestamp, rfc3339};

use crate::{IdentityError, Operation};

/// Why an operation on a Vault did not succeed.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no such entry.
    #[error("{operation}: there is no such entry, or it was deleted")]
    Absent {
        /// What was attempted.
        operation: Operation,
    },
    /// The entry has no such field.
    #[error("{operation}: the entry has no field `{field}`")]
    AbsentField {
        /// What was attempted.
        operation: Operation,
        /// The field.
        field: String,
    },
    /// HTTP 400, for a reason that has no variant of its own.
    #[error("{operation}: Vault turned the request down as faulty (HTTP 400)")]
    BadRequest {
        /// What was attempted.
        operation: Operation,
    },
    /// The address has more than scheme, host and port.
    #[error("the Vault address {address} has a path, which cannot be used")]
    BadAddress {
        /// Scheme, host and port.
        address: String,
    },
    /// The token cannot be sent.
    #[error("the Vault token is empty or holds characters that no request header can carry")]
    BadToken,
    /// The connection was made, but what came over it is no complete answer.
    #[error("{operation}: the connection to Vault broke before there was a complete answer: {cause}")]
    BrokenAnswer {
        /// What was attempted.
        operation: Operation,
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
    /// The entry has another version than the write was made for.
    #[error("{operation}: somebody else wrote the entry in the meantime")]
    CasMismatch {
        /// What was attempted.
        operation: Operation,
    },
    /// The entry may only be written with a version, and the server saw none.
    #[error("{operation}: Vault missed the version in a check-and-set write")]
    CasRequired {
        /// What was attempted.
        operation: Operation,
    },
    /// The server turned our TLS certificate down, or wants one.
    #[error("{operation}: the server does not accept our TLS certificate: {cause}")]
    CertificateRefused {
        /// What was attempted.
        operation: Operation,
        /// What it said.
        cause: String,
    },
    /// What Vault is logged in to with cannot be read.
    #[error("cannot read what to log in to Vault with: {cause}")]
    Credential {
        /// What is wrong.
        cause: String,
    },
    /// The policies of our token do not allow it.
    #[error("{operation}: {} (HTTP 403)", forbidden(*token_may_be_over))]
    Forbidden {
        /// What was attempted.
        operation: Operation,
        /// Whether the token may be over as well: it may not look itself up.
        token_may_be_over: bool,
    },
    /// A certificate cannot be shown.
    #[error("cannot show Vault a TLS certificate: {path}: {cause}", path = path.display())]
    Identity {
        /// The file that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        cause: IdentityError,
    },
    /// Vault does not take what we log in with, or the token is over.
    #[error("{operation}: Vault refused the login (HTTP {status})")]
    LoginRefused {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// The answer is not what Vault answers.
    #[error("{operation}: the answer is not understood")]
    MalformedAnswer {
        /// What was attempted.
        operation: Operation,
    },
    /// Nothing is mounted there.
    #[error("{operation}: nothing is mounted there")]
    MissingMount {
        /// What was attempted.
        operation: Operation,
    },
    /// There is no such namespace.
    #[error("{operation}: the configured namespace does not exist")]
    MissingNamespace {
        /// What was attempted.
        operation: Operation,
    },
    /// A newer version of the rotator wrote the entry.
    #[error("{operation}: the entry has schema {schema}, and this program knows only {}", crate::SCHEMA)]
    NewerSchema {
        /// What was attempted.
        operation: Operation,
        /// The schema it has.
        schema: u64,
    },
    /// The field holds something else.
    #[error("{operation}: the field `{field}` holds no text")]
    NotAText {
        /// What was attempted.
        operation: Operation,
        /// The field.
        field: String,
    },
    /// The mount is no KV secrets engine.
    #[error("{operation}: the mount is no KV secrets engine")]
    NotKv {
        /// What was attempted.
        operation: Operation,
    },
    /// The mount is no KV v2 secrets engine.
    #[error("{operation}: the mount is no KV secrets engine of version 2")]
    NotKv2 {
        /// What was attempted.
        operation: Operation,
    },
    /// The rotator did not make the entry.
    #[error("{operation}: this is no entry of the rotator: it has no usable field `{field}`")]
    NotOurs {
        /// What was attempted.
        operation: Operation,
        /// What an entry of the rotator has.
        field: &'static str,
    },
    /// HTTP 429.
    #[error("{operation}: too many requests (HTTP 429){}", come_back(*until))]
    RateLimited {
        /// What was attempted.
        operation: Operation,
        /// When it may be tried again, if Vault said so.
        until: Option<Timestamp>,
    },
    /// The server points somewhere else.
    #[error("{operation}: the answer (HTTP {status}) is a redirect to {target}, which is not followed")]
    Redirected {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
        /// Scheme, host and port it points to.
        target: String,
    },
    /// Vault is sealed.
    #[error("{operation}: Vault is sealed")]
    Sealed {
        /// What was attempted.
        operation: Operation,
    },
    /// HTTP 5xx.
    #[error("{operation}: the server failed (HTTP {status}){}", come_back(*until))]
    Server {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
        /// When it may be tried again, if the server said so.
        until: Option<Timestamp>,
    },
    /// The node is a standby, and knows no leader.
    #[error("{operation}: this Vault node is a standby and cannot reach a leader (HTTP {status})")]
    Standby {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// Vault was just unsealed, or the engine just mounted.
    #[error("{operation}: Vault is still starting (HTTP {status})")]
    Starting {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// No answer in time.
    #[error("{operation}: no answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// What was attempted.
        operation: Operation,
        /// How long it was waited for.
        limit: Duration,
    },
    /// No trusted connection.
    #[error("{operation}: no secure connection: {cause}")]
    Tls {
        /// What was attempted.
        operation: Operation,
        /// What is wrong.
        cause: String,
        /// Whether the server's certificate is what is wrong.
        certificate: bool,
    },
    /// A status that has no meaning here.
    #[error("{operation}: the answer has the unexpected status HTTP {status}")]
    UnexpectedStatus {
        /// What was attempted.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// The wrapping token was made for something else than what is expected in it.
    #[error(
        "{operation}: the wrapping token does not come from there, but from {path}; it was left unopened"
    )]
    WrappedElsewhere {
        /// What was attempted.
        operation: Operation,
        /// The path of Vault that it was made at.
        path: String,
    },
    /// Nothing can be got out of the wrapping token any more, or ever could.
    #[error("{operation}: the wrapping token is used up, has ended, or never was one")]
    WrappingTokenOver {
        /// What was attempted.
        operation: Operation,
    },
    /// No connection.
    #[error("{operation}: {address} cannot be reached: {cause}")]
    Unreachable {
        /// What was attempted.
        operation: Operation,
        /// Scheme, host and port.
        address: String,
        /// What is wrong.
        cause: String,
    },
}

fn come_back(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!("; it asks to come back at {}", rfc3339(until)))
}

fn forbidden(token_may_be_over: bool) -> &'static str {
    if token_may_be_over {
        "the policies of the Vault token do not allow it, or the token has ended"
    } else {
        "the policies of the Vault token do not allow it"
    }
}

#[cfg(test)]
mod tests;
