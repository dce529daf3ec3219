//! What the API is asked, and what comes back.

use percent_encoding::utf8_percent_encode;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};

use crate::base_url::UNRESERVED;
use crate::json::Fields;
use crate::transport::Answer;
use crate::{Action, Attempt, Said, SourceError};

/// A question to the API.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) action: Action,
    /// Below the base URL.
    pub(super) path: &'static str,
    pub(super) arguments: Vec<(&'static str, String)>,
    /// The JSON to post. Without it something is read; with it, something is changed.
    pub(super) change: Option<Vec<u8>>,
    /// The largest answer that is read, where it is not the usual.
    pub(super) largest: Option<usize>,
}

impl Query {
    pub(super) fn new(action: Action, path: &'static str) -> Self {
        Query { action, path, arguments: Vec::new(), change: None, largest: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// The query part of the URL.
    pub(super) fn text(&self) -> Option<String> {
        let one =
            |(name, value): &(&str, String)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
        let all: Vec<String> = self.arguments.iter().map(one).collect();
        (!all.is_empty()).then(|| all.join("&"))
    }
}

/// What came back, with what is needed to speak about it.
pub(super) struct ApiAnswer {
    pub(super) attempt: Attempt,
    pub(super) secrets: Vec<SecretString>,
    pub(super) answer: Answer,
}

impl ApiAnswer {
    /// The answer if it is a good one. `unknown` makes the failure of a refusal that means that nothing matches what
    /// was asked for.
    pub(super) fn good(
        self,
        unknown: impl FnOnce(Attempt, u16, Said) -> SourceError,
    ) -> Result<Self, SourceError> {
        let status = self.answer.status.as_u16();
        // The API names its reason in JSON, or none; a gateway that does not know the path answers in plain text.
        let body = self.answer.body.trim_ascii();
        let nothing_found =
            status == 400 || (status == 404 && (body.is_empty() || Fields::parse(body).is_ok()));
        if self.answer.status.is_success() {
            Ok(self)
        } else if nothing_found {
            let said = self.said();
            Err(unknown(self.attempt, status, said))
        } else {
            Err(self.failure())
        }
    }

    /// What its status means if it means nothing special.
    pub(super) fn failure(&self) -> SourceError {
        self.answer.failure_saying(&self.attempt, self.said())
    }

    pub(super) fn malformed(&self, problem: &'static str) -> SourceError {
        self.answer.malformed(&self.attempt, problem)
    }

    pub(super) fn fields(&self) -> Result<Fields, SourceError> {
        Fields::parse(&self.answer.body).map_err(|_| self.malformed("it is not a JSON object"))
    }

    /// The failure that a rejected token is; `None` if it was accepted.
    pub(super) fn rejection(&self) -> Option<SourceError> {
        let (attempt, status) = (self.attempt.clone(), self.answer.status.as_u16());
        let is_rejection = self.answer.status == StatusCode::UNAUTHORIZED;
        is_rejection.then(|| SourceError::TokenRejected { attempt, status, said: self.said() })
    }

    /// Whether the 401 stands for a system under load rather than for a bad token.
    pub(super) fn sheds_load(&self) -> bool {
        let text = String::from_utf8_lossy(&self.answer.body).to_ascii_lowercase();
        text.contains("resource access blocked") || (text.contains("session") && text.contains("invalid"))
    }

    pub(super) fn said(&self) -> Said {
        let fields = Fields::parse(&self.answer.body).unwrap_or_default();
        let one = |name| {
            let in_text = || fields.text(name).map(|text| text.expose_secret().to_owned());
            let text = fields.number(name).map(|number| number.to_string()).or_else(in_text);
            Said::of(text, &self.secrets).labelled(name)
        };
        one("id").and(one("code")).and(Said::from_fields(&fields, &self.secrets))
    }
}
