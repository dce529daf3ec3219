//! A service of the kind that `http` sources are for: a login in two steps, an OAuth 2 token endpoint, and a place that
//! wants a one-time password.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};

mod oauth2;
mod one_time;
mod options;
mod session;
mod store;

pub use options::{HttpOptions, OAuth2Client, Stated};

use crate::answer::plain_line;
use crate::conditions::Conditions;
use crate::system::{Act, System};
use crate::urlencoded;
use store::Store;

const NAME: &str = "http";
const LOGIN: &str = "/http/v1/tenants/acme/login";
const TOKEN: &str = "/http/oauth/token";

/// The service.
#[derive(Debug)]
pub(crate) struct Http {
    options: HttpOptions,
    store: Mutex<Store>,
}

impl Http {
    pub(crate) fn new(options: HttpOptions) -> Self {
        Self { options, store: Mutex::default() }
    }

    /// Never held across an `.await`.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a new token out, as [`HttpOptions::stated`] says.
    fn issue(&self, owner: &str, conditions: &Conditions) -> serde_json::Map<String, serde_json::Value> {
        let life = i64::try_from(self.options.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let now = conditions.now();
        let token = self.options.stated.token(now, life);
        self.store().keep(&token, owner, now.saturating_add(life));
        let mut answer = self.options.stated.members(now, life);
        answer.insert("access_token".to_owned(), token.into());
        answer
    }
}

impl System for Http {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        match (&head.method, head.uri.path()) {
            (&Method::POST, LOGIN) => Act::Login(session::user(body).unwrap_or_default()),
            (&Method::POST, TOKEN) => Act::Login(oauth2::client_id(&head.headers, body).unwrap_or_default()),
            _ => Act::Other,
        }
    }

    fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(LOGIN, post(session::log_in))
            .route("/http/v1/token/{session}", post(session::exchange))
            .route(TOKEN, post(oauth2::token))
            .route("/http/v1/me", get(session::whoami))
            .route("/http/v1/code", post(one_time::check))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(self)
    }

    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let HttpOptions { username, password, totp_secret, clients, .. } = &self.options;
        let mut settings = vec![
            ("base_url", format!("{url}/{NAME}")),
            ("username", username.clone()),
            ("password", password.clone()),
            ("totp_secret", totp_secret.clone()),
            ("token_url", format!("{url}{TOKEN}")),
        ];
        if let Some(client) = clients.first() {
            settings.push(("client_id", client.id.clone()));
            settings.push(("client_secret", client.secret.clone()));
        }
        settings
    }

    fn variables(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

/// The text after `Bearer` and one blank.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The members of a form: nothing if it is not labelled as one, malformed, or names something twice.
fn form(headers: &HeaderMap, body: &[u8]) -> Option<Vec<(String, String)>> {
    let label = headers.get("content-type")?.to_str().ok()?.split(';').next()?.trim();
    if !label.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let pairs = urlencoded::parse(body)?.into_iter();
    let text = |(name, value)| Some((String::from_utf8(name).ok()?, String::from_utf8(value).ok()?));
    let pairs = pairs.map(text).collect::<Option<Vec<_>>>()?;
    let twice = |(at, (name, _)): (usize, &(String, String))| {
        pairs.iter().skip(at + 1).any(|(other, _)| other == name)
    };
    (!pairs.iter().enumerate().any(twice)).then_some(pairs)
}

fn member<'form>(form: &'form [(String, String)], name: &str) -> Option<&'form str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn not_found() -> Response {
    plain_line(StatusCode::NOT_FOUND, "nothing here")
}

async fn method_not_allowed() -> Response {
    plain_line(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}
