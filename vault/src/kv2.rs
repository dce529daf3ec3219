//! Reading and writing entries of KV v2.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};
use tokenferry_sources::{Timestamp, parse_rfc3339};
use vaultrs::api::kv2::requests::{
    ReadSecretMetadataRequest, ReadSecretRequest, SetSecretMetadataRequest, SetSecretRequest,
    SetSecretRequestOptions,
};
use vaultrs::api::kv2::responses::{ReadSecretMetadataResponse, ReadSecretResponse};

use crate::wiped::Wiped;
use crate::{Data, Found, KvPath, Operation, Stored, Vault, VaultError};

impl Vault {
    /// Reads an entry, with one request if there are data that we may read.
    ///
    /// # Errors
    /// When Vault does not answer, or lets us read neither data nor metadata.
    pub async fn read_entry(&self, at: &KvPath) -> Result<Found, VaultError> {
        let mut found = Found::default();
        for _ in 0..READS {
            let (mount, path) = (at.mount.to_string(), at.path.to_string());
            found = match self.ask(at, ReadSecretRequest { mount, path, version: None }).await? {
                Ok(answer) => return Ok(found_with(answer)),
                Err(fault) if fault.status() == Some(403) => return self.read_metadata(at, false).await,
                // Nothing, or nothing any more: then the metadata may still hold a version and our mark.
                Err(fault) if fault.is_nothing_there() => self.read_metadata(at, true).await?,
                Err(fault) => return Err(fault.during(Operation::ReadData(at.clone()))),
            };
            // Data that the metadata know of came between the two requests.
            if !found.is_live {
                break;
            }
        }
        Ok(found)
    }

    /// Writes all fields of an entry at once, if its version is still `version`.
    ///
    /// # Errors
    /// [`VaultError::CasMismatch`] if it is not; another one if nothing was written, or nobody can tell.
    pub async fn write_entry(
        &self,
        at: &KvPath,
        version: u64,
        data: Map<String, Value>,
    ) -> Result<Stored, VaultError> {
        let operation = || Operation::Write(at.clone());
        let cas = u32::try_from(version).map_err(|_| VaultError::BadRequest { operation: operation() })?;
        let request = Wiped(SetSecretRequest {
            mount: at.mount.to_string(),
            path: at.path.to_string(),
            data: Value::Object(data),
            options: Some(SetSecretRequestOptions { cas }),
        });
        let answer = self.ask(at, request).await?;
        let stored = answer.map_err(|fault| fault.during(operation()))?;
        Ok(Stored {
            version: stored.version,
            vanishes_at: parse_rfc3339(&stored.deletion_time),
            custom_metadata: stored.custom_metadata.map(|notes| notes.into_iter().collect()),
        })
    }

    /// Replaces everything that is noted beside an entry.
    ///
    /// # Errors
    /// When nothing was noted, or nobody can tell.
    pub async fn set_custom_metadata(
        &self,
        at: &KvPath,
        custom_metadata: &BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        self.set_metadata(at, custom_metadata, None).await
    }

    /// The same for an entry of which only the last version is to be kept from now on.
    ///
    /// # Errors
    /// When nothing was noted, or nobody can tell.
    pub async fn keep_last_version(
        &self,
        at: &KvPath,
        custom_metadata: &BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        self.set_metadata(at, custom_metadata, Some(1)).await
    }

    async fn set_metadata(
        &self,
        at: &KvPath,
        custom_metadata: &BTreeMap<String, String>,
        max_versions: Option<u64>,
    ) -> Result<(), VaultError> {
        let custom_metadata: HashMap<_, _> = custom_metadata.clone().into_iter().collect();
        let request = SetSecretMetadataRequest {
            mount: at.mount.to_string(),
            path: at.path.to_string(),
            max_versions,
            custom_metadata: Some(custom_metadata),
            ..SetSecretMetadataRequest::default()
        };
        self.tell(at, request).await?.map_err(|fault| fault.during(Operation::Note(at.clone())))
    }

    /// Makes sure that a mount is not of another kind, as far as Vault tells: KV v1 takes whatever is written, in
    /// another place and without versions.
    ///
    /// # Errors
    /// [`VaultError::NotKv2`] if it is of another kind; another one if Vault does not answer.
    pub async fn expect_kv2(&self, at: &KvPath) -> Result<(), VaultError> {
        match self.is_kv2(at).await {
            Ok(false) | Err(VaultError::NotKv { .. }) => {
                Err(VaultError::NotKv2 { operation: Operation::Write(at.clone()) })
            }
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads what is noted beside an entry, and its version, but no data.
    ///
    /// # Errors
    /// When Vault does not answer, or does not let us.
    pub async fn read_notes(&self, at: &KvPath) -> Result<Found, VaultError> {
        self.read_metadata(at, false).await
    }

    async fn read_metadata(&self, at: &KvPath, data_readable: bool) -> Result<Found, VaultError> {
        let (mount, path) = (at.mount.to_string(), at.path.to_string());
        match self.ask(at, ReadSecretMetadataRequest { mount, path }).await? {
            Ok(metadata) => Ok(found_in(&metadata, data_readable, self.now())),
            Err(fault) if fault.is_nothing_there() => Ok(Found { data_readable, ..Found::default() }),
            Err(fault) => Err(fault.during(Operation::ReadMetadata(at.clone()))),
        }
    }
}

fn found_with(answer: ReadSecretResponse) -> Found {
    let ReadSecretResponse { data, metadata } = answer;
    let fields = match data {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Found {
        version: metadata.version,
        written_at: parse_rfc3339(&metadata.created_time),
        vanishes_at: parse_rfc3339(&metadata.deletion_time),
        is_live: true,
        holds_data: true,
        data: Some(Data::from(fields)),
        data_readable: true,
        custom_metadata: sorted(metadata.custom_metadata),
    }
}

fn found_in(metadata: &ReadSecretMetadataResponse, data_readable: bool, now: Timestamp) -> Found {
    let current = metadata.versions.get(&metadata.current_version.to_string());
    // An engine may be told to delete versions after a while, and says so beforehand.
    let deleted = |text: &str| parse_rfc3339(text).is_some_and(|time| time <= now);
    Found {
        version: metadata.current_version,
        written_at: current.and_then(|version| parse_rfc3339(&version.created_time)),
        vanishes_at: current.and_then(|version| parse_rfc3339(&version.deletion_time)),
        is_live: current.is_some_and(|version| !version.destroyed && !deleted(&version.deletion_time)),
        holds_data: metadata.versions.values().any(|version| !version.destroyed),
        data: None,
        data_readable,
        custom_metadata: sorted(metadata.custom_metadata.clone()),
    }
}

fn sorted(custom_metadata: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    custom_metadata.unwrap_or_default().into_iter().collect()
}

/// How often an entry is read, if its metadata know each time of data that were not there just before.
const READS: u32 = 3;
