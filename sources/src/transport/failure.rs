//! From the errors of the HTTP library to ours.

use super::link_local::LinkLocal;
use crate::cause::{chain, deepest_cause, one_line, tls_error};
use crate::{Attempt, SourceError};

/// What a transport error means. Its URL is dropped: the query could hold something.
pub(super) fn transport(attempt: &Attempt, error: reqwest::Error) -> SourceError {
    let error = error.without_url();
    let attempt = attempt.clone();
    if let Some(refused) = chain(&error).find_map(|cause| cause.downcast_ref::<LinkLocal>()) {
        return SourceError::LinkLocal { attempt, address: refused.0 };
    }
    if let Some(tls) = chain(&error).find_map(tls_error) {
        let certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
        return SourceError::Tls { attempt, cause: one_line(&tls.to_string()), certificate };
    }
    let cause = deepest_cause(&error);
    if error.is_connect() && cause.ends_with(PROXY_REFUSAL) {
        return SourceError::ProxyRefused { attempt };
    }
    if !error.is_connect() {
        return SourceError::BrokenAnswer { attempt, cause };
    }
    let cause = if error.is_timeout() { "no answer to the attempt to connect".to_owned() } else { cause };
    SourceError::Unreachable { attempt, cause }
}

/// What the HTTP library makes of a 407 before it can speak TLS. It hides the type of this error.
const PROXY_REFUSAL: &str = "proxy authorization required";
