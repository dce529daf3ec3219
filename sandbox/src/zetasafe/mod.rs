//! ZetaSafe, production below `/zetasafe/`, development below `/zetasafe/dev/`.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::post;

mod login;
mod options;

pub use options::{ZetasafeClient, ZetasafeMode, ZetasafeOptions, ZetasafeRole, ZetasafeUser};

use crate::answer::empty;
use crate::system::{Act, System};
use login::Credentials;

const NAME: &str = "zetasafe";
/// What follows on `/ext`: a token for one client, and one for a role.
const USER_CLIENT: &str = "userclientauthtoken/get";
const ROLE: &str = "x-auth/get";

/// Everything before `/ext` in production.
pub(crate) fn base_url(url: &str) -> String {
    format!("{url}/{NAME}")
}

/// The server.
#[derive(Debug)]
pub(crate) struct Zetasafe {
    options: ZetasafeOptions,
}

impl Zetasafe {
    pub(crate) fn new(options: ZetasafeOptions) -> Self {
        Self { options }
    }
}

impl System for Zetasafe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        let path = head.uri.path();
        if [USER_CLIENT, ROLE].iter().any(|call| paths(call).iter().any(|known| known == path)) {
            return Act::Login(Credentials::parse(body).map(|sent| sent.username).unwrap_or_default());
        }
        Act::Other
    }

    fn router(self: Arc<Self>) -> Router {
        let mut router = Router::new();
        for path in paths(USER_CLIENT) {
            router = router.route(&path, post(login::for_client));
        }
        for path in paths(ROLE) {
            router = router.route(&path, post(login::for_role));
        }
        router.fallback(not_found).method_not_allowed_fallback(method_not_allowed).with_state(self)
    }

    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut settings = vec![("base_url", base_url(url))];
        if let Some(user) = self.options.users.first() {
            settings.push(("username", user.username.clone()));
            settings.push(("password", user.password.clone()));
        }
        settings.extend(self.options.clients.first().map(|client| ("admin_client_id", client.id.clone())));
        settings
    }

    fn variables(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("ZETASAFE_BASE_URL", "base_url"),
            ("ZETASAFE_USERNAME", "username"),
            ("ZETASAFE_PASSWORD", "password"),
            ("ZETASAFE_ADMIN_CLIENT_ID", "admin_client_id"),
        ]
    }
}

/// Where a call is to be found, in production and in development.
fn paths(call: &str) -> [String; 2] {
    [format!("/{NAME}/ext/{call}"), format!("/{NAME}/dev/ext/{call}")]
}

async fn not_found() -> Response {
    empty(StatusCode::NOT_FOUND)
}

async fn method_not_allowed() -> Response {
    empty(StatusCode::METHOD_NOT_ALLOWED)
}
