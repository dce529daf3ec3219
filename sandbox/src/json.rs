//! JSON in requests and answers.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::answer::{empty, labelled};

/// The label of every body that is JSON.
pub(crate) const JSON: &str = "application/json";

/// Is the body labelled as JSON?
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(JSON)
}

/// A status with a JSON body.
pub(crate) fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => labelled(status, JSON, body),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
