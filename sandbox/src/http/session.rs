//! The login in two steps: a session for a password, a token for a session.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Http, bearer, form, member};
use crate::answer::granted;
use crate::conditions::Conditions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    user: String,
    password: String,
}

/// Who logs in.
pub(crate) fn user(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Credentials>(body).ok().map(|sent| sent.user)
}

/// Step one. The session's id has characters that mean something in a path, its proof comes in a header.
pub(crate) async fn log_in(
    State(service): State<Arc<Http>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_json = headers.get("content-type").is_some_and(|label| label == "application/json");
    let Some(sent) = serde_json::from_slice::<Credentials>(&body).ok().filter(|_| is_json) else {
        return refusal(StatusCode::BAD_REQUEST, "a JSON object with user and password is wanted");
    };
    let right = sent.user == service.options.username && sent.password == service.options.password;
    if !right || conditions.revokes(&sent.user) {
        return refusal(StatusCode::UNAUTHORIZED, "wrong user or password");
    }
    let random = fastrand::u128(..).to_be_bytes();
    let session = format!("../{}", STANDARD.encode(random));
    let csrf = format!("{:016x}", fastrand::u64(..));
    service.store().open(&session, &csrf, &sent.user);
    let mut response = granted(Json(json!({ "session": { "id": session } })));
    if let Ok(csrf) = HeaderValue::from_str(&csrf) {
        response.headers_mut().insert("x-csrf", csrf);
    }
    response
}

/// Step two.
pub(crate) async fn exchange(
    State(service): State<Arc<Http>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let grant = form(&headers, &body);
    if grant.as_deref().and_then(|form| member(form, "grant_type")) != Some("session") {
        return refusal(StatusCode::BAD_REQUEST, "a form with grant_type=session is wanted");
    }
    let csrf = headers.get("x-csrf").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let owner = service.store().close(&session, csrf);
    match owner {
        Some(owner) => Json(Value::Object(service.issue(&owner, &conditions))).into_response(),
        None => refusal(StatusCode::FORBIDDEN, "the session is over, or X-CSRF is not its own"),
    }
}

/// Whose token it is.
pub(crate) async fn whoami(
    State(service): State<Arc<Http>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
) -> Response {
    let store = service.store();
    let owner = bearer(&headers).and_then(|token| store.owner(token, conditions.now()));
    match owner.filter(|owner| !conditions.revokes(owner)) {
        Some(owner) => Json(json!({ "owner": owner })).into_response(),
        None => refusal(StatusCode::UNAUTHORIZED, "no such token"),
    }
}

pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
