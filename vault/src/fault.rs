//! What came instead of a good answer, before it is known what it means for what was attempted.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use tokenferry_sources::Timestamp;

use crate::{Operation, VaultError};

/// Travels through the HTTP layer of others, who may print it: it says nothing but the status.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    /// Something before or beside HTTP.
    #[error("no answer")]
    NoAnswer(NoAnswer),
    /// An answer that is no success.
    #[error("HTTP {}", .0.status)]
    Rejected(Rejection),
    /// HTTP 403 for a token that may not look itself up, and of which nobody knows whether it is over.
    #[error("HTTP 403")]
    ForbiddenOrOver,
    /// A success that is not understood.
    #[error("not understood")]
    Malformed,
    /// A success without a body, where one should be.
    #[error("empty")]
    Empty,
}

#[derive(Debug)]
pub(crate) enum NoAnswer {
    Broken(String),
    Client(VaultError),
    OurCertificate(String),
    Redirected { status: u16, target: String },
    TimedOut(Duration),
    Tls { cause: String, certificate: bool },
    Unreachable { address: String, cause: String },
}

/// The status, and what is recognised of Vault's texts. The texts themselves are dropped: they may repeat things.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) saying: Option<Saying>,
    pub(crate) until: Option<Timestamp>,
}

/// What only the text of an answer tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Saying {
    CasMismatch,
    CasRequired,
    NoHandler,
    NoNamespace,
    NotLeader,
    /// That there is nothing: no error at all, a version without its data, or a warning about the path.
    Nothing,
    /// Something else, in the form that Vault gives to its errors.
    Other,
    ReadOnly,
    Sealed,
    Unsupported,
    Upgrading,
}

impl Rejection {
    pub(crate) fn new(status: u16, body: &[u8], until: Option<Timestamp>) -> Self {
        Rejection { status, saying: Saying::of(body), until }
    }
}

impl Saying {
    fn of(body: &[u8]) -> Option<Self> {
        let Form { errors, data, warnings } = serde_json::from_slice(body).ok()?;
        let Some(errors) = errors else {
            let tells = data.is_some_and(|data| data.metadata.is_some()) || warnings.is_some();
            return tells.then_some(Saying::Nothing);
        };
        let says = |part: &str| errors.iter().any(|text| text.contains(part));
        let known = SAYINGS.iter().find(|(part, _)| says(part)).map(|(_, saying)| *saying);
        Some(known.unwrap_or(if errors.is_empty() { Saying::Nothing } else { Saying::Other }))
    }
}

/// What Vault answers instead of a success, as far as it matters. Other servers answer something else.
#[derive(Deserialize)]
struct Form {
    errors: Option<Vec<String>>,
    data: Option<Version>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Version {
    metadata: Option<Map<String, Value>>,
}

/// The first that fits wins.
const SAYINGS: [(&str, Saying); 11] = [
    ("check-and-set parameter did not match", Saying::CasMismatch),
    ("check-and-set parameter required", Saying::CasRequired),
    ("no handler for route", Saying::NoHandler),
    ("namespace not found", Saying::NoNamespace),
    ("read-only storage", Saying::ReadOnly),
    ("readonly storage", Saying::ReadOnly),
    ("unsupported", Saying::Unsupported),
    ("from non-versioned to versioned", Saying::Upgrading),
    ("sealed", Saying::Sealed),
    ("not active", Saying::NotLeader),
    ("active cluster node", Saying::NotLeader),
];

impl Fault {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Fault::ForbiddenOrOver => Some(403),
            Fault::Rejected(rejection) => Some(rejection.status),
            _ => None,
        }
    }

    /// A 404 of Vault itself that says that there is nothing, and not that the way to it is wrong.
    pub(crate) fn is_nothing_there(&self) -> bool {
        matches!(self, Fault::Rejected(Rejection { status: 404, saying: Some(Saying::Nothing), .. }))
    }

    /// A 404 of somebody else, such as a web server or a proxy.
    fn is_of_a_stranger(&self) -> bool {
        matches!(self, Fault::Rejected(Rejection { status: 404, saying: None, .. }))
    }

    /// Whether the same could succeed under another path: it is not here, not for us, or something else.
    pub(crate) fn leaves_open(&self) -> bool {
        self.is_nothing_there()
            || self.is_of_a_stranger()
            || matches!(self.status(), Some(403 | 405))
            || matches!(self, Fault::Malformed | Fault::Empty)
    }

    /// What it means for what was attempted.
    pub(crate) fn during(self, operation: Operation) -> VaultError {
        match self {
            Fault::NoAnswer(no_answer) => no_answer.during(operation),
            Fault::ForbiddenOrOver => VaultError::Forbidden { operation, token_may_be_over: true },
            Fault::Rejected(rejection) => rejection.during(operation),
            Fault::Malformed => VaultError::MalformedAnswer { operation },
            Fault::Empty => no_kv(operation),
        }
    }
}

