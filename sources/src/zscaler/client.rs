//! One credential at one place: logs in, and calls the API with the token from there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;
use url::Url;
use zeroize::Zeroizing;

use super::SYSTEM;
use super::legacy::{self, ApiKey};
use super::one_api::{self, ApiClient};
use super::query::{ApiAnswer, Query};
use super::system::ONE_API_GUIDANCE;
use crate::base_url::{BaseUrl, root};
use crate::expiry::{Arrival, Stated, until};
use crate::transport::{self, Answer, Body, Patience, Request};
use crate::{
    Action, Attempt, BuildContext, Expiry, Identity, SourceError, Token, TokenSource, TokenUsage,
    Verification,
};

/// The source of tokens. All clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Zscaler(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    identity: Identity,
    login: Login,
    place: Place,
    ttl: Option<Duration>,
    context: BuildContext,
}

/// What is presented, and where.
#[derive(Debug)]
pub(super) enum Login {
    Legacy(ApiKey),
    OneApi(Box<ApiClient>),
}

/// Where the API is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) base_url: BaseUrl,
    /// What to try if the host cannot be reached.
    pub(super) hint: Option<Arc<str>>,
    pub(super) partner_id: Option<String>,
}

impl Zscaler {
    pub(super) fn new(login: Login, place: Place, ttl: Option<Duration>, context: BuildContext) -> Self {
        let subject = match &login {
            Login::Legacy(key) => key.api_key.clone(),
            Login::OneApi(client) => client.client_id.clone(),
        };
        let identity = Identity { system: SYSTEM.name, issuer: place.base_url.to_string(), subject };
        Zscaler(Arc::new(Parts { identity, login, place, ttl, context }))
    }

    /// Calls the API. What the answer's status means is the caller's to say.
    pub(super) async fn ask(&self, token: &Token, query: &Query) -> Result<ApiAnswer, SourceError> {
        let Parts { place, context, .. } = self.0.as_ref();
        let mut url = place.base_url.join(query.path);
        url.set_query(query.text().as_deref());
        let (method, patience) = match query.change {
            Some(_) => (Method::POST, Patience::Change),
            None => (Method::GET, Patience::Read),
        };
        let attempt = self.attempt(query.action, place.base_url.host());
        let mut request = Request::new(attempt, method, url, patience);
        request.body = query
            .change
            .clone()
            .map(|json| Body { content_type: "application/json", bytes: Zeroizing::new(json) });
        self.dress(&mut request);
        request.bust_caches = true;
        request.largest = query.largest.unwrap_or(request.largest);
        let name = match &self.0.login {
            Login::Legacy(_) => legacy::AUTH_TOKEN,
            Login::OneApi(_) => reqwest::header::AUTHORIZATION,
        };
        request.secret_header(name, &token.header_value());
        request.secrets.push(token.value.clone());
        let answer = transport::send(context, &request).await?;
        self.moved(&request.attempt, &answer)?;
        Ok(ApiAnswer { attempt: request.attempt, secrets: request.secrets, answer })
    }

    fn login_request(&self) -> Result<Request, SourceError> {
        let (base_url, now) = (&self.0.place.base_url, self.0.context.clock.now());
        let mut request = match &self.0.login {
            Login::Legacy(key) => key.request(self.attempt(Action::Login, base_url.host()), base_url),
            Login::OneApi(client) => {
                client.request(self.attempt(Action::Login, client.token_url.host()), now)?
            }
        };
        self.dress(&mut request);
        Ok(request)
    }

    fn attempt(&self, action: Action, host: String) -> Attempt {
        let mut attempt = Attempt::new(&SYSTEM, action, host);
        attempt.hint.clone_from(&self.0.place.hint);
        if matches!(self.0.login, Login::OneApi(_)) {
            attempt.guidance = &ONE_API_GUIDANCE;
        }
        attempt
    }

