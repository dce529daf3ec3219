//! Login by `POST a`, renewal by `PUT a`.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use tracing::{debug, warn};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::SYSTEM;
use super::answer::Issued;
use crate::base_url::BaseUrl;
use crate::clock::later;
use crate::http::{self, Answer, Body, Patience, Request};
use crate::{
    Action, Attempt, BuildContext, Expiry, Identity, SourceError, Token, TokenNote, TokenSource, TokenUsage,
};

/// One user at one server.
#[derive(Debug)]
pub(super) struct Zettelstore {
    identity: Identity,
    credential: Credential,
    base_url: BaseUrl,
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
    pub(super) fn new(credential: Credential, base_url: BaseUrl, context: BuildContext) -> Self {
        let identity = Identity {
            system: SYSTEM.name,
            issuer: format!("{base_url}/"),
            subject: credential.username.clone(),
        };
        Zettelstore { identity, credential, base_url, context }
    }

    fn request(&self, action: Action, method: reqwest::Method, patience: Patience) -> Request {
        let attempt = Attempt::new(&SYSTEM, action, self.base_url.host());
        let mut request = Request::new(attempt, method, self.base_url.join("a"), patience);
        request.secrets.push(self.credential.password.clone());
        request
    }

    fn login_request(&self) -> Request {
        let mut request = self.request(Action::Login, reqwest::Method::POST, Patience::Login);
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

    async fn renew(&self, old: &Token) -> Result<Token, SourceError> {
        let mut request = self.request(Action::Refresh, reqwest::Method::PUT, Patience::Once);
        request.secret_header(AUTHORIZATION, &old.header_value());
        request.secrets.push(old.value.clone());
        let answer = http::send(&self.context, &request).await?;
        self.token(&request, &answer)
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
        let mut token =
            Token::new(issued.token, USAGE, self.identity.clone(), answer.received_at, Expiry::Reported(end));
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

    async fn login(&self) -> Result<Token, SourceError> {
        let request = self.login_request();
        debug!(system = SYSTEM.name, host = %request.attempt.host, "logging in");
        let answer = http::send(&self.context, &request).await?;
        self.token(&request, &answer)
    }

    /// The server refuses renewals that look right, for example from its own machine if it trusts that: so a
    /// login follows whatever happened, unless time or patience is used up.
    async fn refresh(&self, old: &Token) -> Result<Token, SourceError> {
        match self.renew(old).await {
            Ok(token) => Ok(token),
            Err(error @ (SourceError::TimedOut { .. } | SourceError::RateLimited { .. })) => Err(error),
            Err(error) => {
                debug!(system = SYSTEM.name, class = %error.class(), "not renewed; logging in");
                self.login().await
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

/// The token that a server without authentication gives to everybody.
const FREE_ACCESS: &str = "freeaccess";
const USAGE: TokenUsage =
    TokenUsage { token_type: "Bearer", header_name: "Authorization", value_prefix: "Bearer " };