impl NoAnswer {
    fn during(self, operation: Operation) -> VaultError {
        match self {
            NoAnswer::Broken(cause) => VaultError::BrokenAnswer { operation, cause },
            NoAnswer::Client(error) => error,
            NoAnswer::OurCertificate(cause) => VaultError::CertificateRefused { operation, cause },
            NoAnswer::Redirected { status, target } => VaultError::Redirected { operation, status, target },
            NoAnswer::TimedOut(limit) => VaultError::TimedOut { operation, limit },
            NoAnswer::Tls { cause, certificate } => VaultError::Tls { operation, cause, certificate },
            NoAnswer::Unreachable { address, cause } => VaultError::Unreachable { operation, address, cause },
        }
    }
}

impl Rejection {
    fn during(self, operation: Operation) -> VaultError {
        use VaultError as E;
        let Rejection { status, saying, until } = self;
        let login = operation.is_about_our_token();
        match (status, saying) {
            (_, Some(Saying::NoNamespace)) => E::MissingNamespace { operation },
            (400, Some(Saying::CasMismatch)) => E::CasMismatch { operation },
            (400, Some(Saying::CasRequired)) => E::CasRequired { operation },
            (_, Some(Saying::ReadOnly | Saying::Upgrading)) => E::Starting { operation, status },
            (404, Some(Saying::NoHandler)) => E::MissingMount { operation },
            (400 | 401 | 403, _) if login => E::LoginRefused { operation, status },
            (403, _) => E::Forbidden { operation, token_may_be_over: false },
            (404, None) => E::MalformedAnswer { operation },
            (404 | 405, _) if matches!(operation, Operation::Login(..)) => E::MissingMount { operation },
            (404 | 405, _) if login => E::MalformedAnswer { operation },
            (404 | 405, _) => no_kv(operation),
            (400, _) => E::BadRequest { operation },
            (429, _) => E::RateLimited { operation, until },
            (503, Some(Saying::Sealed)) => E::Sealed { operation },
            (412 | 472 | 473, _) | (500 | 503, Some(Saying::NotLeader)) => E::Standby { operation, status },
            (408 | 500..=599, _) => E::Server { operation, status, until },
            _ => E::UnexpectedStatus { operation, status },
        }
    }
}

