//! Time-based one-time passwords (RFC 6238), reckoned here from a shared secret.

mod fields;
mod secret;

pub use fields::{FIELDS, check, from_given};
pub use secret::TotpError;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::sleep;

use crate::{Clock, Timestamp};

/// What makes one-time passwords of one account.
pub struct Totp {
    inner: totp_rs::TOTP,
    label: Label,
}

/// How codes are made, where it is not as almost everywhere: SHA-1, 6 digits, 30 s.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Parameters {
    /// The hash function.
    pub algorithm: Option<Algorithm>,
    /// The length of a code, from 6 to 8.
    pub digits: Option<u8>,
    /// How long a code holds: whole seconds, up to a day.
    pub period: Option<Duration>,
}

/// The hash function behind the codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "they are called so everywhere")]
pub enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// What an otpauth URI says about the account. Nothing of it is secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Label {
    /// Who wants the codes.
    pub issuer: Option<String>,
    /// Whose account it is.
    pub account: Option<String>,
}

/// One code with the time in which it holds.
#[derive(Clone, Debug)]
pub struct Code {
    /// The digits.
    pub value: SecretString,
    /// The first moment at which it holds.
    pub valid_from: Timestamp,
    /// The first moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

impl Totp {
    /// Takes a secret in base32, with or without blanks, dashes, padding and capitals, or a whole otpauth URI.
    ///
    /// # Errors
    /// When it is neither, or the parameters are impossible or contradict the URI. Nothing of it is repeated.
    pub fn parse(secret: &SecretString, parameters: Parameters) -> Result<Self, TotpError> {
        let (bytes, parameters, label) = secret::parse(secret, parameters)?;
        let algorithm = match parameters.algorithm.unwrap_or(Algorithm::Sha1) {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        let digits = usize::from(parameters.digits.unwrap_or(6));
        let period = parameters.period.unwrap_or(Duration::from_secs(30)).as_secs();
        // Unchecked, because many a real secret is shorter than the RFC wants it; all else was checked.
        let inner = totp_rs::TOTP::new_unchecked(algorithm, digits, 0, period, bytes);
        Ok(Totp { inner, label })
    }

    /// The code of a point in time.
    pub fn code_at(&self, now: Timestamp) -> Code {
        let now = u64::try_from(now.timestamp()).unwrap_or_default();
        let end = self.inner.next_step(now);
        Code {
            value: self.inner.generate(now).into(),
            valid_from: timestamp(end - self.inner.step),
            expires_at: timestamp(end),
        }
    }

    /// The code of now, or, where less than `minimum` is left of its time, the next one as soon as that holds.
    ///
    /// # Errors
    /// When no code ever holds that long, or the next one comes later than in `max_wait`: at once.
    pub async fn wait_for(
        &self,
        minimum: Duration,
        max_wait: Duration,
        clock: &dyn Clock,
    ) -> Result<Code, TotpError> {
        if minimum > self.period() {
            return Err(TotpError::MinimumTooLong { minimum, period: self.period() });
        }
        let now = clock.now();
        let code = self.code_at(now);
        let left = (code.expires_at - now).to_std().unwrap_or_default();
        if left >= minimum {
            return Ok(code);
        }
        if left > max_wait {
            return Err(TotpError::WaitTooLong { next: code.expires_at, max_wait });
        }
        sleep(left).await;
        // Whatever the wall clock did meanwhile: never the old one again.
        Ok(self.code_at(clock.now().max(code.expires_at)))
    }

    /// How long each code holds.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.inner.step)
    }

    /// What the otpauth URI says about the account; empty if there was none.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

impl Code {
    /// Whole seconds for which it still holds, rounded down.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        u64::try_from((self.expires_at - now).num_seconds()).unwrap_or_default()
    }
}

impl fmt::Debug for Totp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totp")
            .field("algorithm", &self.inner.algorithm)
            .field("digits", &self.inner.digits)
            .field("period", &self.inner.step)
            .finish_non_exhaustive()
    }
}

/// The end of the calendar stands for what is beyond it.
fn timestamp(seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_timestamp(seconds, 0).unwrap_or(Timestamp::MAX_UTC)
}

#[cfg(test)]
mod tests;
