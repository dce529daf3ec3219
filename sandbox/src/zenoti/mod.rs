//! Zenoti, its API below `/zenoti/v1/`.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{delete, get, post};

mod answer;
mod handlers;
mod options;
mod request;
mod tokens;

pub use options::{ZenotiErrors, ZenotiForm, ZenotiMode, ZenotiOptions, ZenotiUser};

use crate::answer::empty;
use crate::system::{Act, System};
use request::Grant;
use tokens::Tokens;

const NAME: &str = "zenoti";
const TOKENS: &str = "/zenoti/v1/tokens";
const REVOKE: &str = "/zenoti/v1/tokens/sessions/revoke";
/// A call to try a token or key on.
const CENTERS: &str = "/zenoti/v1/centers";

/// Everything before `/v1`.
pub(crate) fn base_url(url: &str) -> String {
    format!("{url}/{NAME}")
}

/// The service.
#[derive(Debug)]
pub(crate) struct Zenoti {
    options: ZenotiOptions,
    tokens: Tokens,
}

impl Zenoti {
    pub(crate) fn new(options: ZenotiOptions) -> Self {
        Self { options, tokens: Tokens::default() }
    }
}

impl System for Zenoti {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        if head.uri.path() != TOKENS || head.method != Method::POST {
            return Act::Other;
        }
        match Grant::parse(body) {
            Some(Grant::Password { user_name, .. }) => Act::Login(user_name),
            Some(Grant::RefreshToken { refresh_token }) => {
                let place = self.tokens.user_of(&refresh_token);
                let user = place.and_then(|place| self.options.users.get(place));
                Act::Renewal(user.map(|user| user.username.clone()).unwrap_or_default())
            }
            None => Act::Login(String::new()),
        }
    }

    fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(TOKENS, post(handlers::tokens))
            .route(REVOKE, delete(handlers::revoke))
            .route(CENTERS, get(handlers::centers))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(self)
    }

    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut settings = vec![("base_url", base_url(url))];
        if let Some(user) = self.options.users.first() {
            settings.push(("account_name", user.account_name.clone()));
            settings.push(("username", user.username.clone()));
            settings.push(("password", user.password.clone()));
            settings.push(("app_id", user.app_id.clone()));
            settings.push(("app_secret", user.app_secret.clone()));
        }
        settings
    }

    fn variables(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("ZENOTI_BASE_URL", "base_url"),
            ("ZENOTI_ACCOUNT_NAME", "account_name"),
            ("ZENOTI_USERNAME", "username"),
            ("ZENOTI_PASSWORD", "password"),
            ("ZENOTI_APP_ID", "app_id"),
            ("ZENOTI_APP_SECRET", "app_secret"),
        ]
    }
}

async fn not_found() -> Response {
    empty(StatusCode::NOT_FOUND)
}

async fn method_not_allowed() -> Response {
    empty(StatusCode::METHOD_NOT_ALLOWED)
}
