//! What stands in Vault: the entry that readers see.

use std::time::Duration;

use chrono::SubsecRound as _;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use thiserror::Error;
use tokenferry_sources::{ExposeSecret, SecretString, Timestamp, Token, parse_rfc3339, rfc3339};

use crate::FieldNames;

/// Everything that readers of an entry find: one write, so all of it is always about one token.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The token itself.
    pub token: SecretString,
    /// What the system calls this kind of token.
    pub token_type: String,
    /// The request header that carries it.
    pub header_name: String,
    /// The value of that header.
    pub header_value: SecretString,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends, if anybody knows.
    pub expires_at: Option<Timestamp>,
    /// From when on readers find a newer one, if the end is known.
    pub refresh_after: Option<Timestamp>,
    /// How many seconds it lived at its issue, if the end is known.
    pub ttl: Option<u64>,
    /// The system's name.
    pub system: String,
    /// The base URL of who issued it.
    pub issuer: String,
    /// To whom.
    pub subject: String,
    /// What else is known of its making.
    pub origin: Origin,
}

/// How an entry came to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The source, as `SYSTEM.NAME`.
    pub source: String,
    /// The rotation.
    pub rotation: String,
    /// The planned time of the run.
    pub occurrence: Timestamp,
    /// One more than that of the entry before.
    pub serial: u64,
    /// The process that wrote it.
    pub writer: String,
}

/// Why a stored entry tells nothing.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EntryError {
    /// It lacks something that every entry of ours has.
    #[error("the entry has no usable field `{field}`")]
    Incomplete {
        /// What is missing, or is no such thing.
        field: &'static str,
    },
    /// A newer version of this program wrote it.
    #[error("the entry has schema {schema}, and this program knows only {SCHEMA}")]
    Newer {
        /// The schema it has.
        schema: u64,
    },
}

/// The form of entries that this program writes.
pub const SCHEMA: u64 = 1;

impl Entry {
    /// The entry for a fresh token. It says no more of times than can be read, so whoever reckons by them comes to the same
    /// as who wrote it.
    pub fn new(token: &Token, renew_before: impl FnOnce(Duration) -> Duration, origin: Origin) -> Self {
        let issued_at = token.issued_at.trunc_subsecs(0);
        let expires_at = token.expires_at().map(|end| end.trunc_subsecs(0));
        let life = |end: Timestamp| (end - issued_at).to_std().unwrap_or_default();
        let refresh_after = expires_at.map(|end| end - renew_before(life(end)));
        Entry {
            token: token.value.clone(),
            token_type: token.usage.token_type.to_string(),
            header_name: token.usage.header_name.to_string(),
            header_value: token.header_value(),
            issued_at,
            expires_at,
            refresh_after: refresh_after.map(|at| at.trunc_subsecs(0)),
            ttl: token.life().map(|life| life.as_secs()),
            system: token.identity.system.to_owned(),
            issuer: token.identity.issuer.clone(),
            subject: token.identity.subject.clone(),
            origin,
        }
    }

