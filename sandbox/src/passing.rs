//! Notes the secrets that pass, in requests and in answers, for whoever looks for them in logs afterwards.
//!
//! Only where the variable [`tokenferry_leaks::FOLDER`] names a folder for that, as in the project's own tests.

use std::io;

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use tokenferry_leaks::{are_recorded, note_message};

/// An answer that is longer has been made up to be long.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// Notes what a request presents.
pub(crate) fn note_presented(head: &Parts, body: &[u8]) -> io::Result<()> {
    note_message([], head.uri.query().unwrap_or_default().as_bytes())?;
    note_message(texts(&head.headers), body)
}

/// Notes what an answer hands out.
pub(crate) async fn note_issued(response: Response) -> io::Result<Response> {
    let is_short = response.body().size_hint().upper().is_some_and(|size| size <= LONGEST_ANSWER);
    if !are_recorded() || !is_short {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    note_message(texts(&head.headers), &body)?;
    Ok(Response::from_parts(head, Body::from(body)))
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
}
