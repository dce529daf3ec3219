//! The last check of `cargo xtask test`: no secret that a test planted, or that was issued to one, stands in any log.

use std::fs;

use tokenferry_leaks::{CANARY, Form, Log, Records, Search, Secret};

use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::terminal::Terminal;

/// What logs a whole run of the tests leaves: those of test processes, of providers under a raw protocol client, of
/// rotators, and of Terraform with the providers that it started; and what providers replied to the raw client.
const KINDS: [&str; 5] = ["process", "provider", "reply", "rotator", "terraform"];

/// A word of log lines about logins, which also name one of the most talkative levels. A log without such a line cannot
/// show that logins are logged without secrets.
const WORD: &[u8] = b"tokenferry_sources";
const LEVELS: [&str; 2] = ["debug", "trace"];

/// What the names of secrets say about where these were learned: all that must have been noted somewhere.
const ORIGINS: [&str; 3] = ["planted by a test", "of an HTTP message", "of OpenBao"];

/// The canary is printed to two streams.
const CANARIES: usize = 2;

/// What Terraform itself says, with values in it that its user handed on from us: its own `terraform_data` shows what it
/// keeps in the state. It says so right after time and level: what we say by way of Terraform has our name there.
const OF_TERRAFORM: &str = "[DEBUG] UpgradeResourceState: ignoring dynamic block: ";

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
        0 if all => found.check(&secrets),
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
    /// How often the canary was found where it was put.
    canaries: usize,
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
        if !self.telling.contains(&log.kind) && tells_of_logins(&log.kind, text) {
            self.telling.push(log.kind.clone());
        }
        for leak in search.leaks_in(text) {
            let name = secrets.get(leak.secret).map_or("a secret", |secret| secret.name.as_str());
            if log.kind == CANARY && name == CANARY {
                self.canaries += usize::from(leak.form == Form::Plain);
            } else if log.kind != "terraform" || !is_of_terraform(text, leak.line) {
                self.leaks.push(format!("{}:{}: {name}, as {}", log.path.display(), leak.line, leak.form));
            }
        }
    }

    /// A search that had nothing to find shows nothing.
    fn check(&self, secrets: &[Secret]) -> Result {
        let is_noted = |origin: &str| secrets.iter().any(|secret| secret.name.contains(origin));
        if let Some(origin) = ORIGINS.into_iter().find(|origin| !is_noted(origin)) {
            let text = format!("no secret \"{origin}\" was noted, so no log was searched for any");
            return Err(Error::Findings(text));
        }
        if self.canaries < CANARIES {
            let text = "the made-up secret that a test had printed was not found, so nothing else would be";
            return Err(Error::Findings(text.into()));
        }
        let missing: Vec<&str> =
            KINDS.into_iter().filter(|kind| !self.telling.iter().any(|told| told == kind)).collect();
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
    line.split_once(' ').is_some_and(|(_, said)| said.starts_with(OF_TERRAFORM))
}

/// Replies are of no level, and say about logins what users are told.
fn tells_of_logins(kind: &str, text: &[u8]) -> bool {
    let is_telling = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).to_lowercase();
        LEVELS.iter().any(|level| line.contains(level))
    };
    let mut about =
        text.split(|byte| *byte == b'\n').filter(|line| line.windows(WORD.len()).any(|word| word == WORD));
    if kind == "reply" { !text.is_empty() } else { about.any(is_telling) }
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
        let canaries = ["out", "error"].map(|stream| folder.path().join(stream));
        let canaries = canaries.map(|path| Log { kind: CANARY.to_owned(), path });
        for log in &canaries {
            fs::write(&log.path, "made-up-to-be-found\n").unwrap();
        }
        Found::by(&secrets(), &[&logs[..], &canaries].concat()).unwrap()
    }

    fn secrets() -> Vec<Secret> {
        let secret = |name: &str, value: &str| Secret { name: name.to_owned(), value: value.to_owned() };
        vec![
            secret("password planted by a test", SECRET),
            secret("`token` of an HTTP message", "an-issued-token"),
            secret("token of OpenBao", "a-token-of-openbao"),
            secret(CANARY, "made-up-to-be-found"),
        ]
    }

    #[test]
    fn a_leak_is_told_with_its_place_and_never_with_the_secret() {
        let found = found("TRACE sent azN4cTAtODFhYi03N3p6");
        assert_eq!(found.leaks.len(), KINDS.len());
        assert!(
            found.leaks[0].ends_with("/process:2: password planted by a test, as base64"),
            "{:?}",
            found.leaks
        );
    }

    #[test]
    fn ordinary_logs_are_clean_and_suffice() {
        let found = found("INFO rotated rotation=corp version=1");
        assert!(found.leaks.is_empty() && found.check(&secrets()).is_ok());
    }

    #[test]
    fn what_terraform_shows_of_its_own_state_is_no_leak_of_ours() {
        let state = format!("UpgradeResourceState: ignoring dynamic block: map[\"value\":\"{SECRET}\"]");
        let in_terraform = |line: &str| {
            let leaks = found(&format!("2026-01-01T00:00:00.000Z {line}")).leaks;
            leaks.iter().any(|leak| leak.contains("/terraform:"))
        };
        assert!(!in_terraform(&format!("[DEBUG] {state}")));
        assert!(in_terraform(&format!("[DEBUG] provider.terraform-provider-tokenferry_v1.0.0: {state}")));
        assert_eq!(
            found(&format!("2026-01-01T00:00:00.000Z [DEBUG] {state}")).leaks.len(),
            2 * (KINDS.len() - 1)
        );
    }

    #[test]
    fn a_search_without_logs_or_secrets_is_a_failure() {
        let error = |found: &Found, secrets: &[Secret]| found.check(secrets).unwrap_err().to_string();
        let [planted, issued, of_openbao, canary] = secrets().try_into().unwrap();
        for (rest, missing) in [
            (vec![], "planted by a test"),
            (vec![planted.clone(), of_openbao.clone(), canary.clone()], "of an HTTP message"),
            (vec![planted, issued, canary], "of OpenBao"),
        ] {
            assert!(error(&found(""), &rest).starts_with(&format!("no secret \"{missing}\" was noted")));
        }
        let telling = vec!["provider".into(), "process".into(), "reply".into()];
        let few = Found { telling, canaries: CANARIES, ..Found::default() };
        assert!(error(&few, &secrets()).ends_with("nothing: rotator, terraform"));
    }

    #[test]
    fn a_search_that_misses_the_canary_is_a_failure() {
        let blind = Found { canaries: CANARIES - 1, ..found("") };
        assert!(blind.check(&secrets()).unwrap_err().to_string().contains("was not found"));
    }

    #[test]
    fn the_canary_is_a_leak_where_nobody_put_it() {
        let found = found("made-up-to-be-found");
        assert!(found.leaks.iter().any(|leak| leak.contains(": canary, as plain")), "{:?}", found.leaks);
    }

    #[test]
    fn only_lines_of_talkative_levels_tell_of_logins() {
        for line in ["DEBUG tokenferry_sources::a", r#"{"level":"trace","target":"tokenferry_sources::a"}"#] {
            assert!(tells_of_logins("rotator", line.as_bytes()), "{line}");
        }
        assert!(!tells_of_logins("rotator", b"INFO tokenferry_sources::a\nDEBUG tokenferry_rotator::run"));
        assert!(tells_of_logins("reply", b"Login refused") && !tells_of_logins("reply", b""));
    }
}
