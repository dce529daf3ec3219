//! Reading what others wrote: the rotator's entries and single secrets, from KV of both versions.
//!
//! The least policy is `read` on `MOUNT/data/PATH` for KV v2, or on `MOUNT/PATH` for KV v1. Which of them a mount is,
//! Vault tells everybody who may do anything below it; where it does not tell, what is found decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokenferry_sources::SecretString;
use vaultrs::api::kv2::requests::ReadSecretRequest;

use crate::endpoint::Get;
use crate::fault::Fault;
use crate::{Data, Entry, EntryError, FieldNames, KvPath, KvVersion, Operation, Vault, VaultError};

/// An entry of the rotator, as its readers find it.
#[derive(Debug)]
pub struct Rotated {
    /// What it says.
    pub entry: Entry,
    /// Its version; KV v1 has none.
    pub version: Option<u64>,
}

/// What somebody keeps in an entry.
#[derive(Debug)]
pub struct Secret {
    operation: Operation,
    data: Data,
}

impl Secret {
    /// The text of a field, without the line break that editors and shells put at its end.
    ///
    /// # Errors
    /// [`VaultError::AbsentField`] or [`VaultError::NotAText`].
    pub fn text(&self, field: &str) -> Result<SecretString, VaultError> {
        let (operation, field) = (self.operation.clone(), field.to_owned());
        let Some(value) = self.data.fields().get(&field) else {
            return Err(VaultError::AbsentField { operation, field });
        };
        match value.as_str().map(without_line_break) {
            Some(text) if !text.is_empty() => Ok(text.into()),
            _ => Err(VaultError::NotAText { operation, field }),
        }
    }
}

fn without_line_break(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

impl Vault {
    /// Reads an entry of the rotator. `None` if there is nothing, or nothing any more.
    ///
    /// # Errors
    /// [`VaultError::NotOurs`] or [`VaultError::NewerSchema`] if there is something else; another one if nobody can
    /// tell.
    pub async fn read_rotated(&self, at: &KvPath) -> Result<Option<Rotated>, VaultError> {
        let Some(Content { data, version }) = self.read_content(at).await? else { return Ok(None) };
        let operation = Operation::Read(at.clone());
        match Entry::from_json(data.fields(), FieldNames::NONE) {
            Ok(entry) => Ok(Some(Rotated { entry, version })),
            Err(EntryError::Incomplete { field }) => Err(VaultError::NotOurs { operation, field }),
            Err(EntryError::Newer { schema }) => Err(VaultError::NewerSchema { operation, schema }),
        }
    }

    /// Reads an entry that somebody else keeps there.
    ///
    /// # Errors
    /// [`VaultError::Absent`] if there is none, or none any more; another one if nobody can tell.
    pub async fn read_secret(&self, at: &KvPath) -> Result<Secret, VaultError> {
        let operation = Operation::Read(at.clone());
        let Some(Content { data, .. }) = self.read_content(at).await? else {
            return Err(VaultError::Absent { operation });
        };
        Ok(Secret { operation, data })
    }

    async fn read_content(&self, at: &KvPath) -> Result<Option<Content>, VaultError> {
        let read = match self.engine(at).await? {
            Some(KvVersion::V1) => self.read_v1(at).await?,
            Some(KvVersion::V2) => self.read_v2(at).await?,
            None => self.read_either(at).await?,
        };
        match read {
            Ok(content) => Ok(Some(content)),
            Err(fault) if fault.is_nothing_there() => {
                // Perhaps it is no longer what it was.
                self.known_engines().remove(&place(at));
                Ok(None)
            }
            Err(fault) => Err(fault.during(Operation::Read(at.clone()))),
        }
    }

    /// What Vault says about the mount; `None` if it does not say.
    async fn engine(&self, at: &KvPath) -> Result<Option<KvVersion>, VaultError> {
        if let Some(known) = self.known_engines().get(&place(at)) {
            return Ok(Some(*known));
        }
        let Some(mount) = self.mount(at).await? else { return Ok(None) };
        let engine =
            mount.kv_version().ok_or(VaultError::NotKv { operation: Operation::Read(at.clone()) })?;
        self.known_engines().insert(place(at), engine);
        Ok(Some(engine))
    }

    /// Whether an entry is in a KV engine of version 2. Where Vault does not say, it may be.
    pub(crate) async fn is_kv2(&self, at: &KvPath) -> Result<bool, VaultError> {
        Ok(!matches!(self.engine(at).await?, Some(KvVersion::V1)))
    }

    async fn read_either(&self, at: &KvPath) -> Result<Result<Content, Fault>, VaultError> {
        match self.read_v2(at).await? {
            Err(fault) if fault.leaves_open() => {
                // What is wrong there is what counts: it is the newer one that people have.
                Ok(self.read_v1(at).await?.map_err(|_| fault))
            }
            read => Ok(read),
        }
    }

    async fn read_v1(&self, at: &KvPath) -> Result<Result<Content, Fault>, VaultError> {
        let read = self.ask(at, Get::<Map<String, Value>>::new(format!("{}/{}", at.mount, at.path))).await?;
        Ok(read.map(|fields| Content { data: fields.into(), version: None }))
    }

    async fn read_v2(&self, at: &KvPath) -> Result<Result<Content, Fault>, VaultError> {
        let (mount, path) = (at.mount.to_string(), at.path.to_string());
        let read = self.ask(at, ReadSecretRequest { mount, path, version: None }).await?;
        Ok(read.and_then(|answer| match answer.data {
            Value::Object(fields) => {
                Ok(Content { data: fields.into(), version: Some(answer.metadata.version) })
            }
            _ => Err(Fault::Malformed),
        }))
    }

    fn known_engines(&self) -> MutexGuard<'_, BTreeMap<MountPlace, KvVersion>> {
        self.engines.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Vault said about mounts.
#[derive(Default)]
pub(crate) struct Engines(Mutex<BTreeMap<MountPlace, KvVersion>>);

/// A namespace, and a mount in it.
type MountPlace = (Option<Arc<str>>, Arc<str>);

fn place(at: &KvPath) -> MountPlace {
    (at.namespace.clone(), Arc::clone(&at.mount))
}

struct Content {
    data: Data,
    version: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokenferry_sources::ExposeSecret;

    use super::*;

    #[test]
    fn one_line_break_at_the_end_of_a_secret_is_none_of_it() {
        let operation = Operation::Read(KvPath::new("kv", "app"));
        for (kept, expected) in [
            ("text", Some("text")),
            ("text\n", Some("text")),
            ("text\r\n", Some("text")),
            ("text\n\n", Some("text\n")),
            ("text\r", Some("text\r")),
            (" a\nb \n", Some(" a\nb ")),
            ("\n", None),
            ("", None),
        ] {
            let fields = Map::from_iter([("password".to_owned(), json!(kept))]);
            let secret = Secret { operation: operation.clone(), data: fields.into() };
            let text = secret.text("password").ok();
            assert_eq!(text.as_ref().map(ExposeSecret::expose_secret), expected, "{kept:?}");
        }
    }
}
