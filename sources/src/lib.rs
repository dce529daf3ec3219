//! Token sources: logins at the systems that issue tokens, with expiry, limits, retry and redaction.
//!
//! A [`System`] describes one system: its settings, and how to get from them to a [`TokenSource`]. A [`Session`]
//! keeps the current [`Token`] of a source and sees to it that all reads share one login.

mod base_url;
mod clock;
mod duration;
mod error;
mod field;
mod flight;
mod http;
mod json;
pub mod jwt;
mod mask;
mod session;
mod source;
mod system;
#[cfg(test)]
mod test_server;
mod token;
pub mod zettelstore;
pub mod zscaler;

pub use clock::{Clock, SystemClock, TestClock, Timestamp};
pub use duration::{DurationError, parse_duration};
pub use error::{Action, Attempt, FailureClass, Guidance, Retry, Said, SourceError};
pub use field::{
    Environment, Field, FieldKind, FieldProblem, FieldRole, Given, GivenFields, ProcessEnvironment, Rule,
    Severity,
};
pub use http::{HTTP_FIELDS, HttpClient, HttpSettings};
pub use secrecy::{ExposeSecret, SecretString};
pub use session::Session;
pub use source::{BuildContext, TokenSource};
pub use system::{Origin, SYSTEMS, Settings, System, system};
pub use token::{Expiry, Identity, Predecessor, Token, TokenNote, TokenUsage};
