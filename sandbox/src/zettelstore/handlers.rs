//! `POST /a`, `PUT /a` and `POST /x`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tokio::time::{Instant, sleep_until};

use super::token::Claims;
use super::{Authentication, Zettelstore, answer, credentials};
use crate::answer::{empty, plain_line};
use crate::conditions::Conditions;
use crate::urlencoded::query_value;

/// The token of a server without authentication, and its life of 3660 days.
const FREE_ACCESS: (&str, i64) = ("freeaccess", 316_224_000);

/// A login takes half a second, give or take fifty milliseconds.
const LOGIN_MILLIS: std::ops::RangeInclusive<u64> = 450..=550;

/// Answers a login.
pub(crate) async fn log_in(
    State(server): State<Arc<Zettelstore>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let begin = Instant::now();
    if server.options.authentication == Authentication::Disabled {
        return server.free_access();
    }
    let Some(sent) = credentials::find(&headers, &body) else {
        return answer::authentication_failed();
    };
    let response = match server.log_in(&sent, &conditions) {
        Some((claims, token)) => server.hand_out(&token, claims.expires_at - claims.issued_at),
        None => answer::authentication_failed(),
    };
    if server.options.login_delay {
        sleep_until(begin + Duration::from_millis(fastrand::u64(LOGIN_MILLIS))).await;
    }
    response
}

/// Answers a renewal.
pub(crate) async fn renew(
    State(server): State<Arc<Zettelstore>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
) -> Response {
    match server.options.authentication {
        Authentication::Disabled => return server.free_access(),
        // Who comes from a trusted device is known without a token, so there is none to renew.
        Authentication::LoopbackIdent => return answer::not_authenticated(),
        Authentication::Required => {}
    }
    match server.valid_claims(&headers, &conditions) {
        Some(claims) => server.renewed(claims, conditions.now()),
        None => answer::not_authenticated(),
    }
}

/// Answers a command, of which only `authenticated` is known.
pub(crate) async fn command(
    State(server): State<Arc<Zettelstore>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = query_value(query.as_deref(), "cmd");
    if asked.as_deref() != Some("authenticated") || server.options.release.speaks_json() {
        return plain_line(StatusCode::BAD_REQUEST, "Unknown command");
    }
    empty(match server.options.authentication {
        Authentication::Disabled => StatusCode::OK,
        Authentication::LoopbackIdent => StatusCode::NO_CONTENT,
        Authentication::Required => match server.valid_claims(&headers, &conditions) {
            Some(_) => StatusCode::NO_CONTENT,
            None => StatusCode::UNAUTHORIZED,
        },
    })
}

impl Zettelstore {
    fn free_access(&self) -> Response {
        let (token, seconds) = FREE_ACCESS;
        self.hand_out(token, seconds)
    }

    /// A young token is returned as it is, an older one replaced.
    fn renewed(&self, claims: Claims, now: i64) -> Response {
        let claims = if claims.is_young(now) {
            claims
        } else {
            Claims::new(&claims.username, claims.zettel_id, now, self.options.lifetime_secs())
        };
        self.hand_out(&self.signer.write(&claims), claims.expires_at - now)
    }

    fn hand_out(&self, token: &str, seconds: i64) -> Response {
        answer::token(self.options.release, token, seconds)
    }
}
