//! What Vault tells about a mount to everybody who may do anything below it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::endpoint::Get;
use crate::{KvPath, Operation, Vault, VaultError};

/// An engine that is mounted somewhere.
#[derive(Clone, Debug, Deserialize)]
pub struct Mount {
    /// What kind of engine it is.
    #[serde(rename = "type")]
    pub kind: String,
    options: Option<BTreeMap<String, String>>,
}

/// A version of KV.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KvVersion {
    /// Without versions and metadata.
    V1,
    /// With both.
    V2,
}

impl Mount {
    /// Which version of KV it is; `None` if it is something else.
    pub fn kv_version(&self) -> Option<KvVersion> {
        let version = self.options.as_ref().and_then(|options| options.get("version"));
        match (self.kind.as_str(), version.map(String::as_str)) {
            ("kv" | "generic", Some("2")) => Some(KvVersion::V2),
            ("kv" | "generic" | "cubbyhole", _) => Some(KvVersion::V1),
            _ => None,
        }
    }
}

impl Vault {
    /// What is mounted where an entry is; `None` if Vault does not say, to us or to anybody.
    ///
    /// # Errors
    /// When Vault does not answer.
    pub async fn mount(&self, at: &KvPath) -> Result<Option<Mount>, VaultError> {
        match self.ask(at, Get::<Mount>::new(format!("sys/internal/ui/mounts/{}", at.mount))).await? {
            Ok(mount) => Ok(Some(mount)),
            Err(fault) if fault.leaves_open() => Ok(None),
            Err(fault) => Err(fault.during(Operation::ReadMount(Arc::clone(&at.mount)))),
        }
    }
}