    /// Adds what every request carries.
    fn dress(&self, request: &mut Request) {
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let partner_id = self.0.place.partner_id.as_ref();
        if let Some(id) = partner_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            request.headers.insert(PARTNER_ID, id);
        }
        request.secrets.extend(self.0.login.secret().cloned());
    }

    /// Tenants that were moved to OneAPI say so in prose, whatever the status.
    fn moved(&self, attempt: &Attempt, answer: &Answer) -> Result<(), SourceError> {
        if matches!(self.0.login, Login::Legacy(_)) && legacy::says_one_api(answer) {
            let (attempt, status) = (attempt.clone(), answer.status.as_u16());
            return Err(SourceError::NotAllowedHere { attempt, status });
        }
        Ok(())
    }

    fn token(&self, request: &Request, answer: &Answer) -> Result<Token, SourceError> {
        let attempt = &request.attempt;
        let issued = match &self.0.login {
            Login::Legacy(_) => legacy::issued(request, answer)?,
            Login::OneApi(_) => one_api::issued(request, answer)?,
        };
        let text = issued.token.expose_secret();
        if !transport::is_token(text) {
            return Err(answer.malformed(attempt, "its token cannot be sent in a header"));
        }
        let (at, ttl) = (answer.received_at, self.0.ttl);
        let stated = issued.life.map(Stated::Life).or_else(|| Stated::of_token(text));
        let expiry = until(stated, Arrival { at, issuer_time: answer.date() }, ttl).map_err(|ended_at| {
            let now = answer.date().unwrap_or(at);
            SourceError::ExpiredOnArrival { attempt: attempt.clone(), ended_at, now }
        })?;
        Ok(self.issue(issued, answer, expiry))
    }

    fn issue(&self, issued: Issued, answer: &Answer, expiry: Expiry) -> Token {
        Token::new(issued.token, self.usage(), self.0.identity.clone(), answer.received_at, expiry)
    }
}

#[async_trait]
impl TokenSource for Zscaler {
    fn identity(&self) -> &Identity {
        &self.0.identity
    }

    fn usage(&self) -> TokenUsage {
        match &self.0.login {
            Login::Legacy(_) => legacy::USAGE,
            Login::OneApi(_) => one_api::USAGE,
        }
    }

    fn servers(&self) -> Vec<Url> {
        let token_url = match &self.0.login {
            Login::Legacy(_) => None,
            Login::OneApi(client) => Some(client.token_url.url()),
        };
        token_url.into_iter().chain([self.0.place.base_url.url()]).map(root).collect()
    }

    async fn login(&self) -> Result<Token, SourceError> {
        let request = self.login_request()?;
        debug!(system = SYSTEM.name, host = %request.attempt.host, "logging in");
        let answer = transport::send(&self.0.context, &request).await?;
        self.moved(&request.attempt, &answer)?;
        self.token(&request, &answer)
    }

    /// The shortest list of devices, which counts as one of the few calls an hour. Whoever may not read it has a good
    /// token all the same.
    async fn verify(&self, token: &Token) -> Result<Verification, SourceError> {
        let query =
            Query::new(Action::Verify, "public/v1/getDevices").with("page", "1").with("pageSize", "1");
        let answer = self.ask(token, &query).await?;
        if let Some(rejection) = answer.rejection() {
            return Err(rejection);
        }
        match answer.answer.status.as_u16() {
            200..=299 => Ok(Verification::Good),
            408 | 429 | 500..=599 => Err(answer.failure()),
            status => {
                debug!(system = SYSTEM.name, status, "the API does not say whether the token is good");
                Ok(Verification::CannotTell)
            }
        }
    }
}

impl Login {
    fn secret(&self) -> Option<&SecretString> {
        match self {
            Login::Legacy(key) => Some(&key.secret_key),
            Login::OneApi(client) => client.proof.secret(),
        }
    }
}

/// What a login brought.
pub(super) struct Issued {
    pub(super) token: SecretString,
    /// How many seconds the answer says it lives.
    pub(super) life: Option<f64>,
}

const PARTNER_ID: HeaderName = HeaderName::from_static("x-partner-id");
