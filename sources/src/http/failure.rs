//! From the errors of the HTTP library to ours.

use std::error::Error;
use std::io;

use crate::{Attempt, SourceError};

/// What a transport error means. Its URL is dropped: the query could hold something.
pub(super) fn transport(attempt: &Attempt, error: reqwest::Error) -> SourceError {
    let error = error.without_url();
    let attempt = attempt.clone();
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

/// The text of the innermost cause, which is the one that says something.
pub(super) fn deepest_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(|cause| one_line(&cause.to_string())).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// rustls hides its errors inside of I/O errors, sometimes twice, and those skip what they hold in their own
/// chain of causes.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match held {
        Some(held) => tls_error(held),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

/// What the HTTP library makes of a 407 before it can speak TLS. It hides the type of this error.
const PROXY_REFUSAL: &str = "proxy authorization required";

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
