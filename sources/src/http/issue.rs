//! From what was taken to a token.

use std::time::Duration;

use chrono::DateTime;
use secrecy::{ExposeSecret, SecretString};

use super::plan::BEARER;
use crate::expiry::{Arrival, Stated, until};
use crate::transport::is_token;
use crate::{Attempt, Identity, SourceError, Token, TokenUsage};

/// A value, with the answer that it was in.
pub(super) struct Taken {
    pub(super) text: SecretString,
    pub(super) arrival: Arrival,
    pub(super) attempt: Attempt,
}

/// What holds for all tokens of one configuration.
pub(super) struct Terms {
    pub(super) header: String,
    /// `None` if the answer says it; [`NO_SCHEME`] if the token is sent alone.
    pub(super) scheme: Option<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) identity: Identity,
}

impl Terms {
    /// The token, if it can be sent and still lives.
    pub(super) fn token(
        &self,
        token: &Taken,
        stated: Option<(Stated, Arrival)>,
        scheme: Option<&str>,
    ) -> Result<Token, SourceError> {
        let Taken { text, arrival, attempt } = token;
        let value = text.expose_secret();
        if !is_token(value) {
            let problem = if value.trim().is_empty() { "it is empty" } else { "it cannot stand in a header" };
            return Err(unusable(attempt, "token", "as a token", problem));
        }
        let stated = stated.or_else(|| Some((Stated::of_token(value)?, *arrival)));
        let (stated, arrival) = stated.map_or((None, *arrival), |(stated, arrival)| (Some(stated), arrival));
        let expiry = until(stated, arrival, self.ttl).map_err(|ended_at| SourceError::ExpiredOnArrival {
            attempt: attempt.clone(),
            ended_at,
            now: arrival.at,
        })?;
        let usage = self.usage(scheme);
        let made = Token::new(token.text.clone(), usage, self.identity.clone(), token.arrival.at, expiry);
        Ok(made.arrived(token.arrival))
    }

    /// The settings say how the token is sent; else its answer does.
    pub(super) fn usage(&self, answered: Option<&str>) -> TokenUsage {
        let scheme = self.scheme.as_deref().or(answered).unwrap_or(BEARER);
        let prefix = if scheme == NO_SCHEME { String::new() } else { format!("{scheme} ") };
        TokenUsage {
            token_type: scheme.to_owned().into(),
            header_name: self.header.clone().into(),
            value_prefix: prefix.into(),
        }
    }
}

/// Seconds, as a number or in words that are one.
pub(super) fn life(Taken { text, attempt, .. }: &Taken) -> Result<Stated, SourceError> {
    let seconds = number(text.expose_secret());
    let problem = "it is not a number";
    seconds
        .map(Stated::Life)
        .ok_or_else(|| unusable(attempt, "expires_in", "as a number of seconds", problem))
}

/// A time as RFC 3339 writes it, or in Unix seconds.
pub(super) fn end(Taken { text, attempt, .. }: &Taken) -> Result<Stated, SourceError> {
    let text = text.expose_secret();
    let written = DateTime::parse_from_rfc3339(text.trim()).ok();
    #[expect(clippy::cast_precision_loss, reason = "seconds of this calendar are far below 2^53")]
    let seconds = written.map(|time| time.timestamp() as f64).or_else(|| number(text));
    let problem = "it is neither a date and time as in RFC 3339 nor a number";
    seconds
        .map(Stated::End)
        .ok_or_else(|| unusable(attempt, "expires_at", "as the end of the token", problem))
}

/// `usage` says what the value was to be used for, as in `in the path`.
pub(super) fn unusable(attempt: &Attempt, value: &str, usage: &str, problem: &str) -> SourceError {
    let problem = format!("{usage}: {problem}").into();
    SourceError::UnusableValue { attempt: attempt.clone(), value: value.into(), problem }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The word for no scheme, in settings and as the type of such tokens.
pub(super) const NO_SCHEME: &str = "none";
