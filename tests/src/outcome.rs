//! What a command that ran to its end left behind.

use std::process::ExitStatus;
use std::time::Duration;

use crate::leak;
use crate::process::Process;

/// How it ended and what it printed.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Waits for a command to end by itself.
    ///
    /// # Panics
    ///
    /// If it does not within `limit`.
    pub async fn of(mut process: Process, limit: Duration) -> Self {
        let status = process.exit(limit).await;
        let stdout = process.stdout.whole(limit).await;
        let stderr = process.stderr.whole(limit).await;
        Self { status, stdout, stderr }
    }

    /// The outcome of a command that succeeded.
    ///
    /// # Panics
    ///
    /// If it did not.
    pub fn ok(self) -> Self {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }

    /// The outcome of a command that ended with this exit code.
    ///
    /// # Panics
    ///
    /// If it ended otherwise.
    pub fn failed_with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The standard output as JSON.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// All text, without the frames and line breaks that Terraform puts into messages.
    pub fn words(&self) -> String {
        let text = format!("{}\n{}", self.stdout, self.stderr).replace(['│', '╷', '╵'], " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Looks for secrets in what it printed.
    ///
    /// # Panics
    ///
    /// If there is one, in any form.
    pub fn assert_no_secret(&self, secrets: &[&str]) {
        leak::assert_none(self.stdout.as_bytes(), secrets, "standard output");
        leak::assert_none(self.stderr.as_bytes(), secrets, "standard error");
    }
}
