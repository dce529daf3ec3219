//! The last check of `cargo xtask test`: no secret that a test planted, or that was issued to one, stands in any log.

use std::fs;

use tokenferry_leaks::{Log, Records, Search, Secret};

use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::terminal::Terminal;

/// What logs a whole run of the tests leaves: those of test processes, of providers under a raw protocol client, of
/// rotators, and of Terraform with the providers that it started.
const KINDS: [&str; 4] = ["process", "provider", "rotator", "terraform"];

/// A word of log lines about logins. A log without it cannot show that logins are logged without secrets.
const WORD: &[u8] = b"tokenferry_sources";

/// What Terraform itself says, with values in it that its user handed on from us: its own `terraform_data` shows what it
/// keeps in the state. Whatever we say, also by way of Terraform, is not among these.
const OF_TERRAFORM: [&str; 1] = ["UpgradeResourceState: ignoring dynamic block: "];

/// Makes the folder in which tests note their secrets and keep their logs.
pub(crate) fn begin() -> Result<Records> {
    let folder = cargo::metadata()?.target_directory.join("leaks");
    Records::begin(&folder).attempt(|| format!("make a new {}", folder.display()))
}

/// Looks for every secret in every log, in all its forms, and tells what was found. `all` of the tests leave something
/// to search, a few of them need not.
pub(crate) fn search(terminal: &Terminal, records: &Records, all: bool) -> Result {
    let attempt = || format!("read {}", records.folder().display());
    let (secrets, logs) = (records.secrets().attempt(attempt)?, records.logs().attempt(attempt)?);
    let found = Found::by(&secrets, &logs)?;
    let (files, mebibytes, count) = (logs.len(), found.bytes / 1024 / 1024, secrets.len());
    let what = format!("{files} logs ({mebibytes} MiB) searched for {count} secrets");
    terminal.verdict(found.leaks.is_empty(), &what);
    for leak in &found.leaks {
        terminal.detail(leak);
    }
    match found.leaks.len() {
        0 if all => found.check(count),
        0 => Ok(()),
        leaks => Err(Error::Findings(format!("{leaks} times a secret stands in a log"))),
    }
}

/// What the search came to.
#[derive(Debug, Default)]
struct Found {
    leaks: Vec<String>,
    bytes: usize,
    /// The kinds of logs that tell of logins.
    telling: Vec<String>,
}

impl Found {
    fn by(secrets: &[Secret], logs: &[Log]) -> Result<Self> {
        let search = Search::with_beginnings(secrets)
            .map_err(|error| Error::unexpected(format!("cannot look for so many secrets: {error}")))?;
        let mut found = Self::default();
        for log in logs {
            let text = fs::read(&log.path).attempt(|| format!("read {}", log.path.display()))?;
            found.read(log, &text, &search, secrets);
        }
        Ok(found)
    }

    fn read(&mut self, log: &Log, text: &[u8], search: &Search, secrets: &[Secret]) {
        self.bytes += text.len();
        if !self.telling.contains(&log.kind) && text.windows(WORD.len()).any(|word| word == WORD) {
            self.telling.push(log.kind.clone());
        }
        for leak in search.leaks_in(text).into_iter().filter(|leak| !is_of_terraform(text, leak.line)) {
            let name = secrets.get(leak.secret).map_or("a secret", |secret| secret.name.as_str());
            self.leaks.push(format!("{}:{}: {name}, as {}", log.path.display(), leak.line, leak.form));
        }
    }

    /// A search that had nothing to find shows nothing.
    fn check(&self, secrets: usize) -> Result {
        let missing: Vec<&str> =
            KINDS.into_iter().filter(|kind| !self.telling.iter().any(|told| told == kind)).collect();
        if secrets == 0 {
            return Err(Error::Findings("no test noted a secret, so no log was searched for any".into()));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(Error::Findings(format!(
            "no log of this kind tells of a login, so the search shows nothing: {missing}"
        )))
    }
}

fn is_of_terraform(text: &[u8], line: usize) -> bool {
    let line = text.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    OF_TERRAFORM.iter().any(|message| line.contains(message))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const SECRET: &str = "k3xq0-81ab-77zz";

    /// What is found in a log of each kind with this line in all of them.
    fn found(line: &str) -> Found {
        let folder = TempDir::new().unwrap();
        let logs = KINDS.map(|kind| Log { kind: kind.to_owned(), path: folder.path().join(kind) });
        for log in &logs {
            fs::write(&log.path, format!("DEBUG tokenferry_sources::session logging in\n{line}\n")).unwrap();
        }
        let secret = Secret { name: "password of a test".to_owned(), value: SECRET.to_owned() };
        Found::by(&[secret], &logs).unwrap()
    }

    #[test]
    fn a_leak_is_told_with_its_place_and_never_with_the_secret() {
        let found = found("TRACE sent azN4cTAtODFhYi03N3p6");
        assert_eq!(found.leaks.len(), 4);
        assert!(found.leaks[0].ends_with("/process:2: password of a test, as base64"), "{:?}", found.leaks);
    }

    #[test]
    fn ordinary_logs_are_clean_and_suffice() {
        let found = found("INFO rotated rotation=corp version=1");
        assert!(found.leaks.is_empty() && found.check(1).is_ok());
    }

    #[test]
    fn what_terraform_shows_of_its_own_state_is_no_leak_of_ours() {
        let state = format!("UpgradeResourceState: ignoring dynamic block: map[\"value\":\"{SECRET}\"]");
        assert!(found(&format!("2026-01-01T00:00:00.000Z [DEBUG] {state}")).leaks.is_empty());
        let ours = format!("[DEBUG] provider.terraform-provider-tokenferry: state {SECRET}");
        assert!(!found(&ours).leaks.is_empty());
    }

    #[test]
    fn a_search_without_logs_or_secrets_is_a_failure() {
        assert!(found("").check(0).unwrap_err().to_string().starts_with("no test noted a secret"));
        let error = Found { telling: vec!["provider".into(), "process".into()], ..Found::default() }.check(1);
        assert!(error.unwrap_err().to_string().ends_with("nothing: rotator, terraform"));
    }
}
