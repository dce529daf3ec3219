//! `POST /v1/tokens`, `DELETE /v1/tokens/sessions/revoke`, and a call to try tokens on.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::answer::{self, Life};
use super::request::{Grant, api_key, bearer};
use super::{Zenoti, ZenotiMode, ZenotiUser};
use crate::answer::labelled;
use crate::conditions::Conditions;
use crate::json::{is_json, json as json_answer};

/// Answers a login or a refresh.
pub(crate) async fn tokens(
    State(zenoti): State<Arc<Zenoti>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let well_formed = query.is_none() && !headers.contains_key(AUTHORIZATION) && is_json(&headers);
    match Grant::parse(&body).filter(|_| well_formed) {
        Some(Grant::RefreshToken { refresh_token }) => zenoti.refresh(&refresh_token, &conditions),
        Some(grant) => zenoti.log_in(&grant, &conditions),
        None => zenoti.refused(StatusCode::UNPROCESSABLE_ENTITY, "The request is not valid"),
    }
}

/// Ends all tokens of the one who asks.
pub(crate) async fn revoke(
    State(zenoti): State<Arc<Zenoti>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let in_text = headers.get(ACCEPT).is_some_and(|value| value == "text/plain");
    if !in_text || !body.is_empty() {
        return zenoti.refused(StatusCode::BAD_REQUEST, "The request is not valid");
    }
    match bearer(&headers).and_then(|token| zenoti.tokens.find(token, conditions.now())) {
        Some(user) => {
            zenoti.tokens.revoke(user);
            labelled(StatusCode::OK, "text/plain", "done")
        }
        None => zenoti.refused(StatusCode::UNAUTHORIZED, "The token is not valid"),
    }
}

/// A list of nothing, for those with a good token or key.
pub(crate) async fn centers(
    State(zenoti): State<Arc<Zenoti>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
) -> Response {
    let is_key = |key: &str| zenoti.options.api_keys.iter().any(|known| known == key);
    let by_token = || bearer(&headers).and_then(|token| zenoti.tokens.find(token, conditions.now()));
    if api_key(&headers).is_some_and(is_key) || by_token().is_some() {
        return json_answer(StatusCode::OK, &json!({"centers": [], "error": null}));
    }
    zenoti.refused(StatusCode::UNAUTHORIZED, "Neither token nor key is valid")
}

impl Zenoti {
    fn log_in(&self, grant: &Grant, conditions: &Conditions) -> Response {
        let known = self.options.users.iter().enumerate().find(|(_, user)| is_theirs(grant, user));
        let Some((place, user)) = known.filter(|(_, user)| !conditions.revokes(&user.username)) else {
            return self.refused(StatusCode::UNAUTHORIZED, "Invalid user name, password or app");
        };
        match user.mode {
            ZenotiMode::Forbidden => self.refused(StatusCode::FORBIDDEN, "The app may not do this"),
            ZenotiMode::NoToken => answer::no_token(),
            ZenotiMode::DeniedByPolicy | ZenotiMode::Normal => self.welcome(place, user, conditions),
        }
    }

    fn refresh(&self, refresh_token: &str, conditions: &Conditions) -> Response {
        let place = self.tokens.spend(refresh_token, conditions.now());
        match place.and_then(|place| Some((place, self.options.users.get(place)?))) {
            Some((place, user)) if !conditions.revokes(&user.username) => {
                self.welcome(place, user, conditions)
            }
            _ => self.refused(StatusCode::UNAUTHORIZED, "The refresh token is not valid"),
        }
    }

    fn welcome(&self, place: usize, user: &ZenotiUser, conditions: &Conditions) -> Response {
        let begin = conditions.now();
        let after = |life: Duration| begin.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
        let (access_end, refresh_end) =
            (after(self.options.token_lifetime), after(self.options.refresh_lifetime));
        let pair = self.tokens.issue(place, &user.account_name, (access_end, refresh_end));
        let life = Life { begin, access_end, refresh_end };
        answer::welcome(self.options.form, user, &pair, life, user.mode != ZenotiMode::DeniedByPolicy)
    }

    fn refused(&self, status: StatusCode, message: &str) -> Response {
        answer::error(&self.options, status, message)
    }
}

fn is_theirs(sent: &Grant, user: &ZenotiUser) -> bool {
    let Grant::Password { account_name, user_name, password, app_id, app_secret, device_id } = sent else {
        return false;
    };
    !device_id.is_empty()
        && *account_name == user.account_name
        && *user_name == user.username
        && *password == user.password
        && *app_id == user.app_id
        && *app_secret == user.app_secret
}
