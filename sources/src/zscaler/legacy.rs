//! The API with its own login: `POST /auth/v1/login`, and `GET /public/v1/getOtp` with the token from there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracing::debug;
use url::Url;
use zeroize::Zeroizing;

use super::{SYSTEM, Udid};
use crate::base_url::{BaseUrl, UNRESERVED};
use crate::expiry::{Arrival, expiry};
use crate::json::Fields;
use crate::transport::{self, Answer, Body, Patience, Request};
use crate::{Action, Attempt, BuildContext, Identity, Said, SourceError, Token, TokenSource, TokenUsage};

/// One API key at one place.
#[derive(Clone, Debug)]
pub(super) struct Legacy(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    identity: Identity,
    credential: Credential,
    base_url: BaseUrl,
    hint: Option<Arc<str>>,
    ttl: Option<Duration>,
    context: BuildContext,
}

/// An API key.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) api_key: String,
    pub(super) secret_key: SecretString,
}

impl Legacy {
    pub(super) fn new(
        credential: Credential,
        base_url: BaseUrl,
        hint: Option<String>,
        ttl: Option<Duration>,
        context: BuildContext,
    ) -> Self {
        let identity = Identity {
            system: SYSTEM.name,
            issuer: base_url.to_string(),
            subject: credential.api_key.clone(),
        };
        let hint = hint.map(Arc::from);
        Legacy(Arc::new(Parts { identity, credential, base_url, hint, ttl, context }))
    }

    /// Asks for the one-time passwords of a device. What the answer's status means is the caller's to say.
    pub(super) async fn request_otps(&self, token: &Token, udid: &Udid) -> Result<OtpAnswer, SourceError> {
        let mut url = self.0.base_url.join("public/v1/getOtp");
        url.set_query(Some(&format!("udid={}", utf8_percent_encode(udid.as_str(), UNRESERVED))));
        let mut request = self.request(Action::Otp, Method::GET, url, Patience::Read);
        request.secret_header(AUTH_TOKEN, &token.value);
        request.secrets.push(token.value.clone());
        let answer = transport::send(&self.0.context, &request).await?;
        if says_one_api(&answer) {
            return Err(not_allowed_here(&request.attempt, &answer));
        }
        Ok(OtpAnswer { attempt: request.attempt, secrets: request.secrets, answer })
    }

    fn request(&self, action: Action, method: Method, url: Url, patience: Patience) -> Request {
        let mut attempt = Attempt::new(&SYSTEM, action, self.0.base_url.host());
        attempt.hint.clone_from(&self.0.hint);
        let mut request = Request::new(attempt, method, url, patience);
        request.headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        request.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        request.bust_caches = true;
        request.secrets.push(self.0.credential.secret_key.clone());
        request
    }

    fn login_body(&self) -> Body {
        let Credential { api_key, secret_key } = &self.0.credential;
        let body = LoginBody { api_key, secret_key: secret_key.expose_secret() };
        // Two texts always make a JSON object.
        let bytes = Zeroizing::new(serde_json::to_vec(&body).unwrap_or_default());
        Body { content_type: JSON, bytes }
    }

    fn token(&self, attempt: &Attempt, answer: &Answer) -> Result<Token, SourceError> {
        let fields =
            Fields::parse(&answer.body).map_err(|_| answer.malformed(attempt, "it is not a JSON object"))?;
        let secrets = std::slice::from_ref(&self.0.credential.secret_key);
        let value = match fields.text("jwtToken") {
            Some(value) if !value.expose_secret().is_empty() => value.clone(),
            _ => {
                let (attempt, status) = (attempt.clone(), answer.status.as_u16());
                let said = Said::from_fields(&fields, secrets);
                return Err(SourceError::NoToken { attempt, status, said });
            }
        };
        if transport::secret_header_value(value.expose_secret()).is_none() {
            return Err(answer.malformed(attempt, "its `jwtToken` cannot be sent in a header"));
        }
        let (issued_at, ttl) = (answer.received_at, self.0.ttl);
        let arrival = Arrival { at: issued_at, issuer_time: answer.date() };
        let expiry = expiry(value.expose_secret(), arrival, ttl).map_err(|ended_at| {
            let now = arrival.issuer_time.unwrap_or(issued_at);
            SourceError::ExpiredOnArrival { attempt: attempt.clone(), ended_at, now }
        })?;
        Ok(Token::new(value, USAGE, self.0.identity.clone(), issued_at, expiry))
    }
}

#[async_trait]
impl TokenSource for Legacy {
    fn identity(&self) -> &Identity {
        &self.0.identity
    }

    fn usage(&self) -> TokenUsage {
        USAGE
    }

    async fn login(&self) -> Result<Token, SourceError> {
        let url = self.0.base_url.join("auth/v1/login");
        let mut request = self.request(Action::Login, Method::POST, url, Patience::Login);
        request.body = Some(self.login_body());
        debug!(system = SYSTEM.name, host = %request.attempt.host, "logging in");
        let answer = transport::send(&self.0.context, &request).await?;
        if says_one_api(&answer) {
            return Err(not_allowed_here(&request.attempt, &answer));
        }
        if !answer.status.is_success() {
            return Err(answer.failure(&request.attempt, &request.secrets));
        }
        self.token(&request.attempt, &answer)
    }
}

/// What came back for a device, with what is needed to speak about it.
pub(super) struct OtpAnswer {
    pub(super) attempt: Attempt,
    pub(super) secrets: Vec<SecretString>,
    pub(super) answer: Answer,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginBody<'a> {
    api_key: &'a str,
    secret_key: &'a str,
}

/// Tenants that were moved answer in prose.
fn says_one_api(answer: &Answer) -> bool {
    Fields::parse(&answer.body).is_err()
        && String::from_utf8_lossy(&answer.body).to_ascii_lowercase().contains("oneapi")
}

fn not_allowed_here(attempt: &Attempt, answer: &Answer) -> SourceError {
    SourceError::NotAllowedHere { attempt: attempt.clone(), status: answer.status.as_u16() }
}

const USAGE: TokenUsage = TokenUsage::fixed("JWT", "auth-token", "");
const AUTH_TOKEN: HeaderName = HeaderName::from_static("auth-token");
const JSON: &str = "application/json";
