//! Entries of KV version 2: written, read, and watched.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;

/// Longer than any test waits for a token.
const PATIENCE: Duration = Duration::from_mins(1);

/// The living version of an entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was written.
    pub data: Map<String, Value>,
    /// Its number.
    pub version: u64,
    /// When it was written, by the server's clock.
    pub created: SystemTime,
    /// What belongs to all versions.
    pub custom_metadata: BTreeMap<String, String>,
}

/// One version of an entry, without its data.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// When it was written, by the server's clock.
    pub created: SystemTime,
    /// Whether it was deleted or destroyed.
    pub deleted: bool,
}

impl Entry {
    /// A member of the data that has to be a text.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn text(&self, name: &str) -> &str {
        let member = self.data.get(name).and_then(Value::as_str);
        member.unwrap_or_else(|| panic!("no text `{name}` among {:?}", self.data.keys()))
    }
}

impl Api {
    /// Mounts KV version 2.
    pub async fn enable_kv(&self, mount: &str) {
        let kind = json!({"type": "kv", "options": {"version": "2"}});
        self.write(&format!("sys/mounts/{mount}"), &kind).await;
        self.kv_ready(mount).await;
    }

    /// Waits for a mount that is new, or whose server was just unsealed: it answers 400 to everything until it has
    /// looked for data of version 1.
    ///
    /// # Panics
    ///
    /// If it does not come to life.
    pub async fn kv_ready(&self, mount: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.request("GET", &format!("{mount}/config"), None).await.unwrap().status != 200 {
            assert!(Instant::now() < deadline, "{mount} is not ready");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Writes a new version, whatever is there, and returns its number.
    pub async fn write_entry(&self, mount: &str, path: &str, data: &Value) -> u64 {
        let answer = self.write(&format!("{mount}/data/{path}"), &json!({"data": data})).await;
        answer["data"]["version"].as_u64().unwrap()
    }

    /// The living version, unless there is no entry or its latest version was deleted.
    ///
    /// # Panics
    ///
    /// If the server refuses to say.
    pub async fn entry(&self, mount: &str, path: &str) -> Option<Entry> {
        let answer = self.request("GET", &format!("{mount}/data/{path}"), None).await.unwrap();
        assert!(matches!(answer.status, 200 | 404), "{mount}/{path}: {} {}", answer.status, answer.body);
        let data = answer.body["data"]["data"].as_object()?.clone();
        let metadata = &answer.body["data"]["metadata"];
        Some(Entry {
            data,
            version: metadata["version"].as_u64().unwrap(),
            created: time(&metadata["created_time"]),
            custom_metadata: texts(&metadata["custom_metadata"]),
        })
    }

    /// Waits for the living version to be one that `is_it` accepts.
    ///
    /// # Panics
    ///
    /// If that does not come about.
    pub async fn entry_that(&self, mount: &str, path: &str, is_it: impl Fn(&Entry) -> bool) -> Entry {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let entry = self.entry(mount, path).await;
            if let Some(entry) = entry.as_ref().filter(|entry| is_it(entry)) {
                return entry.clone();
            }
            assert!(
                Instant::now() < deadline,
                "{mount}/{path} is still {:?}",
                entry.map(|entry| entry.version)
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// All versions that are kept, oldest first; none if there is no entry.
    pub async fn versions(&self, mount: &str, path: &str) -> Vec<Version> {
        let metadata = self.metadata(mount, path).await;
        let versions = metadata["versions"].as_object().into_iter().flatten();
        let mut versions: Vec<Version> = versions.map(|(number, facts)| version(number, facts)).collect();
        versions.sort_by_key(|version| version.number);
        versions
    }

    /// What belongs to all versions, even where there is none yet.
    pub async fn custom_metadata(&self, mount: &str, path: &str) -> BTreeMap<String, String> {
        texts(&self.metadata(mount, path).await["custom_metadata"])
    }

    /// Replaces what belongs to all versions.
    pub async fn set_custom_metadata(&self, mount: &str, path: &str, metadata: &Value) {
        let body = json!({"custom_metadata": metadata});
        self.write(&format!("{mount}/metadata/{path}"), &body).await;
    }

    /// Deletes the latest version; it can be had back.
    pub async fn delete_latest(&self, mount: &str, path: &str) {
        self.delete(&format!("{mount}/data/{path}")).await;
    }

    /// Brings a deleted version back.
    pub async fn undelete(&self, mount: &str, path: &str, version: u64) {
        self.write(&format!("{mount}/undelete/{path}"), &json!({"versions": [version]})).await;
    }

    /// Removes an entry with all its versions.
    pub async fn remove_entry(&self, mount: &str, path: &str) {
        self.delete(&format!("{mount}/metadata/{path}")).await;
    }

    async fn metadata(&self, mount: &str, path: &str) -> Value {
        let answer = self.request("GET", &format!("{mount}/metadata/{path}"), None).await.unwrap();
        assert!(matches!(answer.status, 200 | 404), "{mount}/{path}: {} {}", answer.status, answer.body);
        answer.body["data"].clone()
    }
}

fn version(number: &str, facts: &Value) -> Version {
    // With `delete_version_after` the time of deletion is known in advance.
    let deleted = facts["deletion_time"] != "" && time(&facts["deletion_time"]) <= SystemTime::now();
    Version {
        number: number.parse().unwrap(),
        created: time(&facts["created_time"]),
        deleted: deleted || facts["destroyed"] == true,
    }
}

fn time(text: &Value) -> SystemTime {
    let parsed: Timestamp = text.as_str().unwrap().parse().unwrap();
    parsed.try_into().unwrap()
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}
