//! Zettelstore, set up with the `url-prefix` `/zettelstore/`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::post;

mod answer;
mod credentials;
mod handlers;
mod options;
mod token;

pub use options::{Authentication, Release, ZettelstoreOptions, ZettelstoreUser};

use crate::answer::plain_line;
use crate::conditions::Conditions;
use crate::system::{Act, System};
use credentials::Credentials;
use token::{Claims, Signer};

const NAME: &str = "zettelstore";

/// Everything before `a`.
pub(crate) fn base_url(url: &str) -> String {
    format!("{url}/{NAME}/")
}

/// The server.
#[derive(Debug)]
pub(crate) struct Zettelstore {
    options: ZettelstoreOptions,
    /// Where each user stands in the options: there may be thousands.
    places: HashMap<Vec<u8>, usize>,
    signer: Signer,
}

impl Zettelstore {
    pub(crate) fn new(options: ZettelstoreOptions) -> io::Result<Self> {
        options.check()?;
        let signer = Signer::new(&options.secret, options.release.speaks_json());
        let places = places(&options.users);
        Ok(Self { options, places, signer })
    }

    /// A token for who presents these credentials.
    fn log_in(&self, sent: &Credentials, conditions: &Conditions) -> Option<(Claims, String)> {
        let place = *self.places.get(&sent.username)?;
        let user = self.options.users.get(place)?;
        if user.password.as_bytes() != sent.password || conditions.revokes(&user.username) {
            return None;
        }
        let zettel_id = format!("{}", 20_240_101_000_000_u64 + place as u64);
        let claims = Claims::new(&user.username, zettel_id, conditions.now(), self.options.lifetime_secs());
        let token = self.signer.write(&claims);
        Some((claims, token))
    }

    /// The claims of the token in `Authorization`, if it is ours.
    fn claims(&self, headers: &HeaderMap) -> Option<Claims> {
        let usernames = self.options.users.iter().map(|user| user.username.as_str());
        self.signer.read(credentials::bearer(headers)?, usernames)
    }

    /// As [`claims`](Self::claims), if the token is still good.
    fn valid_claims(&self, headers: &HeaderMap, conditions: &Conditions) -> Option<Claims> {
        let claims = self.claims(headers)?;
        let good = conditions.now() < claims.expires_at && !conditions.revokes(&claims.username);
        good.then_some(claims)
    }
}

impl System for Zettelstore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        let path = head.uri.path();
        if path.strip_suffix('/').unwrap_or(path) != self.options.release.endpoint() {
            return Act::Other;
        }
        if head.method == Method::POST {
            let sent = credentials::find(&head.headers, body).map(|sent| sent.username).unwrap_or_default();
            return Act::Login(String::from_utf8_lossy(&sent).into_owned());
        }
        if head.method == Method::PUT {
            return Act::Renewal(
                self.claims(&head.headers).map(|claims| claims.username).unwrap_or_default(),
            );
        }
        Act::Other
    }

    fn router(self: Arc<Self>) -> Router {
        let endpoint = self.options.release.endpoint();
        let tokens = || post(handlers::log_in).put(handlers::renew);
        Router::new()
            .route(endpoint, tokens())
            .route(&format!("{endpoint}/"), tokens())
            .route("/zettelstore/x", post(handlers::command))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(self)
    }

    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut settings = vec![("base_url", base_url(url))];
        if let Some(user) = self.options.users.first() {
            settings.push(("username", user.username.clone()));
            settings.push(("password", user.password.clone()));
        }
        settings
    }

    fn variables(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("ZETTELSTORE_BASE_URL", "base_url"),
            ("ZETTELSTORE_USERNAME", "username"),
            ("ZETTELSTORE_PASSWORD", "password"),
        ]
    }
}

/// Of two users with the same name the first one counts.
fn places(users: &[ZettelstoreUser]) -> HashMap<Vec<u8>, usize> {
    let name = |user: &ZettelstoreUser| user.username.as_bytes().to_vec();
    users.iter().enumerate().rev().map(|(place, user)| (name(user), place)).collect()
}

async fn not_found() -> Response {
    plain_line(StatusCode::NOT_FOUND, "404 page not found")
}

async fn method_not_allowed() -> Response {
    plain_line(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
