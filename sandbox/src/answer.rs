//! Small answers that several systems give.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Put on an answer that hands out a token, so that the login counts as succeeded whatever the status says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted;

/// A status with neither body nor `Content-Type`.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A status with a body under exactly this `Content-Type`.
pub(crate) fn labelled(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A short error as servers written in Go send it: plain text that ends in a newline.
pub(crate) fn plain_line(status: StatusCode, text: &str) -> Response {
    let mut response = labelled(status, "text/plain; charset=utf-8", format!("{text}\n"));
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// Marks `response` as one that handed out a token.
pub(crate) fn granted(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.extensions_mut().insert(Granted);
    response
}
