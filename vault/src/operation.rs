//! What can be asked of a Vault, in words.

use std::fmt;
use std::sync::Arc;

use crate::{AuthMethod, KvPath};

/// What was attempted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// To log in by this method at this mount.
    Login(AuthMethod, Arc<str>),
    /// To see how a node feels.
    LookAtHealth,
    /// To look our own token up.
    LookUp,
    /// To note something beside an entry.
    Note(KvPath),
    /// To read an entry of whatever version of KV.
    Read(KvPath),
    /// To read an entry of KV v2.
    ReadData(KvPath),
    /// To read what is noted beside an entry.
    ReadMetadata(KvPath),
    /// To find out what is mounted somewhere.
    ReadMount(Arc<str>),
    /// To renew our own token.
    Renew,
    /// To unwrap the secret_id of an AppRole at this mount.
    Unwrap(Arc<str>),
    /// To write an entry.
    Write(KvPath),
}

impl Operation {
    /// Whether it is done to have a token, and not with it.
    pub(crate) fn is_about_our_token(&self) -> bool {
        matches!(self, Operation::Login(..) | Operation::LookUp | Operation::Renew | Operation::Unwrap(_))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Login(_, mount) => write!(f, "logging in to Vault at auth/{mount}"),
            Operation::LookAtHealth => f.write_str("looking at the health of Vault"),
            Operation::LookUp => f.write_str("looking up our Vault token"),
            Operation::Note(at) => write!(f, "noting the state of {at}"),
            Operation::Read(at) | Operation::ReadData(at) => write!(f, "reading {at}"),
            Operation::ReadMetadata(at) => write!(f, "reading the metadata of {at}"),
            Operation::ReadMount(mount) => write!(f, "looking at the mount {mount}"),
            Operation::Renew => f.write_str("renewing our Vault token"),
            Operation::Unwrap(mount) => write!(f, "unwrapping the secret_id for auth/{mount}"),
            Operation::Write(at) => write!(f, "writing {at}"),
        }
    }
}
