//! OpenBao on the stage: who may do what there, and what stands in it.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::openbao::{Api, Server};

/// A server in memory, an AppRole for the rotator, and a token for readers. The root token stays with us.
#[derive(Debug)]
pub(in crate::demo) struct Vault {
    server: Server,
    reader: Api,
    pub(super) role_id: String,
    pub(super) secret_id: String,
}

/// What we read of an entry.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) token: String,
    pub(super) header_name: String,
    pub(super) header_value: String,
    pub(super) serial: u64,
    /// How long the token lived when it was issued, in seconds.
    pub(super) ttl: u64,
}

impl Vault {
    /// Lets the rotator and the readers do what the policies of the example allow.
    pub(super) fn prepare(server: Server) -> Result<Self> {
        let root = server.api();
        for name in ["rotator", "reader"] {
            let policy = json!({"policy": policy(name)?});
            root.call("PUT", &format!("sys/policies/acl/{name}"), Some(&policy))?;
        }
        root.call("POST", "sys/auth/approle", Some(&json!({"type": "approle"})))?;
        let role = json!({"token_policies": ["rotator"], "token_ttl": "10m"});
        root.call("POST", "auth/approle/role/rotator", Some(&role))?;
        let role_id = root.call("GET", "auth/approle/role/rotator/role-id", None)?;
        let secret_id = root.call("POST", "auth/approle/role/rotator/secret-id", Some(&json!({})))?;
        let reader = root.call("POST", "auth/token/create", Some(&json!({"policies": ["reader"]})))?;
        Ok(Self {
            reader: root.with_token(text(&reader, "/auth/client_token")?),
            role_id: text(&role_id, "/data/role_id")?,
            secret_id: text(&secret_id, "/data/secret_id")?,
            server,
        })
    }

    /// What a client is to be given as the address.
    pub(in crate::demo) fn url(&self) -> String {
        self.server.api().url()
    }

    /// The token that may read what the rotator writes, and nothing else.
    pub(in crate::demo) fn reader_token(&self) -> &str {
        &self.reader.token
    }

    /// The token that may do everything.
    pub(super) fn root_token(&self) -> &str {
        &self.server.api().token
    }

    /// A version of an entry, read as a reader does.
    pub(super) fn entry(&self, path: &str, version: u64) -> Result<Entry> {
        let answer = self.reader.call("GET", &format!("secret/data/{path}?version={version}"), None)?;
        let fields = answer.pointer("/data/data").cloned().unwrap_or_default();
        serde_json::from_value(fields).attempt(|| format!("read the entry {path}"))
    }

    /// How many versions of an entry have been written.
    pub(super) fn versions(&self, path: &str) -> u64 {
        self.server.api().version(path)
    }

    /// Lets the server run on without us, and returns its process id.
    pub(in crate::demo) fn leave_running(self) -> u32 {
        self.server.leave_running()
    }
}

fn policy(name: &str) -> Result<String> {
    let file = folder().join(format!("{name}-policy.hcl"));
    fs::read_to_string(&file).attempt(|| format!("read {}", file.display()))
}

/// The example that is played.
pub(super) fn folder() -> PathBuf {
    cargo::root().join("examples/demo/rotator")
}

fn text(answer: &Value, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| Error::unexpected(format!("OpenBao's answer has no {pointer}")))
}
