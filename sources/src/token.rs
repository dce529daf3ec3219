//! What a login yields.

use std::borrow::Cow;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::Timestamp;
use crate::expiry::Arrival;

/// An access token with all that is known about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// The token itself.
    pub value: SecretString,
    /// How it is sent.
    pub usage: TokenUsage,
    /// Who issued it, to whom.
    pub identity: Identity,
    /// When it arrived here.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expiry: Expiry,
    /// What its user should be told.
    pub notes: Vec<TokenNote>,
    /// What it can be refreshed with later, if the system gave such a thing.
    pub refresh: Option<RefreshToken>,
    /// By how many seconds the clock of its issuer was ahead of ours when it arrived, if the issuer showed it.
    pub issuer_ahead_secs: Option<i32>,
}

impl Token {
    /// A token without notes, that cannot be refreshed.
    pub fn new(
        value: SecretString,
        usage: TokenUsage,
        identity: Identity,
        issued_at: Timestamp,
        expiry: Expiry,
    ) -> Self {
        Token {
            value,
            usage,
            identity,
            issued_at,
            expiry,
            notes: Vec::new(),
            refresh: None,
            issuer_ahead_secs: None,
        }
    }

    /// The same with what its arrival shows of the clock of its issuer; where the answer has no date, with what the
    /// token itself does.
    pub(crate) fn arrived(mut self, arrival: Arrival) -> Self {
        let ahead = arrival.issuer_ahead().or_else(|| arrival.signer_ahead(self.value.expose_secret()));
        self.issuer_ahead_secs = ahead.and_then(|ahead| i32::try_from(ahead.num_seconds()).ok());
        self
    }

    /// The value of the header named by [`TokenUsage::header_name`].
    pub fn header_value(&self) -> SecretString {
        format!("{}{}", self.usage.value_prefix, self.value.expose_secret()).into()
    }

    /// The end of its life, if that is known or assumed.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.expiry {
            Expiry::Assumed(at) | Expiry::Reported(at) => Some(at),
            Expiry::Unknown => None,
        }
    }

    /// What is left of its life; zero when it is over, `None` when its end is not known.
    pub fn life_left(&self, now: Timestamp) -> Option<Duration> {
        self.expires_at().map(|end| (end - now).to_std().unwrap_or_default())
    }

    /// Its whole life, from its arrival here to its end.
    pub fn life(&self) -> Option<Duration> {
        self.life_left(self.issued_at)
    }
}

/// How a token is sent along.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenUsage {
    /// What the system calls this kind of token: `Bearer` or `JWT`.
    pub token_type: Cow<'static, str>,
    /// The request header that carries it.
    pub header_name: Cow<'static, str>,
    /// What stands before the token in that header, including the blank.
    pub value_prefix: Cow<'static, str>,
}

impl TokenUsage {
    /// The usage that a system prescribes.
    pub const fn fixed(
        token_type: &'static str,
        header_name: &'static str,
        value_prefix: &'static str,
    ) -> Self {
        TokenUsage {
            token_type: Cow::Borrowed(token_type),
            header_name: Cow::Borrowed(header_name),
            value_prefix: Cow::Borrowed(value_prefix),
        }
    }
}

/// What a new token is to be had for, once, instead of a login.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// The refresh token itself.
    pub value: SecretString,
    /// When it ends, if the system said so.
    pub expires_at: Option<Timestamp>,
}

/// Who issued a token, to whom. Nothing of it is secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The system's name, as in the configuration.
    pub system: &'static str,
    /// The base URL of the issuer, without user info. Where a token is good for a part of a system only, as for one
    /// client, it is the URL that says for which.
    pub issuer: String,
    /// The client id or user name.
    pub subject: String,
}

/// When a token ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// The system said so.
    Reported(Timestamp),
    /// The configured `ttl` says so.
    Assumed(Timestamp),
    /// Nobody said so. It is never invented.
    Unknown,
}

/// What a login does to the token before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Predecessor {
    /// It lives on until its own end.
    LivesOn,
    /// It ends at once.
    Dies,
    /// The system does not say.
    Unknown,
}

/// Something about a token that its user should be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenNote {
    /// The server runs without authentication and gives everybody the same token.
    FreeAccess,
}

impl TokenNote {
    /// One line.
    pub fn summary(self) -> &'static str {
        match self {
            TokenNote::FreeAccess => "The server does not authenticate anybody",
        }
    }

    /// What it means and what to do.
    pub fn detail(self) -> &'static str {
        match self {
            TokenNote::FreeAccess => {
                "The server answered the login with the token `freeaccess`, which it gives to everybody while its \
                 authentication is switched off. The user name and the password were not checked, and the token is \
                 worthless at a server with authentication. If this server should be protected, set its `owner` and \
                 `secret`; if not, nothing needs to be done."
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::TimeDelta;

    use super::*;

    pub(crate) fn example(value: &str, issued_at: Timestamp, life_secs: Option<i64>) -> Token {
        let usage = TokenUsage::fixed("Bearer", "Authorization", "Bearer ");
        let identity = Identity {
            system: "zettelstore",
            issuer: "http://127.0.0.1:23123/".to_owned(),
            subject: "anna".to_owned(),
        };
        let expiry =
            life_secs.map_or(Expiry::Unknown, |secs| Expiry::Reported(issued_at + TimeDelta::seconds(secs)));
        Token::new(value.into(), usage, identity, issued_at, expiry)
    }

    #[test]
    fn the_header_value_has_the_prefix() {
        let token = example("t0ken", Timestamp::UNIX_EPOCH, None);
        assert_eq!(token.header_value().expose_secret(), "Bearer t0ken");
    }

    #[test]
    fn life_left_never_goes_below_zero_and_unknown_stays_unknown() {
        let now = Timestamp::UNIX_EPOCH;
        let token = example("t0ken", now, Some(60));
        assert_eq!(token.life_left(now + TimeDelta::seconds(20)), Some(Duration::from_secs(40)));
        assert_eq!(token.life_left(now + TimeDelta::seconds(61)), Some(Duration::ZERO));
        assert_eq!(token.life(), Some(Duration::from_mins(1)));
        assert_eq!(example("t0ken", now, None).life_left(now), None);
    }

    #[test]
    fn debug_of_a_token_hides_its_value() {
        let token = example("hunter2hunter2", Timestamp::UNIX_EPOCH, None);
        assert!(!format!("{token:?} {token:#?} {:?}", token.header_value()).contains("hunter2"));
    }
}
