//! The server's own account of what it was asked. Values in it are HMACs; operations and paths are not.

use std::fs;

use serde_json::{Value, json};

use super::server::OpenBao;

const FILE: &str = "audit.log";

/// One request that was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audited {
    /// `create`, `read`, `update`, `delete` or `list`. A write is `create` where nothing was.
    pub operation: String,
    /// Below `/v1/`.
    pub path: String,
    /// Who asked: `root`, `token`, `approle`, …; nobody at a login.
    pub display_name: Option<String>,
    /// Why it was refused.
    pub error: Option<String>,
}

impl OpenBao {
    /// Starts the account.
    pub async fn enable_audit(&self) {
        let path = self.directory().join(FILE);
        let device = json!({"type": "file", "options": {"file_path": path}});
        self.write("sys/audit/file", &device).await;
    }

    /// Everything that was asked and answered since [`OpenBao::enable_audit`], by whomever but the root token.
    ///
    /// # Panics
    ///
    /// If it was not enabled.
    pub fn audited(&self) -> Vec<Audited> {
        let log = fs::read_to_string(self.directory().join(FILE)).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answers = lines.filter(|line| line["type"] == "response" && !is_by_root(line));
        answers.map(|line| Audited::of(&line)).collect()
    }

    /// How many of these did this at this path.
    pub fn count(&self, operation: &str, path: &str) -> usize {
        let is_it = |request: &&Audited| request.operation == operation && request.path == path;
        self.audited().iter().filter(is_it).count()
    }
}

/// The root token of a server in memory has no name of its own.
fn is_by_root(line: &Value) -> bool {
    let policies = line["auth"]["policies"].as_array();
    policies.is_some_and(|policies| policies.iter().any(|policy| policy == "root"))
}

impl Audited {
    fn of(line: &Value) -> Self {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            operation: text(&line["request"]["operation"]).unwrap(),
            path: text(&line["request"]["path"]).unwrap(),
            display_name: text(&line["auth"]["display_name"]),
            error: text(&line["error"]),
        }
    }
}
