//! What is sent as the body of an answer: a text, or one that is written while it is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::metrics::Exposition;

/// The body of an answer.
pub(super) enum Content {
    /// Metrics of ten thousand rotations are several megabytes: they are written piece by piece, as fast as they are
    /// read.
    Metrics(Box<Exposition>),
    /// A text; `None` once it is sent.
    Text(Option<Bytes>),
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Content::Text(Some(text.into()))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Content::Metrics(metrics) => metrics.next().map(Bytes::from),
            Content::Text(text) => text.take(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Content::Text(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Metrics(_) => SizeHint::default(),
            Content::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}
