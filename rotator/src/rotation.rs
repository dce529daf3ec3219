//! What is rotated: a source, a schedule, and the destinations of its tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_vault::{FieldNames, KvPath};

use crate::proof::human;
use crate::reader::Reader;
use crate::schedule::Schedule;
use crate::source::Source;

/// One named job, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is run at all.
    pub enabled: bool,
    /// Where its tokens come from.
    pub source: Arc<Source>,
    /// When it logs in, whatever the age of its token.
    pub schedule: Schedule,
    /// How long before the end of its token it logs in, whatever the schedule says.
    pub renew_before: RenewBefore,
    /// How long the slowest reader may take to notice a new token.
    pub reader_lag: Duration,
    /// The reader that this is known of, if one was named.
    pub reader: Option<&'static Reader>,
    /// How long source or Vault may be away without any reader holding a dead token.
    pub survive_outage: Duration,
    /// How far its times may be shifted, so that many rotations do not run at once.
    pub spread: Duration,
    /// Whether a new token is tried out before it is published.
    pub verify: bool,
    /// Where its tokens are written; at least one.
    pub destinations: Vec<Destination>,
}

/// How long before the end of its life a token is replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RenewBefore {
    /// This long.
    Duration(Duration),
    /// This many hundredths of its life, from 1 to 99.
    Percent(u8),
}

impl RenewBefore {
    /// How long that is for a token of this life. Never the whole life: a token that lives shorter than it should
    /// be renewed before its end is renewed after half its life.
    pub fn of(self, life: Duration) -> Duration {
        match self {
            RenewBefore::Duration(before) if before < life => before,
            RenewBefore::Duration(_) => life / 2,
            RenewBefore::Percent(percent) => life * u32::from(percent) / 100,
        }
    }
}

impl fmt::Display for RenewBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RenewBefore::Duration(before) => f.write_str(&human(*before)),
            RenewBefore::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Default for RenewBefore {
    fn default() -> Self {
        RenewBefore::Percent(30)
    }
}

/// An entry of a KV v2 secrets engine that a rotation writes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Destination {
    /// Which entry.
    pub entry: KvPath,
    /// What its fields are called.
    pub fields: FieldNames,
    /// Whether an entry that somebody else made is taken over.
    pub adopt: bool,
}

impl Destination {
    /// What is most likely a mistake in its path, and what to do about it. There may be such an entry.
    pub fn doubt(&self) -> Option<(String, String)> {
        let KvPath { mount, path, .. } = &self.entry;
        if let Some(name) = path.strip_prefix(&**mount).and_then(|rest| rest.strip_prefix('/')) {
            let doubt =
                format!("`path` begins with its own mount, so Vault keeps the entry at {mount}/data/{path}");
            let advice = format!(
                "Write `path = \"{name}\"`: `mount` is named apart. Go on only if the entry is called so."
            );
            return Some((doubt, advice));
        }
        let step = self.entry.api_step()?;
        let doubt = format!("`path` begins with `{step}/`, so Vault keeps the entry at {mount}/data/{path}");
        let advice = format!(
            "Leave `{step}/` out: `path` is the name of the entry, as `bao kv get` takes it. Go on only if it is called so."
        );
        Some((doubt, advice))
    }

    /// An entry of its own, with the names that fields have by themselves.
    pub fn new(entry: KvPath) -> Self {
        Destination { entry, fields: FieldNames::default(), adopt: false }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_what_is_named_apart_is_doubted() {
        let doubt = |path: &str| Destination::new(KvPath::new("secret", path)).doubt();
        assert_eq!(
            doubt("secret/tokens/x").map(|(doubt, _)| doubt).as_deref(),
            Some("`path` begins with its own mount, so Vault keeps the entry at secret/data/secret/tokens/x")
        );
        assert!(doubt("secret/x").unwrap().1.starts_with("Write `path = \"x\"`"));
        assert!(doubt("data/x").is_some());
        assert!(["secret", "secrets/x", "tokens/secret/x"].into_iter().all(|path| doubt(path).is_none()));
    }
}
