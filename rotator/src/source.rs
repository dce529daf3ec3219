//! A configured source: what the configuration says about one way to get tokens, secrets as references.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::{Given, HttpSettings, System, TokenSource};

/// One `source` block.
#[derive(Debug)]
pub struct Source {
    /// `SYSTEM.NAME`, as rotations refer to it.
    pub name: Arc<str>,
    /// Where it logs in.
    pub system: &'static System,
    /// Its fields, as written.
    pub fields: BTreeMap<String, Setting>,
    /// How it speaks HTTP.
    pub http: HttpSettings,
    /// The life that the configuration states for its tokens.
    pub ttl: Option<Duration>,
}

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Written in the file; never a secret.
    Literal(Given),
    /// To be read where it is kept, anew at each use.
    Reference(Reference),
}

/// Where a secret is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reference {
    /// In an environment variable.
    Env(String),
    /// In a file: its content without the line break at its end.
    File(PathBuf),
}

/// A source that is ready to log in.
#[derive(Debug)]
pub struct Opened {
    /// Logs in.
    pub login: Arc<dyn TokenSource>,
    /// Every setting that a login sends or is sent to, in a fixed order: to tell whether a login has changed.
    pub material: zeroize::Zeroizing<Vec<u8>>,
}
