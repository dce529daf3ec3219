//! When the versions of an entry were written: what its metadata remember of the past, without any data.

use tokenferry_sources::{Timestamp, parse_rfc3339};
use vaultrs::api::kv2::requests::ReadSecretMetadataRequest;
use vaultrs::api::kv2::responses::ReadSecretMetadataResponse;

use crate::{KvPath, Operation, Vault, VaultError};

/// A version of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WrittenVersion {
    /// Its number.
    pub version: u64,
    /// When it was written.
    pub at: Timestamp,
}

impl Vault {
    /// The versions of an entry that Vault still knows of, in their order. None if there is no such entry.
    ///
    /// # Errors
    /// When Vault does not answer, or does not let us.
    pub async fn read_history(&self, at: &KvPath) -> Result<Vec<WrittenVersion>, VaultError> {
        let (mount, path) = (at.mount.to_string(), at.path.to_string());
        match self.ask(at, ReadSecretMetadataRequest { mount, path }).await? {
            Ok(metadata) => Ok(versions(&metadata)),
            Err(fault) if fault.is_nothing_there() => Ok(Vec::new()),
            Err(fault) => Err(fault.during(Operation::ReadMetadata(at.clone()))),
        }
    }
}

fn versions(metadata: &ReadSecretMetadataResponse) -> Vec<WrittenVersion> {
    let known = metadata.versions.iter().filter_map(|(version, written)| {
        Some(WrittenVersion { version: version.parse().ok()?, at: parse_rfc3339(&written.created_time)? })
    });
    let mut versions: Vec<_> = known.collect();
    versions.sort_by_key(|written| written.version);
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_in_the_order_of_their_numbers_and_what_is_no_version_is_left_out() {
        let version = |at: &str| format!(r#"{{"created_time":"{at}","deletion_time":"","destroyed":false}}"#);
        let versions_json = format!(
            r#"{{"10":{},"9":{},"x":{},"11":{}}}"#,
            version("2026-11-22T10:00:00.5Z"),
            version("2026-11-22T09:00:00Z"),
            version("2026-11-22T08:00:00Z"),
            version("yesterday"),
        );
        let metadata = format!(
            r#"{{"cas_required":false,"created_time":"","current_version":11,"delete_version_after":"0s",
                "max_versions":0,"oldest_version":9,"updated_time":"","custom_metadata":null,"versions":{versions_json}}}"#
        );
        let metadata: ReadSecretMetadataResponse = serde_json::from_str(&metadata).unwrap();
        let found: Vec<u64> = super::versions(&metadata).iter().map(|written| written.version).collect();
        assert_eq!(found, [9, 10]);
    }
}
