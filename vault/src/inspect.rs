//! Looking at a Vault without doing anything there: its health, our own token, and what we may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::{Deserialize, Serialize};

use crate::endpoint::Get;
use crate::fault::Fault;
use crate::{KvPath, Operation, Vault, VaultError};

/// How a node of Vault feels.
#[derive(Clone, Debug, Deserialize)]
pub struct Health {
    /// Whether it was ever given its keys.
    pub initialized: bool,
    /// Whether it lacks its keys.
    pub sealed: bool,
    /// Whether another node does the work.
    pub standby: bool,
    /// Its version.
    pub version: String,
}

/// What Vault knows of our token.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenFacts {
    /// `service` or `batch`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its policies, and those of whom it belongs to.
    #[serde(default)]
    pub policies: BTreeSet<String>,
    #[serde(default)]
    identity_policies: Option<BTreeSet<String>>,
    /// How many seconds it has left; 0 if it does not end.
    #[serde(default)]
    pub ttl: u64,
    /// Whether it can be renewed.
    #[serde(default)]
    pub renewable: bool,
    /// How many seconds each renewal gives, if it can be renewed without end.
    #[serde(default)]
    pub period: u64,
    /// How many seconds it can live however often it is renewed; 0 if only its mount limits that.
    #[serde(default)]
    pub explicit_max_ttl: u64,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub creation_time: i64,
    /// How many requests it is still good for; 0 if that is not limited.
    #[serde(default)]
    pub num_uses: i64,
}

/// What KV v2 does with all entries of a mount, or with one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Keeping {
    /// Whether each write has to name the version that it replaces.
    pub cas_required: bool,
    /// How many versions are kept; 0 if that is said elsewhere.
    pub max_versions: u64,
    /// When versions are deleted; `0s` if never, or if that is said elsewhere.
    pub delete_version_after: String,
    current_version: u64,
    versions: BTreeMap<String, VersionTimes>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct VersionTimes {
    deletion_time: String,
}

impl Keeping {
    /// After which time versions vanish by themselves, as Vault writes it.
    pub fn vanishing(&self) -> Option<&str> {
        Some(&*self.delete_version_after).filter(|after| !matches!(*after, "" | "0s"))
    }

    /// When the current version was or will be deleted.
    pub fn deletion(&self) -> Option<&str> {
        let current = self.versions.get(&self.current_version.to_string())?;
        Some(&*current.deletion_time).filter(|time| !time.is_empty())
    }
}

/// What a token may do, by path: `read`, `update`, …, `root` for everything, or `deny`.
pub type Capabilities = BTreeMap<String, BTreeSet<String>>;

impl Vault {
    /// How the node at our address feels. Needs no login.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn health(&self) -> Result<Health, VaultError> {
        self.transport.ask_bare(&HealthRequest).await.map_err(|fault| fault.during(Operation::LookAtHealth))
    }

    /// What Vault knows of our token; `None` if the token may not ask that, or is over.
    ///
    /// # Errors
    /// When we cannot log in, or Vault does not answer.
    pub async fn token_facts(&self) -> Result<Option<TokenFacts>, VaultError> {
        let answer = self.ask_in(None, Get::<TokenFacts>::new("auth/token/lookup-self".to_owned())).await?;
        allowed(answer, || Operation::LookUp).map(|facts| {
            facts.map(|mut facts| {
                facts.policies.extend(facts.identity_policies.take().unwrap_or_default());
                facts
            })
        })
    }

    /// What our token may do at these paths; `None` if it may not ask that.
    ///
    /// # Errors
    /// When Vault does not answer.
    pub async fn capabilities(&self, paths: &[String]) -> Result<Option<Capabilities>, VaultError> {
        let mut all = Capabilities::new();
        for paths in paths.chunks(MOST_PATHS) {
            let answer = self.ask_in(None, CapabilitiesRequest { paths }).await?;
            match allowed(answer, || Operation::LookUp)? {
                Some(Asked(found)) => all.extend(found),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    /// What KV v2 does with the entries of the mount of this one, `None` if we may not ask that.
    ///
    /// # Errors
    /// When Vault does not answer.
    pub async fn keeping_of_mount(&self, at: &KvPath) -> Result<Option<Keeping>, VaultError> {
        let answer = self.ask(at, Get::<Keeping>::new(format!("{}/config", at.mount))).await?;
        allowed(answer, || Operation::ReadMount(Arc::clone(&at.mount)))
    }

    /// What KV v2 does with an entry, `None` if there is none, or we may not ask that.
    ///
    /// # Errors
    /// When Vault does not answer.
    pub async fn keeping_of_entry(&self, at: &KvPath) -> Result<Option<Keeping>, VaultError> {
        let KvPath { mount, path, .. } = at;
        match self.ask(at, Get::<Keeping>::new(format!("{mount}/metadata/{path}"))).await? {
            Err(fault) if fault.is_nothing_there() => Ok(None),
            answer => allowed(answer, || Operation::ReadMetadata(at.clone())),
        }
    }
}

/// What was answered, unless the question was not allowed.
fn allowed<T>(
    answer: Result<T, Fault>,
    operation: impl FnOnce() -> Operation,
) -> Result<Option<T>, VaultError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.status() == Some(403) => Ok(None),
        Err(fault) => Err(fault.during(operation())),
    }
}

/// Standing by, sealed or without keys it answers as well, if it is asked so.
struct HealthRequest;

impl Endpoint for HealthRequest {
    type Response = Health;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "v1/sys/health".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        let codes = ["standbycode", "perfstandbycode", "drsecondarycode", "sealedcode", "uninitcode"];
        Ok(Some(codes.map(|code| format!("{code}=200")).join("&")))
    }
}

#[derive(Serialize)]
struct CapabilitiesRequest<'a> {
    paths: &'a [String],
}

/// Only what stands under `data` is by path; on top there are other things, too.
#[derive(Deserialize)]
struct Asked(Capabilities);

impl Endpoint for CapabilitiesRequest<'_> {
    type Response = Asked;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "sys/capabilities-self".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        let body = serde_json::to_vec(self);
        body.map(Some).map_err(|error| ClientError::DataParseError { source: error.into() })
    }
}

/// So many that an answer stays far below what is taken in.
const MOST_PATHS: usize = 1000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn when_an_entry_vanishes_is_told_for_its_current_version() {
        let keeping: Keeping = serde_json::from_value(json!({
            "cas_required": true, "max_versions": 3, "delete_version_after": "1h0m0s", "current_version": 2,
            "versions": {"1": {"deletion_time": "2026-01-01T00:00:00Z"}, "2": {"deletion_time": "2027-01-01T00:00:00Z"}},
        }))
        .unwrap();
        assert_eq!((keeping.vanishing(), keeping.deletion()), (Some("1h0m0s"), Some("2027-01-01T00:00:00Z")));
        let plain: Keeping = serde_json::from_value(json!({"delete_version_after": "0s"})).unwrap();
        assert_eq!((plain.vanishing(), plain.deletion()), (None, None));
    }
}