fn no_kv(operation: Operation) -> VaultError {
    match operation {
        Operation::Read(_) => VaultError::NotKv { operation },
        _ if operation.is_about_our_token() => VaultError::MalformedAnswer { operation },
        _ => VaultError::NotKv2 { operation },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuthMethod, KvPath};

    fn class(status: u16, error: &str, operation: Operation) -> String {
        let body = serde_json::json!({ "errors": [error] }).to_string();
        let rejection = Rejection::new(status, body.as_bytes(), None);
        Fault::Rejected(rejection).during(operation).class().to_owned()
    }

    fn write() -> Operation {
        Operation::Write(KvPath::new("kv", "a"))
    }

    fn read() -> Operation {
        Operation::Read(KvPath::new("kv", "a"))
    }

    #[test]
    fn answers_of_vault_are_told_apart() {
        let cases = [
            (400, "check-and-set parameter did not match the current version", "cas_lost"),
            (400, "check-and-set parameter required for this call", "vault_cas_required"),
            (400, "something else", "vault_bad_request"),
            (403, "permission denied", "vault_forbidden"),
            (404, "no handler for route \"kv/data/a\". route entry not found.", "vault_missing_mount"),
            (404, "namespace not found", "vault_missing_namespace"),
            (405, "1 error occurred: * unsupported operation", "vault_wrong_engine"),
            (412, "", "vault_standby"),
            (418, "", "vault_unexpected_status"),
            (429, "rate limit quota exceeded", "vault_rate_limited"),
            (500, "cannot write to readonly storage", "vault_starting"),
            (
                400,
                "Waiting for the primary to upgrade from non-versioned to versioned data.",
                "vault_starting",
            ),
            (500, "local node not active but active cluster node not found", "vault_standby"),
            (500, "internal error", "vault_server_error"),
            (502, "", "vault_server_error"),
            (503, "OpenBao is sealed", "vault_sealed"),
            (503, "", "vault_server_error"),
        ];
        for (status, error, expected) in cases {
            assert_eq!(class(status, error, write()), expected, "{status} {error}");
        }
    }

    #[test]
    fn the_same_answer_to_a_login_means_that_it_was_refused() {
        let login = || Operation::Login(AuthMethod::AppRole, "approle".into());
        assert_eq!(class(400, "invalid role or secret ID", login()), "vault_login_refused");
        assert_eq!(class(403, "permission denied", login()), "vault_login_refused");
        assert_eq!(class(404, "no handler for route", login()), "vault_missing_mount");
        assert_eq!(class(503, "Vault is sealed", login()), "vault_sealed");
    }

    #[test]
    fn no_login_is_about_an_engine() {
        let login = || Operation::Login(AuthMethod::AppRole, "approle".into());
        for status in [404, 405] {
            assert_eq!(class(status, "unsupported operation", login()), "vault_missing_mount");
            for operation in [Operation::LookUp, Operation::Renew] {
                assert_eq!(class(status, "unsupported operation", operation), "vault_malformed_answer");
            }
        }
        assert_eq!(Fault::Empty.during(login()).class(), "vault_malformed_answer");
        let advice = VaultError::MissingMount { operation: login() }.advice();
        assert!(advice.contains("auth method") && !advice.contains("engine"), "{advice}");
    }

    #[test]
    fn only_vault_itself_says_that_there_is_nothing() {
        let fault = |body: &str| Fault::Rejected(Rejection::new(404, body.as_bytes(), None));
        for (body, why) in [
            (r#"{"errors":[]}"#, "there never was anything"),
            (r#"{"data":{"data":null,"metadata":{"version":2}}}"#, "it was deleted"),
            (r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine"]}"#, "moved"),
        ] {
            assert!(fault(body).is_nothing_there(), "{why}");
        }
        for body in ["", "<html>not found</html>", "{}", "[]", r#"{"error":"not_found"}"#, r#"{"data":{}}"#] {
            assert!(!fault(body).is_nothing_there(), "{body}");
            assert_eq!(fault(body).during(read()).class(), "vault_malformed_answer", "{body}");
        }
        for body in [r#"{"errors":["namespace not found"]}"#, r#"{"errors":["anything"]}"#] {
            assert!(!fault(body).is_nothing_there(), "{body}");
        }
    }

    #[test]
    fn no_text_of_the_server_gets_into_an_error() {
        let body = br#"{"errors":["hunter2 unsupported"],"auth":{"client_token":"hunter2"}}"#;
        let fault = Fault::Rejected(Rejection::new(500, body, None));
        let shown = format!("{fault} {fault:?}");
        let error = fault.during(write());
        assert!(!format!("{shown} {error} {error:?} {}", error.advice()).contains("hunter2"));
    }
}
