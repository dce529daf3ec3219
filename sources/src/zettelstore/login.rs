//! Login by `POST a`, refresh by `PUT a`.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::{debug, warn};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::SYSTEM;
use super::answer::Issued;
use crate::base_url::BaseUrl;
use crate::clock::later;
use crate::expiry::Arrival;
use crate::transport::{self, Answer, Body, Patience, Request};
use crate::{
    Action, Attempt, BuildContext, Expiry, FailureClass, Identity, NamedFailure, Said, SourceError, Token,
    TokenNote, TokenSource, TokenUsage, Verification,
};

/// One user at one server.
#[derive(Debug)]
pub(super) struct Zettelstore {
    identity: Identity,
    credential: Credential,
    base_url: BaseUrl,
    /// Whether a server that gives its token to everybody will not do.
    protected: bool,
    context: BuildContext,
}

#[derive(Debug)]
pub(super) struct Credential {
    pub(super) username: String,
    pub(super) password: SecretString,
    pub(super) method: Method,
}

/// How a credential is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    Basic,
    Form,
}

impl Method {
    /// The configured one, unless the user name cannot be sent that way.
    pub(super) fn of(text: &str, username: &str) -> Self {
        if text == "form" || username.contains(':') { Method::Form } else { Method::Basic }
    }
}

impl Zettelstore {
    pub(super) fn new(
        credential: Credential,
        base_url: BaseUrl,
        protected: bool,
        context: BuildContext,
    ) -> Self {
        let identity = Identity {
            system: SYSTEM.name,
            issuer: format!("{base_url}/"),
            subject: credential.username.clone(),
        };
        Zettelstore { identity, credential, base_url, protected, context }
    }

    fn request(&self, action: Action, method: reqwest::Method, patience: Patience) -> Request {
        self.request_to("a", action, method, patience)
    }

    fn request_to(&self, path: &str, action: Action, method: reqwest::Method, patience: Patience) -> Request {
        let attempt = Attempt::new(&SYSTEM, action, self.base_url.host());
        let mut request = Request::new(attempt, method, self.base_url.join(path), patience);
        request.secrets.push(self.credential.password.clone());
        request
    }

    fn login_request(&self, limit: Option<Duration>) -> Request {
        let mut request = self.request(Action::Login, reqwest::Method::POST, Patience::Login);
        request.limit = limit;
        match self.credential.method {
            Method::Basic => {
                let pair = self.credential.basic();
                request.secret_header(AUTHORIZATION, &format!("Basic {}", pair.expose_secret()).into());
                request.secrets.push(pair);
            }
            Method::Form => request.body = Some(self.credential.form()),
        }
        request
    }

    async fn login_within(&self, limit: Option<Duration>) -> Result<Token, SourceError> {
        let request = self.login_request(limit);
        debug!(system = SYSTEM.name, host = %request.attempt.host, "logging in");
        let answer = transport::send(&self.context, &request).await?;
        self.token(&request, &answer)
    }

    async fn put(&self, old: &Token) -> Result<Token, SourceError> {
        let mut request = self.request(Action::Refresh, reqwest::Method::PUT, Patience::Once);
        request.limit = Some((self.timeout() / 2).min(PUT_TIMEOUT));
        request.secret_header(AUTHORIZATION, &old.header_value());
        request.secrets.push(old.value.clone());
        let answer = transport::send(&self.context, &request).await?;
        let token = self.token(&request, &answer)?;
        Ok(if is_same(&token, old) { Token { issued_at: old.issued_at, ..token } } else { token })
    }

    fn timeout(&self) -> Duration {
        self.context.http.settings().timeout
    }

