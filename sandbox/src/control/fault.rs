//! Faults: which requests go wrong, how often, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// Fifty megabytes: more than any client should be willing to read.
const LARGE: u64 = 50_000_000;

/// Something that goes wrong for some requests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests to this system, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Only requests with this method, as `PUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path begins so; the path includes the system's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The number of requests to spoil; without it the fault stays until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What goes wrong.
    pub effect: Effect,
}

/// What goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Effect {
    /// This answer is given instead of the system's own.
    Answer(Answer),
    /// The issuer's clock is ahead by so many seconds, or behind if negative: in tokens, in checks, in `Date`.
    ClockSkew {
        /// Seconds ahead of the real time.
        seconds: i64,
    },
    /// The connection is closed before the answer, or after this much of the body of the system's own answer.
    Cut {
        /// Bytes of the body to send first; without it not even the status line is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_bytes: Option<usize>,
    },
    /// Status 200, labelled as JSON, and bytes that are neither text nor JSON.
    Garbage {},
    /// No answer, ever.
    Hang {},
    /// This key or user, or every one of them, is treated as deleted, and its tokens as unknown.
    KeyRevoked {
        /// API key or user name; without it all are revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Status 200 and a body of this size.
    LargeBody {
        /// Size of the body, 50 MB if not given.
        #[serde(default = "large")]
        bytes: u64,
        /// Announce the size in `Content-Length`, or send chunks.
        #[serde(default)]
        content_length: bool,
    },
    /// The answer comes this much later; everything else goes on as it would.
    Latency {
        /// Milliseconds to wait first.
        millis: u64,
    },
    /// A redirect.
    Redirect {
        /// 307 if not given.
        #[serde(default = "temporary_redirect")]
        status: u16,
        /// Value of the `Location` header.
        location: String,
    },
    /// The system's own answer, complete as HTTP, but with only the beginning of its body.
    Truncate {
        /// Bytes of the body that are kept.
        bytes: usize,
    },
}

/// A made-up answer; without a `content-type` among the headers none is sent.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Between 200 and 999.
    #[serde(default = "ok")]
    pub status: u16,
    /// Header names and values.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    #[serde(default)]
    pub body: String,
}

impl Fault {
    /// A fault that hits every request until it is cleared; narrow it with the other methods.
    pub fn new(effect: Effect) -> Self {
        Self { system: None, method: None, path: None, times: None, effect }
    }

    /// This answer instead of the system's own.
    pub fn answer(answer: Answer) -> Self {
        Self::new(Effect::Answer(answer))
    }

    /// The issuer's clock is so many seconds ahead (behind if negative). A way to travel in time, too.
    pub fn clock_skew(seconds: i64) -> Self {
        Self::new(Effect::ClockSkew { seconds })
    }

    /// The connection is closed without an answer, and the request is not carried out.
    pub fn cut() -> Self {
        Self::new(Effect::Cut { after_bytes: None })
    }

    /// The request is carried out, but the connection closed after so many bytes of the answer's body.
    pub fn cut_after(bytes: usize) -> Self {
        Self::new(Effect::Cut { after_bytes: Some(bytes) })
    }

    /// Status 200 and bytes that are neither text nor JSON.
    pub fn garbage() -> Self {
        Self::new(Effect::Garbage {})
    }

    /// No answer, ever.
    pub fn hang() -> Self {
        Self::new(Effect::Hang {})
    }

    /// The API key or user is gone.
    pub fn key_revoked(key: &str) -> Self {
        Self::new(Effect::KeyRevoked { key: Some(key.to_owned()) })
    }

    /// Status 200 and 50 MB, with or without a `Content-Length`.
    pub fn large_body(content_length: bool) -> Self {
        Self::new(Effect::LargeBody { bytes: LARGE, content_length })
    }

    /// The answer comes later.
    pub fn latency(latency: Duration) -> Self {
        Self::new(Effect::Latency { millis: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX) })
    }

    /// A redirect, as 307 or 302, to this URL.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(Effect::Redirect { status, location: location.to_owned() })
    }

    /// This status with an empty body.
    pub fn status(status: u16) -> Self {
        Self::answer(Answer::new(status))
    }

    /// The system's own answer with only the first bytes of its body.
    pub fn truncate(bytes: usize) -> Self {
        Self::new(Effect::Truncate { bytes })
    }

    /// Only for requests with this method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only for requests whose path begins so, such as `/zscaler/papi/public/`.
    pub fn path(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// Only for requests to this system.
    pub fn system(mut self, name: &str) -> Self {
        self.system = Some(name.to_owned());
        self
    }

    /// Only so many times, then back to normal.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    pub(crate) fn concerns(&self, method: &str, path: &str) -> bool {
        self.times != Some(0)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.system.as_deref().is_none_or(|name| path.split('/').nth(1) == Some(name))
    }

    /// What keeps this fault from being carried out, if anything.
    pub(crate) fn problem(&self, systems: &[&str]) -> Option<String> {
        if let Some(name) = self.system.as_deref().filter(|name| !systems.contains(name)) {
            return Some(format!("there is no system {name:?}; there are {}", systems.join(", ")));
        }
        if let Some(path) = self.path.as_deref().filter(|path| !path.starts_with('/')) {
            return Some(format!("no path begins like {path:?}; they all begin with a slash"));
        }
        if self.times == Some(0) {
            return Some("a fault that happens 0 times is none; leave `times` out for always".to_owned());
        }
        match &self.effect {
            Effect::Answer(answer) => answer.problem(),
            Effect::Redirect { status, location } => {
                Answer::new(*status).header("location", location).problem()
            }
            _ => None,
        }
    }
}

impl Answer {
    /// An answer with this status, no headers and no body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: String::new() }
    }

    /// Sets the body.
    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Adds a header, or replaces it.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    fn problem(&self) -> Option<String> {
        if self.status < 200 || StatusCode::from_u16(self.status).is_err() {
            return Some(format!("{} is not the status of an answer", self.status));
        }
        let bad = self.headers.iter().find(|(name, value)| {
            HeaderName::try_from(name.as_str()).is_err() || HeaderValue::try_from(value.as_str()).is_err()
        });
        bad.map(|(name, _)| format!("{name:?} or its value cannot be sent as a header"))
    }
}

fn large() -> u64 {
    LARGE
}

fn ok() -> u16 {
    200
}

fn temporary_redirect() -> u16 {
    307
}
