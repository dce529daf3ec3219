//! Token sources: logins at the systems that issue tokens, with expiry, limits, retry and redaction.
//!
//! A [`System`] describes one system: its settings, and how to get from them to a [`TokenSource`]. A [`Session`]
//! keeps the current [`Token`] of a source and sees to it that all reads share one login.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use tokenferry_sources::{
//!     BuildContext, GivenFields, HttpClient, HttpSettings, ProcessEnvironment, Session, SystemClock, system,
//! };
//!
//! let context = BuildContext {
//!     http: Arc::new(HttpClient::new(HttpSettings::default())),
//!     clock: Arc::new(SystemClock),
//! };
//! let zettelstore = system("zettelstore").ok_or("no such system")?;
//! let given = GivenFields::from([("username".to_owned(), "anna".into())]);
//! let (settings, problems) = zettelstore.resolve(&given, &ProcessEnvironment);
//! # drop(problems);
//! let source = zettelstore.build(&settings, &context).map_err(|problems| problems[0].summary.clone())?;
//! let session = Session::new(source, context.clock.clone());
//! let token = session.token(None).await?;
//! println!("it ends at {:?}", token.expires_at());
//! # Ok(())
//! # }
//! ```

mod assertion;
mod base_url;
pub mod cause;
mod clock;
mod duration;
mod error;
mod expiry;
mod field;
mod flight;
pub mod http;
mod json;
pub mod jwt;
mod mask;
mod memory;
mod nearest;
mod reference;
mod session;
mod source;
mod system;
#[cfg(test)]
mod test_server;
mod token;
pub mod totp;
mod transport;
pub mod zenoti;
pub mod zetasafe;
pub mod zettelstore;
pub mod zscaler;

pub use base_url::{is_loopback, parse_url};
pub use clock::{Clock, SystemClock, TestClock, Timestamp, parse_rfc3339, rfc3339};
pub use duration::{DurationError, parse_duration};
pub use error::{
    Action, Attempt, Detour, FailureClass, Guidance, NamedFailure, Retry, Said, SourceError, Step,
};
pub use field::{
    Environment, Field, FieldKind, FieldProblem, Given, GivenFields, Place, ProcessEnvironment, Rule,
    Severity,
};
pub use nearest::closest;
pub use reference::{Reference, ReferenceError};
pub use secrecy::{ExposeSecret, SecretString};
pub use session::Session;
pub use source::{BuildContext, Revocation, TokenSource, Verification};
pub use system::{
    Credential, Home, Origin, SYSTEMS, Settings, System, Trial, allows_http, check_fields, system,
};
pub use token::{Expiry, Identity, Predecessor, RefreshToken, Token, TokenNote, TokenUsage};
pub use transport::{HTTP_FIELDS, HttpClient, HttpSettings, certificates, user_agent};