    fn token(&self, request: &Request, answer: &Answer) -> Result<Token, SourceError> {
        let attempt = &request.attempt;
        if !answer.status.is_success() {
            return Err(answer.failure(attempt, &request.secrets));
        }
        let issued = Issued::parse(&answer.body).map_err(|problem| answer.malformed(attempt, problem))?;
        if issued.life.is_zero() {
            return Err(SourceError::LifetimeZero { attempt: attempt.clone() });
        }
        let end = later(answer.received_at, issued.life);
        let end = end.ok_or_else(|| answer.malformed(attempt, "its token ends beyond the calendar"))?;
        let free = issued.token.expose_secret() == FREE_ACCESS;
        if free && self.protected {
            let (attempt, status) = (attempt.clone(), answer.status.as_u16());
            return Err(SourceError::Named { attempt, status, failure: &UNPROTECTED, said: Said::default() });
        }
        let (identity, arrival) = (self.identity.clone(), Arrival::of(answer));
        let mut token =
            Token::new(issued.token, USAGE, identity, arrival.at, Expiry::Reported(end)).arrived(arrival);
        if free {
            warn!(system = SYSTEM.name, host = %attempt.host, "the server does not authenticate anybody");
            token.notes.push(TokenNote::FreeAccess);
        }
        Ok(token)
    }
}

#[async_trait]
impl TokenSource for Zettelstore {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        USAGE
    }

    async fn login(&self) -> Result<Token, SourceError> {
        self.login_within(None).await
    }

    /// The server refuses refreshes that look right, for example from its own machine if it trusts that: so a
    /// login follows whatever happened. It has the time that is left, and one more second for the delay that the
    /// server puts into every login.
    async fn refresh(&self, old: &Token) -> Result<Token, SourceError> {
        let started = Instant::now();
        match self.put(old).await {
            Ok(token) => Ok(token),
            Err(error) => {
                debug!(system = SYSTEM.name, class = %error.class(), "not refreshed; logging in");
                let whole = self.timeout().saturating_add(LOGIN_DELAY);
                self.login_within(Some(in_tenths(whole.saturating_sub(started.elapsed())))).await
            }
        }
    }

    /// Only a plain "no" counts: old releases do not know the question, and a proxy may not pass it on.
    async fn verify(&self, token: &Token) -> Result<Verification, SourceError> {
        let mut request = self.request_to("x", Action::Verify, reqwest::Method::POST, Patience::Read);
        request.url.set_query(Some("cmd=authenticated"));
        request.secret_header(AUTHORIZATION, &token.header_value());
        request.secrets.push(token.value.clone());
        let answer = transport::send(&self.context, &request).await?;
        match answer.status.as_u16() {
            204 => Ok(Verification::Good),
            status @ 401 => {
                let said = Said::from_body(&answer.body, &request.secrets);
                Err(SourceError::TokenRejected { attempt: request.attempt, status, said })
            }
            408 | 429 | 500..=599 => Err(answer.failure(&request.attempt, &request.secrets)),
            status => {
                debug!(system = SYSTEM.name, status, "the server cannot say whether the token is good");
                Ok(Verification::CannotTell)
            }
        }
    }
}

impl Credential {
    fn basic(&self) -> SecretString {
        let pair = Zeroizing::new(format!("{}:{}", self.username, self.password.expose_secret()));
        STANDARD.encode(pair.as_bytes()).into()
    }

    fn form(&self) -> Body {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", &self.username).append_pair("password", self.password.expose_secret());
        let bytes = Zeroizing::new(form.finish().into_bytes());
        Body { content_type: "application/x-www-form-urlencoded", bytes }
    }
}

/// While a token is young, the server gives it again instead of a new one: its life began with the old one then.
fn is_same(token: &Token, old: &Token) -> bool {
    token.value.expose_secret() == old.value.expose_secret()
}

/// Messages name the limit.
fn in_tenths(limit: Duration) -> Duration {
    Duration::from_secs_f64((limit.as_secs_f64() * 10.0).floor() / 10.0)
}

/// A refresh is answered at once, or not at all.
const PUT_TIMEOUT: Duration = Duration::from_secs(5);
const LOGIN_DELAY: Duration = Duration::from_secs(1);
/// The token that a server without authentication gives to everybody.
const FREE_ACCESS: &str = "freeaccess";
const USAGE: TokenUsage = TokenUsage::fixed("Bearer", "Authorization", "Bearer ");
static UNPROTECTED: NamedFailure = NamedFailure {
    class: FailureClass::Unprotected,
    headline: "does not authenticate anybody",
    text: "the server gives its token to everybody, and `require_authentication` asks for one that does not",
    advice: "Check `base_url` (ZETTELSTORE_BASE_URL): this may be the wrong server. If it is the right one, switch its \
             authentication on by setting its `owner` and `secret`, or set `require_authentication = false` if it \
             is meant to be open.",
};
