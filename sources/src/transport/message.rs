//! Requests and answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::wait;
use crate::clock::{in_writing, later};
use crate::json::Fields;
use crate::{Attempt, Said, SourceError, Timestamp};

/// One request, which may have to be sent more than once.
pub(crate) struct Request {
    pub(crate) attempt: Attempt,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Body>,
    pub(crate) patience: Patience,
    /// Whether every copy gets a query argument of its own, against caches in between.
    pub(crate) bust_caches: bool,
    /// The most time that all tries may take, where it is less than the settings allow.
    pub(crate) limit: Option<Duration>,
    /// The most that may be waited in all when the system asks for it, where it is less than the settings allow.
    pub(crate) max_wait: Option<Duration>,
    /// The largest body of an answer that is read, in bytes.
    pub(crate) largest: usize,
    /// The status that an answer means, where it stands for a passing failure although its own status does not say
    /// so. It is tried again as if it had that; the last one is given to the caller.
    pub(crate) passing: fn(&Answer) -> Option<u16>,
    /// The path for messages, where that of the URL may hold something secret.
    pub(crate) shown_path: Option<Arc<str>>,
    /// Whether hosts with link-local addresses are left alone.
    pub(crate) refuse_link_local: bool,
    /// What must not show up in messages.
    pub(crate) secrets: Vec<SecretString>,
}

/// What is sent along, and what kind of thing it is.
pub(crate) struct Body {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// What to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Patience {
    /// What was certainly not carried out: it never reached the server, or exceeds a limit. No redirect is followed.
    Change,
    /// Nothing: somebody else decides.
    Once,
    /// Broken connections, limits and failures of the server.
    Login,
    /// As a login, and requests that took the server too long.
    Read,
}

impl Request {
    pub(crate) fn new(attempt: Attempt, method: Method, url: Url, patience: Patience) -> Self {
        Request {
            attempt,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            patience,
            bust_caches: false,
            limit: None,
            max_wait: None,
            largest: LARGEST,
            passing: |_| None,
            shown_path: None,
            refuse_link_local: false,
            secrets: Vec::new(),
        }
    }

    /// Adds a header that no log may show. A value that cannot be sent is left out, and `false` says so.
    pub(crate) fn secret_header(&mut self, name: HeaderName, value: &SecretString) -> bool {
        let Some(value) = secret_header_value(value.expose_secret()) else { return false };
        self.headers.insert(name, value);
        true
    }
}

/// No token and no device's passwords come near it.
const LARGEST: usize = 1024 * 1024;

/// RFC 6749, sections 4.1.2.1 and 5.2.
const REFUSALS: [&str; 4] = ["access_denied", "invalid_client", "invalid_grant", "unauthorized_client"];

/// Whether a text can be sent as a token and arrives as it is: blanks around it would be lost on the way.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && secret_header_value(text).is_some()
}

/// A header value that no log shows; `None` if the text cannot stand in a header.
pub(crate) fn secret_header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads a date as HTTP writes it.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    in_writing(date.to_utc())
}

/// What came back.
pub(crate) struct Answer {
    /// The path that was asked for, before any redirect.
    pub(crate) path: Arc<str>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) received_at: Timestamp,
    /// How much of the time for it the exchange took, without the waits that were asked for.
    pub(crate) spent: Duration,
    /// How long it was waited because the system asked for it.
    pub(crate) waited: Duration,
}

impl Answer {
    /// The value of a header, if it is plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What the other side's clock showed.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        http_date(self.header("date")?)
    }

    pub(crate) fn malformed(&self, attempt: &Attempt, problem: &'static str) -> SourceError {
        SourceError::Malformed { attempt: attempt.clone(), status: self.status.as_u16(), problem }
    }

    /// The failure that a status means wherever a system has no meaning of its own for it.
    pub(crate) fn failure(&self, attempt: &Attempt, secrets: &[SecretString]) -> SourceError {
        self.failure_saying(attempt, Said::from_body(&self.body, secrets))
    }

    /// The same where the system's words stand elsewhere in the answer.
    pub(crate) fn failure_saying(&self, attempt: &Attempt, said: Said) -> SourceError {
        let (attempt, status) = (attempt.clone(), self.status.as_u16());
        match status {
            400 if !self.refuses_client() => SourceError::BadRequest { attempt, status, said },
            400 | 401 => SourceError::LoginRefused { attempt, status, said },
            403 => SourceError::NoAccess { attempt, status, said },
            404 => SourceError::NotFound { attempt, path: self.path.clone(), status, said },
            407 => SourceError::ProxyRefused { attempt },
            408 => SourceError::GatewayTimedOut { attempt, status, said },
            429 => SourceError::RateLimited { attempt, status, until: self.until(status) },
            500..=599 => SourceError::ServerError { attempt, status, said, until: self.until(status) },
            _ => SourceError::UnexpectedStatus { attempt, status, said },
        }
    }

    /// When it asks to come back, if it means this status.
    pub(crate) fn until(&self, meant: u16) -> Option<Timestamp> {
        later(self.received_at, wait::asked(self, meant)?)
    }

    /// Whether it names one of the reasons for which OAuth servers refuse a credential. Most do so with a 400.
    fn refuses_client(&self) -> bool {
        let fields = Fields::parse(&self.body).unwrap_or_default();
        fields.text("error").is_some_and(|error| REFUSALS.contains(&error.expose_secret()))
    }
}
