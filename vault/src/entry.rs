//! What stands in Vault: the entry that readers see.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;
use tokenferry_sources::{ExposeSecret, SecretString, Timestamp, Token, parse_rfc3339, rfc3339};

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
    /// The entry for a fresh token.
    pub fn new(token: &Token, renew_before: impl FnOnce(Duration) -> Duration, origin: Origin) -> Self {
        let (life, expires_at) = (token.life(), token.expires_at());
        let refresh_after = life.zip(expires_at).map(|(life, end)| end - renew_before(life));
        Entry {
            token: token.value.clone(),
            token_type: token.usage.token_type.to_string(),
            header_name: token.usage.header_name.to_string(),
            header_value: token.header_value(),
            issued_at: token.issued_at,
            expires_at,
            refresh_after,
            ttl: life.map(|life| life.as_secs()),
            system: token.identity.system.to_owned(),
            issuer: token.identity.issuer.clone(),
            subject: token.identity.subject.clone(),
            origin,
        }
    }

    /// The fields to store. What is not known is left out.
    pub fn to_json(&self) -> Map<String, Value> {
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
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// Reads a stored entry. What else stands there does not matter.
    ///
    /// # Errors
    /// When it is of a newer kind, or lacks what makes an entry ours.
    pub fn from_json(fields: &Map<String, Value>) -> Result<Self, EntryError> {
        let read = Reader(fields);
        let schema = read.number("schema")?;
        if schema > SCHEMA {
            return Err(EntryError::Newer { schema });
        }
        Ok(Entry {
            token: read.text("token").map(SecretString::from)?,
            token_type: read.text_or_empty("token_type"),
            header_name: read.text_or_empty("header_name"),
            header_value: read.text_or_empty("header_value").into(),
            issued_at: read.time("issued_at")?,
            expires_at: read.optional_time("expires_at")?,
            refresh_after: read.optional_time("refresh_after")?,
            ttl: read.number("ttl").ok(),
            system: read.text_or_empty("system"),
            issuer: read.text_or_empty("issuer"),
            subject: read.text_or_empty("subject"),
            origin: Origin {
                source: read.text_or_empty("source"),
                rotation: read.text("rotation")?.to_owned(),
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

struct Reader<'a>(&'a Map<String, Value>);

impl<'a> Reader<'a> {
    fn text(&self, field: &'static str) -> Result<&'a str, EntryError> {
        self.0.get(field).and_then(Value::as_str).ok_or(EntryError::Incomplete { field })
    }

    fn text_or_empty(&self, field: &'static str) -> String {
        self.text(field).unwrap_or_default().to_owned()
    }

    fn number(&self, field: &'static str) -> Result<u64, EntryError> {
        self.0.get(field).and_then(Value::as_u64).ok_or(EntryError::Incomplete { field })
    }

    fn time(&self, field: &'static str) -> Result<Timestamp, EntryError> {
        parse_rfc3339(self.text(field)?).ok_or(EntryError::Incomplete { field })
    }

    /// A time that is there must be one: taken for unknown, it would let a token die unnoticed.
    fn optional_time(&self, field: &'static str) -> Result<Option<Timestamp>, EntryError> {
        if self.0.contains_key(field) { self.time(field).map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests;
