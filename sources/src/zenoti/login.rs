//! Login by the password grant, and what can be done with a token: refresh and revoke.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracing::debug;
use zeroize::Zeroizing;

use super::answer::Issued;
use super::refusal::{Refusal, denied_by_policy, not_revoked, passing};
use super::{SYSTEM, device};
use crate::base_url::BaseUrl;
use crate::clock::later;
use crate::expiry::Arrival;
use crate::json::Fields;
use crate::transport::{self, Answer, Body, Patience, Request};
use crate::{
    Action, Attempt, BuildContext, Expiry, Identity, Revocation, Said, SourceError, Token, TokenSource,
    TokenUsage,
};

/// One user of one app.
#[derive(Debug)]
pub(super) struct Zenoti {
    identity: Identity,
    credential: Credential,
    base_url: BaseUrl,
    ttl: Option<Duration>,
    context: BuildContext,
}

#[derive(Debug)]
pub(super) struct Credential {
    pub(super) account_name: String,
    pub(super) username: String,
    pub(super) password: SecretString,
    pub(super) app_id: String,
    pub(super) app_secret: SecretString,
    pub(super) device_id: Option<String>,
}

impl Zenoti {
    pub(super) fn new(
        identity: Identity,
        credential: Credential,
        base_url: BaseUrl,
        ttl: Option<Duration>,
        context: BuildContext,
    ) -> Self {
        Zenoti { identity, credential, base_url, ttl, context }
    }

    fn request(&self, action: Action, method: Method, path: &str, patience: Patience) -> Request {
        let attempt = Attempt::new(&SYSTEM, action, self.base_url.host());
        let mut request = Request::new(attempt, method, self.base_url.join(path), patience);
        request.secrets.extend([self.credential.password.clone(), self.credential.app_secret.clone()]);
        request
    }

    /// Both ways to a token differ in nothing but what is sent.
    async fn ask(&self, action: Action, patience: Patience, grant: &Grant<'_>) -> Result<Token, SourceError> {
        let mut request = self.request(action, Method::POST, TOKENS, patience);
        request.headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        request.body = Some(grant.body());
        request.passing = passing;
        if let Grant::RefreshToken { refresh_token } = grant {
            request.secrets.push((*refresh_token).into());
        }
        let answer = transport::send(&self.context, &request).await?;
        self.token(&request, &answer)
    }

    fn token(&self, request: &Request, answer: &Answer) -> Result<Token, SourceError> {
        let (attempt, secrets) = (&request.attempt, &request.secrets);
        let good = answer.status.is_success();
        let Ok(fields) = Fields::parse(&answer.body).map(Fields::in_lower_case) else {
            let problem = "it is not a JSON object";
            return Err(if good {
                answer.malformed(attempt, problem)
            } else {
                Refusal::unexplained(Said::default()).failure(attempt, answer)
            });
        };
        let arrival = Arrival::of(answer);
        let refused = || Refusal::of(&fields, secrets).map(|refusal| refusal.failure(attempt, answer));
        if !good || !fields.is_null("error") {
            let unexplained = || Refusal::unexplained(Said::from_fields(&fields, secrets));
            return Err(refused().unwrap_or_else(|| unexplained().failure(attempt, answer)));
        }
        let policy = fields.object("login_policy_evaluation");
        if policy.and_then(|policy| policy.flag("allowlogin")) == Some(false) {
            return Err(denied_by_policy(attempt, answer));
        }
        let issued = Issued::read(&fields, arrival).map_err(|problem| answer.malformed(attempt, problem))?;
        let status = answer.status.as_u16();
        let no_token = || SourceError::NoToken { attempt: attempt.clone(), status, said: Said::default() };
        let issued = issued.ok_or_else(|| refused().unwrap_or_else(no_token))?;
        self.accept(attempt, issued, arrival)
    }

    fn accept(&self, attempt: &Attempt, issued: Issued, arrival: Arrival) -> Result<Token, SourceError> {
        let assumed = self.ttl.and_then(|ttl| later(arrival.at, ttl));
        let expiry = match issued.end {
            Some(Ok(end)) => Expiry::Reported(end),
            Some(Err(ended_at)) => {
                let now = arrival.issuer_time.unwrap_or(arrival.at);
                return Err(SourceError::ExpiredOnArrival { attempt: attempt.clone(), ended_at, now });
            }
            None => assumed.map_or(Expiry::Unknown, Expiry::Assumed),
        };
        let token = Token::new(issued.token, USAGE, self.identity.clone(), arrival.at, expiry);
        Ok(Token { refresh: issued.refresh, ..token.arrived(arrival) })
    }
}

#[async_trait]
impl TokenSource for Zenoti {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        USAGE
    }

    async fn login(&self) -> Result<Token, SourceError> {
        debug!(system = SYSTEM.name, host = %self.base_url.host(), "logging in");
        let credential = &self.credential;
        let Credential { account_name, username, app_id, .. } = credential;
        let device_id = credential.device_id.clone();
        let grant = Grant::Password {
            account_name,
            user_name: username,
            password: credential.password.expose_secret(),
            app_id,
            app_secret: credential.app_secret.expose_secret(),
            device_id: &device_id.unwrap_or_else(|| device::id(account_name, username, app_id)),
        };
        self.ask(Action::Login, Patience::Login, &grant).await
    }

    /// The refresh token is spent by the first try, so there is no second one.
    async fn refresh_with(&self, refresh_token: &SecretString) -> Result<Token, SourceError> {
        let grant = Grant::RefreshToken { refresh_token: refresh_token.expose_secret() };
        self.ask(Action::Refresh, Patience::Once, &grant).await
    }

    /// Ends all tokens of the user, not just this one.
    async fn revoke(&self, token: &Token) -> Result<Revocation, SourceError> {
        self.end(token, Patience::Login).await
    }

    async fn revoke_once(&self, token: &Token) -> Result<Revocation, SourceError> {
        self.end(token, Patience::Once).await
    }
}

impl Zenoti {
    async fn end(&self, token: &Token, patience: Patience) -> Result<Revocation, SourceError> {
        let mut request = self.request(Action::Revoke, Method::DELETE, REVOKE, patience);
        request.headers.insert(ACCEPT, HeaderValue::from_static("text/plain"));
        request.secret_header(AUTHORIZATION, &token.header_value());
        request.secrets.push(token.value.clone());
        let answer = transport::send(&self.context, &request).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(Revocation::Done),
            401 => {
                let said = Said::from_body(&answer.body, &request.secrets);
                Err(not_revoked(&request.attempt, &answer, said))
            }
            _ => Err(answer.failure(&request.attempt, &request.secrets)),
        }
    }
}

/// What is presented for a token.
#[derive(Serialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum Grant<'a> {
    Password {
        account_name: &'a str,
        user_name: &'a str,
        password: &'a str,
        app_id: &'a str,
        app_secret: &'a str,
        device_id: &'a str,
    },
    RefreshToken {
        refresh_token: &'a str,
    },
}

impl Grant<'_> {
    fn body(&self) -> Body {
        // A few texts always make a JSON object.
        Body { content_type: JSON, bytes: Zeroizing::new(serde_json::to_vec(self).unwrap_or_default()) }
    }
}

const TOKENS: &str = "v1/tokens";
const REVOKE: &str = "v1/tokens/sessions/revoke";
const USAGE: TokenUsage = TokenUsage::fixed("bearer", "Authorization", "bearer ");
const JSON: &str = "application/json";
