//! HashiCorp Vault and OpenBao: logging in there, and the entries that the rotator keeps there for its readers.
//!
//! A [`Vault`] is one server or cluster with our login to it. It logs in when that is needed, and reads and writes
//! entries of KV secrets engines. What an [`Entry`] looks like stands here once, for the rotator that writes it and for
//! everybody who reads it. Nothing here knows when an entry is to be written, or what for.

mod address;
mod auth;
mod counts;
mod endpoint;
mod entry;
mod error;
mod fault;
mod follow;
mod found;
mod history;
mod identity;
mod inspect;
mod kv2;
mod lease;
mod log_in;
mod login;
mod mount;
mod names;
mod operation;
mod path;
mod read;
mod refusal;
mod session;
mod settings;
mod succession;
mod surroundings;
mod transport;
mod unwrap;
mod vault;
mod wiped;
mod word;

pub use address::{AddressError, parse_address};
pub use auth::{
    AuthMethod, DEFAULT_APP_ROLE_MOUNT, DEFAULT_CERT_MOUNT, DEFAULT_JWT_MOUNT, DEFAULT_KUBERNETES_MOUNT,
    DEFAULT_USERPASS_MOUNT, Kept, SERVICE_ACCOUNT_TOKEN, VaultAuth,
};
pub use counts::Counts;
pub use entry::{Entry, EntryError, Origin, SCHEMA};
pub use error::VaultError;
pub use found::{Data, Found, Stored};
pub use history::WrittenVersion;
pub use identity::IdentityError;
pub use inspect::{Capabilities, Health, Keeping, TokenFacts};
pub use mount::{KvVersion, Mount};
pub use names::{FIELDS, FieldNames, FieldNamesError};
pub use operation::Operation;
pub use path::{KvPath, PathError, ROOT, entry_path, namespace_path};
pub use read::{Rotated, Secret};
pub use settings::{DEFAULT_TIMEOUT, ROOT_NAMESPACE, VaultSettings};
pub use surroundings::{Surroundings, SurroundingsError};
pub use vault::Vault;
pub use word::{NO_PATH, NO_WORD, is_path, is_word};
