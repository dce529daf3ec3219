//! `POST /auth/v1/login`.

use std::fmt;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::token::{Grant, jwt};
use super::{AccountMode, JSON, World, Zscaler, ZscalerAccount, one_api_only};
use crate::answer::{empty, granted, labelled};
use crate::conditions::Conditions;
use crate::json::is_json;

/// The same whether the key or its secret is wrong.
const WRONG_KEY: &str = "Invalid API key or secret key";

/// How far in the past an expired token's end lies, in seconds.
const LONG_OVER: i64 = 60;

/// What a login presents.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials {
    pub(crate) api_key: String,
    secret_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginAnswer<'answer> {
    jwt_token: Option<&'answer str>,
    message: Option<&'answer str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenAlone<'answer> {
    jwt_token: &'answer str,
}

impl Credentials {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// Answers a login.
pub(crate) async fn login(
    State(zscaler): State<Arc<Zscaler>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(sent) = Credentials::parse(&body).filter(|_| is_json(&headers)) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let Some(account) = zscaler.account(&sent.api_key, &conditions) else {
        return refusal(StatusCode::UNAUTHORIZED, WRONG_KEY);
    };
    zscaler.budgets.spend(World::Legacy, &account.api_key, conditions.now(), || {
        if account.secret_key == sent.secret_key {
            zscaler.welcome(account, conditions.now())
        } else {
            refusal(StatusCode::UNAUTHORIZED, WRONG_KEY)
        }
    })
}

impl Zscaler {
    /// The answer to a key that was presented with its secret.
    fn welcome(&self, account: &ZscalerAccount, now: i64) -> Response {
        let lifetime = i64::try_from(self.options.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let (issued_at, expires_at) = match account.mode {
            AccountMode::OneApiOnly => return one_api_only(),
            AccountMode::NullToken => return refusal(StatusCode::OK, "API key is not permitted to log in"),
            AccountMode::Expired => (now.saturating_sub(lifetime).saturating_sub(LONG_OVER), now - LONG_OVER),
            _ => (now, now.saturating_add(lifetime)),
        };
        let grant = Grant { world: World::Legacy, key: account.api_key.clone(), expires_at };
        let token = self.tokens.issue(jwt(account.mode, issued_at, expires_at), grant);
        granted(match account.mode {
            AccountMode::NoMessage => json(StatusCode::OK, &TokenAlone { jwt_token: &token }),
            _ => json(StatusCode::OK, &LoginAnswer { jwt_token: Some(&token), message: None }),
        })
    }
}

/// No schema of refusals is published; this is the shape that the one of success suggests.
fn refusal(status: StatusCode, message: &str) -> Response {
    json(status, &LoginAnswer { jwt_token: None, message: Some(message) })
}

pub(crate) fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => labelled(status, JSON, body),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
