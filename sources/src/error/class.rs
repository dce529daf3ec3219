//! Classes of failures: what logs and metrics count, and what decides about another try.

use std::fmt;

use super::SourceError;
use crate::Timestamp;

/// Whether and when it is worth to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// When the system said.
    At(Timestamp),
    /// After a while, longer each time.
    Backoff,
    /// Not before somebody changes something.
    Never,
}

/// The kind of a failure. Its name is stable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each is the variant of SourceError of that name, or of that of a named failure"
)]
pub enum FailureClass {
    AmbiguousDevice,
    AnswerTooLarge,
    BadRequest,
    BrokenAnswer,
    CaFile,
    CaStore,
    ExpiredOnArrival,
    ExpiryUnknown,
    LifetimeZero,
    LinkLocal,
    LoginRefused,
    Malformed,
    MissingOtp,
    MissingPassword,
    NoAccess,
    NotAllowedHere,
    NotFound,
    PasswordExpired,
    ProxyRefused,
    RateLimited,
    Redirected,
    ServerError,
    TimedOut,
    Tls,
    TokenRejected,
    TooShortLived,
    UnexpectedStatus,
    UnknownDevice,
    Unprotected,
    Unreachable,
}

impl FailureClass {
    /// Whether the system refused the credential itself: doing that again may lock an account.
    pub fn is_refused_login(self) -> bool {
        matches!(self, FailureClass::LoginRefused | FailureClass::PasswordExpired)
    }

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            FailureClass::AmbiguousDevice => "ambiguous_device",
            FailureClass::AnswerTooLarge => "answer_too_large",
            FailureClass::BadRequest => "bad_request",
            FailureClass::BrokenAnswer => "broken_answer",
            FailureClass::CaFile => "ca_file",
            FailureClass::CaStore => "ca_store",
            FailureClass::ExpiredOnArrival => "expired_on_arrival",
            FailureClass::ExpiryUnknown => "expiry_unknown",
            FailureClass::LifetimeZero => "lifetime_zero",
            FailureClass::LinkLocal => "link_local",
            FailureClass::LoginRefused => "login_refused",
            FailureClass::Malformed => "malformed_answer",
            FailureClass::MissingOtp => "missing_otp",
            FailureClass::MissingPassword => "missing_password",
            FailureClass::NoAccess => "no_access",
            FailureClass::NotAllowedHere => "not_allowed_here",
            FailureClass::NotFound => "not_found",
            FailureClass::PasswordExpired => "password_expired",
            FailureClass::ProxyRefused => "proxy_refused",
            FailureClass::RateLimited => "rate_limited",
            FailureClass::Redirected => "redirected",
            FailureClass::ServerError => "server_error",
            FailureClass::TimedOut => "timed_out",
            FailureClass::Tls => "tls",
            FailureClass::TokenRejected => "token_rejected",
            FailureClass::TooShortLived => "too_short_lived",
            FailureClass::UnexpectedStatus => "unexpected_status",
            FailureClass::UnknownDevice => "unknown_device",
            FailureClass::Unprotected => "unprotected",
            FailureClass::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl SourceError {
    /// Its kind.
    pub fn class(&self) -> FailureClass {
        match self {
            SourceError::AmbiguousDevice { .. } => FailureClass::AmbiguousDevice,
            SourceError::AnswerTooLarge { .. } => FailureClass::AnswerTooLarge,
            SourceError::BadRequest { .. } => FailureClass::BadRequest,
            SourceError::BrokenAnswer { .. } => FailureClass::BrokenAnswer,
            SourceError::CaFile { .. } => FailureClass::CaFile,
            SourceError::CaStore { .. } => FailureClass::CaStore,
            SourceError::ExpiredOnArrival { .. } | SourceError::KeyExpired { .. } => {
                FailureClass::ExpiredOnArrival
            }
            SourceError::ExpiryUnknown { .. } => FailureClass::ExpiryUnknown,
            SourceError::LifetimeZero { .. } => FailureClass::LifetimeZero,
            SourceError::LinkLocal { .. } => FailureClass::LinkLocal,
            SourceError::LoginRefused { .. } | SourceError::NoToken { .. } => FailureClass::LoginRefused,
            SourceError::Malformed { .. }
            | SourceError::MissingValue { .. }
            | SourceError::UnusableValue { .. } => FailureClass::Malformed,
            SourceError::MissingOtp { .. } | SourceError::NoOtp { .. } => FailureClass::MissingOtp,
            SourceError::MissingPassword { .. } => FailureClass::MissingPassword,
            SourceError::Named { failure, .. } => failure.class,
            SourceError::NoAccess { .. } => FailureClass::NoAccess,
            SourceError::NotAllowedHere { .. } => FailureClass::NotAllowedHere,
            SourceError::NotFound { .. } => FailureClass::NotFound,
            SourceError::ProxyRefused { .. } => FailureClass::ProxyRefused,
            SourceError::RateLimited { .. } => FailureClass::RateLimited,
            SourceError::Redirected { .. } => FailureClass::Redirected,
            SourceError::ServerError { .. } => FailureClass::ServerError,
            SourceError::GatewayTimedOut { .. } | SourceError::TimedOut { .. } => FailureClass::TimedOut,
            SourceError::Tls { .. } => FailureClass::Tls,
            SourceError::TokenRejected { .. } => FailureClass::TokenRejected,
            SourceError::TooShortLived { .. } => FailureClass::TooShortLived,
            SourceError::UnexpectedStatus { .. } => FailureClass::UnexpectedStatus,
            SourceError::NoSuchDevice { .. } | SourceError::UnknownDevice { .. } => {
                FailureClass::UnknownDevice
            }
            SourceError::Unreachable { .. } => FailureClass::Unreachable,
        }
    }

    /// Whether and when it is worth to try again. A refused login never is.
    pub fn retry(&self) -> Retry {
        match self {
            SourceError::RateLimited { until: Some(until), .. }
            | SourceError::ServerError { until: Some(until), .. } => Retry::At(*until),
            // The server does not do what it is asked for, and will not.
            SourceError::ServerError { status: 501 | 505..=511, .. } => Retry::Never,
            SourceError::BrokenAnswer { .. }
            | SourceError::GatewayTimedOut { .. }
            | SourceError::RateLimited { .. }
            | SourceError::ServerError { .. }
            | SourceError::TimedOut { .. }
            | SourceError::Tls { certificate: false, .. }
            | SourceError::Unreachable { .. } => Retry::Backoff,
            SourceError::Named { failure, .. } if failure.class == FailureClass::ServerError => {
                Retry::Backoff
            }
            _ => Retry::Never,
        }
    }
}