    /// The fields to store, under these names. What is not known is left out.
    pub fn to_json(&self, names: &FieldNames) -> Map<String, Value> {
        let text = |text: &str| Some(Value::from(text));
        let time = |time: Option<Timestamp>| time.map(|time| Value::from(rfc3339(time)));
        let fields = [
            ("token", text(self.token.expose_secret())),
            ("token_type", text(&self.token_type)),
            ("header_name", text(&self.header_name)),
            ("header_value", text(self.header_value.expose_secret())),
            ("issued_at", time(Some(self.issued_at))),
            ("expires_at", time(self.expires_at)),
            ("refresh_after", time(self.refresh_after)),
            ("ttl", self.ttl.map(Value::from)),
            ("system", text(&self.system)),
            ("issuer", text(&self.issuer)),
            ("subject", text(&self.subject)),
            ("source", text(&self.origin.source)),
            ("rotation", text(&self.origin.rotation)),
            ("occurrence", time(Some(self.origin.occurrence))),
            ("serial", Some(Value::from(self.origin.serial))),
            ("writer", text(&self.origin.writer)),
            ("schema", Some(Value::from(SCHEMA))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((names.of(name).to_owned(), value?))).collect()
    }

    /// Reads an entry that is stored under these names. What else stands there does not matter.
    ///
    /// # Errors
    /// When it is of a newer kind, or lacks what makes an entry ours.
    pub fn from_json(fields: &Map<String, Value>, names: &FieldNames) -> Result<Self, EntryError> {
        let read = Reader { fields, names };
        let schema = read.number("schema")?;
        if schema > SCHEMA {
            return Err(EntryError::Newer { schema });
        }
        Ok(Entry {
            token: read.token()?.into(),
            token_type: read.text_or_empty("token_type"),
            header_name: read.header_name()?,
            header_value: read.header_value()?.into(),
            issued_at: read.time("issued_at")?,
            expires_at: read.optional_time("expires_at")?,
            refresh_after: read.optional_time("refresh_after")?,
            ttl: read.number("ttl").ok(),
            system: read.text_or_empty("system"),
            issuer: read.text_or_empty("issuer"),
            subject: read.text_or_empty("subject"),
            origin: Origin {
                source: read.text_or_empty("source"),
                rotation: read.text("rotation").map(|text| read.plain(text))?,
                occurrence: read.time("occurrence")?,
                serial: read.number("serial")?,
                writer: read.text_or_empty("writer"),
            },
        })
    }

    /// Whether this is the token it holds.
    pub fn holds(&self, token: &Token) -> bool {
        self.token.expose_secret() == token.value.expose_secret()
    }
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    names: &'a FieldNames,
}

impl<'a> Reader<'a> {
    fn value(&self, field: &'static str) -> Option<&'a Value> {
        self.fields.get(self.names.of(field))
    }

    fn text(&self, field: &'static str) -> Result<&'a str, EntryError> {
        self.value(field).and_then(Value::as_str).ok_or(EntryError::Incomplete { field })
    }

    /// What no request can carry is not a token.
    fn token(&self) -> Result<&'a str, EntryError> {
        let field = "token";
        self.text(field).ok().filter(|token| can_be_sent(token)).ok_or(EntryError::Incomplete { field })
    }

    /// What stands in the way of a header only if it is there: other fields of the entry do without it.
    fn header_name(&self) -> Result<String, EntryError> {
        let (field, name) = ("header_name", self.text("header_name").unwrap_or_default());
        if name.is_empty() || HeaderName::from_bytes(name.as_bytes()).is_ok() {
            return Ok(name.to_owned());
        }
        Err(EntryError::Incomplete { field })
    }

    fn header_value(&self) -> Result<&'a str, EntryError> {
        let (field, value) = ("header_value", self.text("header_value").unwrap_or_default());
        if value.is_empty() || can_be_sent(value) { Ok(value) } else { Err(EntryError::Incomplete { field }) }
    }

    fn text_or_empty(&self, field: &'static str) -> String {
        self.plain(self.text(field).unwrap_or_default())
    }

    /// A text that can be shown: whoever may write there could have written anything.
    fn plain(&self, text: &str) -> String {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = match self.text("token") {
            Ok(token) if !token.is_empty() => text.replace(token, MASK),
            _ => text,
        };
        text.chars().take(LONGEST).collect()
    }

    /// The command line tools of Vault write numbers as texts.
    fn number(&self, field: &'static str) -> Result<u64, EntryError> {
        let number = match self.value(field) {
            Some(Value::String(text)) => text.parse().ok(),
            value => value.and_then(Value::as_u64),
        };
        number.ok_or(EntryError::Incomplete { field })
    }

    fn time(&self, field: &'static str) -> Result<Timestamp, EntryError> {
        parse_rfc3339(self.text(field)?).ok_or(EntryError::Incomplete { field })
    }

    /// A time that is there must be one: taken for unknown, it would let a token die unnoticed.
    fn optional_time(&self, field: &'static str) -> Result<Option<Timestamp>, EntryError> {
        if self.value(field).is_some() { self.time(field).map(Some) } else { Ok(None) }
    }
}

fn can_be_sent(text: &str) -> bool {
    !text.trim().is_empty() && HeaderValue::from_bytes(text.as_bytes()).is_ok()
}

const MASK: &str = "[REDACTED]";
/// The longest text that is told of: longer than any URL of an issuer.
const LONGEST: usize = 2000;

#[cfg(test)]
mod tests;
