//! Login: one request, whose answer has the token in its body or in a header.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracing::debug;
use url::Url;
use zeroize::Zeroizing;

use super::call::Call;
use super::{SYSTEM, refusal};
use crate::base_url::BaseUrl;
use crate::clock::later;
use crate::expiry::Arrival;
use crate::json::Fields;
use crate::transport::{self, Answer, Body, Patience, Request, is_token};
use crate::{Action, Attempt, BuildContext, Expiry, Identity, SourceError, Token, TokenSource, TokenUsage};

/// One user at one place, asking for one kind of token.
#[derive(Debug)]
pub(super) struct ZetaSafe {
    identity: Identity,
    credential: Credential,
    host: String,
    url: Url,
    /// Where the answer has the token.
    place: Place,
    ttl: Option<Duration>,
    context: BuildContext,
}

#[derive(Debug)]
pub(super) struct Credential {
    pub(super) username: String,
    pub(super) password: SecretString,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Body,
    Header,
}

impl ZetaSafe {
    pub(super) fn new(
        credential: Credential,
        base_url: &BaseUrl,
        call: &Call,
        ttl: Option<Duration>,
        context: BuildContext,
    ) -> Self {
        let url = call.url(base_url);
        // A token is good for one client only, which the query names: the tokens of two clients are not the same,
        // though it is the same user.
        let identity =
            Identity { system: SYSTEM.name, issuer: url.to_string(), subject: credential.username.clone() };
        let place = match call {
            Call::Role { .. } => Place::Header,
            Call::UserClient { .. } => Place::Body,
        };
        ZetaSafe { identity, credential, host: base_url.host(), url, place, ttl, context }
    }

    fn request(&self) -> Request {
        let attempt = Attempt::new(&SYSTEM, Action::Login, self.host.clone());
        let mut request = Request::new(attempt, Method::POST, self.url.clone(), Patience::Login);
        request.headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        request.body = Some(self.credential.body());
        request.passing = refusal::passing;
        request.secrets.push(self.credential.password.clone());
        request
    }

    fn token(&self, request: &Request, answer: &Answer) -> Result<Token, SourceError> {
        let value = match self.place {
            Place::Body => in_body(request, answer)?,
            Place::Header => in_header(request, answer)?,
        };
        if !is_token(value.expose_secret()) {
            return Err(answer.malformed(&request.attempt, "its token cannot be sent in a header"));
        }
        let end = self.ttl.and_then(|ttl| later(answer.received_at, ttl));
        let expiry = end.map_or(Expiry::Unknown, Expiry::Assumed);
        let token = Token::new(value, USAGE, self.identity.clone(), answer.received_at, expiry);
        Ok(token.arrived(Arrival::of(answer)))
    }
}

#[async_trait]
impl TokenSource for ZetaSafe {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        USAGE
    }

    async fn login(&self) -> Result<Token, SourceError> {
        let request = self.request();
        debug!(system = SYSTEM.name, host = %request.attempt.host, "logging in");
        let answer = transport::send(&self.context, &request).await?;
        if !answer.status.is_success() {
            return Err(refusal::failure(&request.attempt, &answer, &request.secrets));
        }
        self.token(&request, &answer)
    }
}

impl Credential {
    fn body(&self) -> Body {
        let body = LoginBody { username: &self.username, password: self.password.expose_secret() };
        // Two texts always make a JSON object.
        Body { content_type: JSON, bytes: Zeroizing::new(serde_json::to_vec(&body).unwrap_or_default()) }
    }
}

fn in_body(request: &Request, answer: &Answer) -> Result<SecretString, SourceError> {
    let attempt = &request.attempt;
    let fields =
        Fields::parse(&answer.body).map_err(|_| answer.malformed(attempt, "it is not a JSON object"))?;
    match fields.text("token") {
        Some(token) if !token.expose_secret().trim().is_empty() => Ok(token.clone()),
        None if !fields.is_null("token") => Err(answer.malformed(attempt, "its `token` is not a text")),
        _ => Err(refusal::no_token(attempt, answer, &fields, &request.secrets)),
    }
}

fn in_header(request: &Request, answer: &Answer) -> Result<SecretString, SourceError> {
    let attempt = &request.attempt;
    let value = answer.headers.get(X_AUTH_TOKEN).filter(|value| !value.is_empty()).ok_or_else(|| {
        // The body of such an answer is not described, so it may be anything.
        let fields = Fields::parse(&answer.body).unwrap_or_default();
        refusal::no_token(attempt, answer, &fields, &request.secrets)
    })?;
    let text =
        value.to_str().map_err(|_| answer.malformed(attempt, "its `x-auth-token` is not plain text"))?;
    Ok(text.into())
}

#[derive(Serialize)]
struct LoginBody<'a> {
    username: &'a str,
    password: &'a str,
}

const X_AUTH_TOKEN: &str = "x-auth-token";
const USAGE: TokenUsage = TokenUsage::fixed(X_AUTH_TOKEN, X_AUTH_TOKEN, "");
const JSON: &str = "application/json";
