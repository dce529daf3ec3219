//! The login with an API key of the Client Connector portal: `POST /auth/v1/login`.

use reqwest::Method;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::client::Issued;
use crate::base_url::BaseUrl;
use crate::json::Fields;
use crate::transport::{Answer, Body, Patience, Request};
use crate::{Attempt, Said, SourceError, TokenUsage};

/// An API key.
#[derive(Debug)]
pub(super) struct ApiKey {
    pub(super) api_key: String,
    pub(super) secret_key: SecretString,
}

impl ApiKey {
    pub(super) fn request(&self, attempt: Attempt, base_url: &BaseUrl) -> Request {
        let url = base_url.join("auth/v1/login");
        let mut request = Request::new(attempt, Method::POST, url, Patience::Login);
        request.bust_caches = true;
        request.body = Some(self.body());
        request
    }

    fn body(&self) -> Body {
        let body = LoginBody { api_key: &self.api_key, secret_key: self.secret_key.expose_secret() };
        // Two texts always make a JSON object.
        let bytes = Zeroizing::new(serde_json::to_vec(&body).unwrap_or_default());
        Body { content_type: "application/json", bytes }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginBody<'a> {
    api_key: &'a str,
    secret_key: &'a str,
}

/// Reads the answer to a login. A good status alone says nothing: refusals come with 200 too.
pub(super) fn issued(request: &Request, answer: &Answer) -> Result<Issued, SourceError> {
    let attempt = &request.attempt;
    if !answer.status.is_success() {
        return Err(answer.failure(attempt, &request.secrets));
    }
    let fields =
        Fields::parse(&answer.body).map_err(|_| answer.malformed(attempt, "it is not a JSON object"))?;
    match fields.text("jwtToken") {
        Some(token) if !token.expose_secret().trim().is_empty() => {
            Ok(Issued { token: token.clone(), life: None })
        }
        _ => Err(no_token(request, answer, &fields)),
    }
}

/// An answer like a good one, but without a token.
pub(super) fn no_token(request: &Request, answer: &Answer, fields: &Fields) -> SourceError {
    let said = Said::from_fields(fields, &request.secrets);
    SourceError::NoToken { attempt: request.attempt.clone(), status: answer.status.as_u16(), said }
}

/// Whether a tenant says that it was moved: in prose, while a device of that name stands in JSON.
pub(super) fn says_one_api(answer: &Answer) -> bool {
    serde_json::from_slice::<IgnoredAny>(&answer.body).is_err()
        && String::from_utf8_lossy(&answer.body).to_ascii_lowercase().contains("oneapi")
}

pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("auth-token");
pub(super) const USAGE: TokenUsage = TokenUsage::fixed("JWT", "auth-token", "");
