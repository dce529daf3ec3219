//! Faults turned into answers, or into none.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream;
use tokio::time::sleep;

use super::fault::{Answer, Effect};
use crate::answer;

/// Not text in any encoding a client would guess, not JSON, not an S-expression.
const GARBAGE: &[u8] = b"\x00\xff\xfe\x80{\"\xc3\x28(((\x1b[31m\r\n\0}]\xf0\x9f";

/// What large bodies are made of: blanks, so that no parser stops early.
const CHUNK: &[u8] = &[b' '; 64 * 1024];

/// The connection ends here, without an answer.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the connection is cut, as a fault asked")
    }
}

impl std::error::Error for Cut {}

/// The answer of a fault that leaves the system out.
pub(crate) async fn instead(effect: Effect) -> Result<Response, Cut> {
    match effect {
        Effect::Answer(answer) => Ok(made_up(&answer)),
        Effect::Garbage {} => Ok(answer::labelled(StatusCode::OK, "application/json", GARBAGE)),
        Effect::Hang {} => pending().await,
        Effect::LargeBody { bytes, content_length } => Ok(large_body(bytes, content_length)),
        Effect::Redirect { status, location } => {
            Ok(made_up(&Answer::new(status).header(LOCATION.as_str(), &location)))
        }
        Effect::Cut { .. } => Err(Cut),
        // These leave the answer to the system, and are dealt with before.
        Effect::ClockSkew { .. }
        | Effect::KeyRevoked { .. }
        | Effect::Latency { .. }
        | Effect::Truncate { .. } => Ok(answer::empty(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

/// The head of the answer and the first bytes of its body, then the end of the connection.
pub(crate) async fn cut_after(response: Response, sent: usize) -> Result<Response, Cut> {
    let (mut head, body) = split(response).await?;
    // At least one byte stays unsent, or the client would not notice.
    let sent = sent.min(body.len().saturating_sub(1));
    let unannounced = body.len().max(1);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(unannounced));
    let begin = body.slice(..sent);
    let pieces = stream::unfold(Some(begin), |begin| async {
        match begin {
            Some(begin) if !begin.is_empty() => Some((Ok(begin), Some(Bytes::new()))),
            _ => {
                // The pause lets what came before out of the buffers.
                sleep(Duration::from_millis(20)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
        }
    });
    Ok(Response::from_parts(head, Body::from_stream(pieces)))
}

/// A whole answer with only the beginning of the body.
pub(crate) async fn truncate(response: Response, bytes: usize) -> Result<Response, Cut> {
    let (mut head, body) = split(response).await?;
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::from(body.slice(..bytes.min(body.len())))))
}

async fn split(response: Response) -> Result<(axum::http::response::Parts, Bytes), Cut> {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Cut)?;
    Ok((head, body))
}

fn made_up(answer: &Answer) -> Response {
    let Ok(status) = StatusCode::from_u16(answer.status) else {
        return impossible("a fault asks for a status that does not exist");
    };
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = status;
    for (name, value) in &answer.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return impossible("a fault asks for a header that cannot be sent");
        };
        response.headers_mut().insert(name, value);
    }
    response
}

fn impossible(text: &'static str) -> Response {
    answer::plain_line(StatusCode::INTERNAL_SERVER_ERROR, text)
}

fn large_body(bytes: u64, content_length: bool) -> Response {
    let pieces = stream::unfold(bytes, |left| async move {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.len());
        let piece = Bytes::from_static(CHUNK).slice(..size);
        (size > 0).then(|| (Ok::<_, Infallible>(piece), left - size as u64))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if content_length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    response
}
