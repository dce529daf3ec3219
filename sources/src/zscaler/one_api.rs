//! The login with an API client of ZIdentity: OAuth 2 client credentials.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::client::Issued;
use super::legacy::no_token;
use crate::assertion::{Claims, NotSigned, Signer};
use crate::base_url::BaseUrl;
use crate::json::Fields;
use crate::transport::{Answer, Body, Patience, Request};
use crate::{Attempt, SourceError, Timestamp, TokenUsage};

/// An API client of ZIdentity.
#[derive(Debug)]
pub(super) struct ApiClient {
    pub(super) client_id: String,
    pub(super) proof: Proof,
    pub(super) token_url: BaseUrl,
}

/// What proves that it is the client who asks.
#[derive(Debug)]
pub(super) enum Proof {
    Key(Box<Signer>),
    Secret(SecretString),
}

impl Proof {
    /// What is sent as it is.
    pub(super) fn secret(&self) -> Option<&SecretString> {
        match self {
            Proof::Key(_) => None,
            Proof::Secret(secret) => Some(secret),
        }
    }
}

impl ApiClient {
    pub(super) fn request(&self, attempt: Attempt, now: Timestamp) -> Result<Request, SourceError> {
        let url = self.token_url.url().clone();
        let mut request = Request::new(attempt, Method::POST, url, Patience::Login);
        let claims =
            Claims { client_id: &self.client_id, audience: AUDIENCE, now, life_secs: ASSERTION_LIFE_SECS };
        let (name, proof) = match &self.proof {
            Proof::Secret(secret) => ("client_secret", secret.clone()),
            Proof::Key(key) => {
                let assertion = key.sign(&claims, None);
                ("client_assertion", assertion.map_err(|error| not_signed(&request.attempt, error))?)
            }
        };
        request.body = Some(self.body(name, &proof));
        request.secrets.push(proof);
        Ok(request)
    }

    fn body(&self, name: &str, proof: &SecretString) -> Body {
        // Of its final size from the start: a text that grows leaves copies behind.
        let room = 3 * (proof.expose_secret().len() + self.client_id.len()) + 512;
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(room));
        form.append_pair("grant_type", "client_credentials").append_pair("client_id", &self.client_id);
        form.append_pair(name, proof.expose_secret());
        if matches!(self.proof, Proof::Key(_)) {
            form.append_pair("client_assertion_type", ASSERTION_TYPE);
        }
        form.append_pair("audience", AUDIENCE);
        let bytes = Zeroizing::new(form.finish().into_bytes());
        Body { content_type: "application/x-www-form-urlencoded", bytes }
    }
}

fn not_signed(attempt: &Attempt, error: NotSigned) -> SourceError {
    let problem = format!("to sign with: {error}").into();
    SourceError::UnusableValue { attempt: attempt.clone(), value: "private_key".into(), problem }
}

/// Reads the answer of the token endpoint.
pub(super) fn issued(request: &Request, answer: &Answer) -> Result<Issued, SourceError> {
    let attempt = &request.attempt;
    if !answer.status.is_success() {
        return Err(answer.failure(attempt, &request.secrets));
    }
    let fields =
        Fields::parse(&answer.body).map_err(|_| answer.malformed(attempt, "it is not a JSON object"))?;
    match fields.text("access_token") {
        Some(token) if !token.expose_secret().trim().is_empty() => {
            Ok(Issued { token: token.clone(), life: fields.lenient_number("expires_in") })
        }
        _ => Err(no_token(request, answer, &fields)),
    }
}

pub(super) const USAGE: TokenUsage = TokenUsage::fixed("Bearer", "Authorization", "Bearer ");
/// The same on all clouds.
const AUDIENCE: &str = "https://api.zscaler.com";
const ASSERTION_LIFE_SECS: i64 = 600;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
