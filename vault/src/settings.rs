//! Where a Vault is and how to log in there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::VaultAuth;

/// Where Vault is and how to log in there.
#[derive(Clone, Debug, PartialEq)]
pub struct VaultSettings {
    /// Its nodes: the one to ask, then those that it may send us to. None has a path.
    pub addresses: Vec<Url>,
    /// The namespace of everything.
    pub namespace: Option<String>,
    /// The CA certificates to trust.
    pub ca_cert_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What is sent as `User-Agent`.
    pub user_agent: String,
    /// How to log in.
    pub auth: VaultAuth,
    /// Where the login is, if not in the namespace of everything; [`ROOT_NAMESPACE`] is outside of all.
    pub auth_namespace: Option<String>,
}

impl VaultSettings {
    /// The files that these settings refer to. What stands in them may change.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.ca_cert_file.iter().map(PathBuf::as_path).chain(self.auth.files())
    }
}

/// How long one request may take unless somebody says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How the namespace that holds all others can be called; none may have that name.
pub const ROOT_NAMESPACE: &str = "root";
