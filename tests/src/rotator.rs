//! The rotator: the daemon with its log, and its other commands with what they print.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokenferry_leaks::note_secret;
use tokio::process::Command;

use crate::binaries;
use crate::leak;
use crate::outcome::Outcome;
use crate::process::Process;

/// Longer than any test waits for the program.
const PATIENCE: Duration = Duration::from_secs(90);

/// A directory with a configuration, and the environment in which the program works on it.
///
/// Whatever the program prints, at the most talkative level, is searched for all secrets that this knows and for all
/// that looks like a token; and its logs may hold nothing that others than we logged.
#[derive(Debug)]
pub struct Rotator {
    program: PathBuf,
    environment: BTreeMap<String, String>,
    directory: TempDir,
    secrets: Secrets,
    /// What its logs are kept as, and whether its secrets are noted; not for a stand-in in a test of the harness.
    log: Option<&'static str>,
}

/// What must not be seen anywhere. All that share it learn of new ones.
#[derive(Clone, Debug, Default)]
struct Secrets(Arc<Mutex<Vec<String>>>);

impl Rotator {
    /// A directory with this configuration, and an empty environment.
    pub fn new(configuration: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("rotator").tempdir().unwrap();
        let program = binaries::rotator();
        let secrets = Secrets::default();
        let log = Some("rotator");
        let rotator = Self { program, environment: BTreeMap::new(), directory, secrets, log };
        rotator.write("tokenferry.hcl", configuration);
        rotator
    }

    /// Sets a variable for all commands.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a variable that holds a secret.
    pub fn secret_env(self, name: &str, secret: &str) -> Self {
        self.guard(secret);
        self.env(name, secret)
    }

    /// Removes a variable for all commands.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Where the configuration is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes or replaces a file that only its owner can read, and returns its path. It appears when it is whole.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        let part = self.directory().join(format!("{name}.part"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&part, text).unwrap();
        fs::set_permissions(&part, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(part, &path).unwrap();
        path
    }

    /// The same with a secret in it.
    pub fn write_secret(&self, name: &str, secret: &str) -> PathBuf {
        self.guard(secret);
        self.write(name, secret)
    }

    /// From now on this must not be seen in anything that is printed, nor may it have been so far.
    pub fn guard(&self, secret: &str) {
        if self.log.is_some() {
            note_secret("guarded by a test of the rotator", secret).unwrap();
        }
        self.secrets.0.lock().unwrap().push(secret.to_owned());
    }

    /// Runs a command to its end, as users do.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        let outcome = Outcome::of(self.spawn(arguments), PATIENCE).await;
        self.secrets.assert_unseen(&outcome.stdout, "standard output");
        self.secrets.assert_unseen(&outcome.stderr, "standard error");
        outcome
    }

    /// Starts the daemon. Its log is JSON, and tells all.
    pub fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// The same with more arguments.
    pub fn start_with(&self, arguments: &[&str]) -> Daemon {
        let all = ["run", "--log-format", "json", "--log-level", "trace"];
        let process = self.spawn(&[&all[..], arguments].concat());
        Daemon { process, secrets: self.secrets.clone() }
    }

    /// Starts a command.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.directory()).env_clear().envs(&self.environment);
        match self.log {
            Some(kind) => Process::spawn_logged(&mut command, kind),
            None => Process::spawn(&mut command),
        }
    }
}

impl Secrets {
    fn assert_unseen(&self, text: &str, place: &str) {
        let secrets = self.0.lock().unwrap().clone();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        leak::assert_none(text.as_bytes(), &secrets, place);
        leak::assert_no_token(text, place);
    }
}

/// A running (or ended) daemon. It dies with this value, and then what it printed is searched.
#[derive(Debug)]
pub struct Daemon {
    /// The process.
    pub process: Process,
    secrets: Secrets,
}

/// One line of the log: `timestamp`, `level`, `target`, `message`, and fields of its own.
#[derive(Clone, Debug)]
pub struct Event(Value);

impl Daemon {
    /// Everything that it logged so far.
    ///
    /// # Panics
    ///
    /// If a line is not JSON.
    pub fn events(&self) -> Vec<Event> {
        let text = self.process.stderr.text();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| Event::parse(line).unwrap_or_else(|| panic!("not JSON: {line}"))).collect()
    }

    /// Waits for the first event that `is_it` accepts; it may have been logged already.
    ///
    /// # Panics
    ///
    /// If it does not come.
    pub async fn event(&self, is_it: impl Fn(&Event) -> bool) -> Event {
        let is_it = |line: &str| Event::parse(line).is_some_and(|event| is_it(&event));
        let line = self.process.stderr.line_that(PATIENCE, is_it).await;
        let event = line.as_deref().and_then(Event::parse);
        event.unwrap_or_else(|| panic!("no such event in:\n{}", self.process.stderr.text()))
    }

    /// Waits for the first event with this message.
    pub async fn says(&self, message: &str) -> Event {
        self.event(|event| event.message() == message).await
    }

    /// Asks it to end, and waits for that.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.signal(Signal::SIGTERM);
        self.exit().await
    }

    /// Ends it without giving it time to do anything about it.
    pub async fn kill(&mut self) -> ExitStatus {
        self.process.signal(Signal::SIGKILL);
        self.exit().await
    }

    /// Waits for it to end by itself, and for the last of its log.
    pub async fn exit(&mut self) -> ExitStatus {
        let status = self.process.exit(PATIENCE).await;
        self.process.stderr.ended().await;
        status
    }

    /// How many events there are so far that `is_it` accepts.
    pub fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| is_it(event)).count()
    }

    fn assert_discreet(&self) {
        self.secrets.assert_unseen(&self.process.stdout.text(), "standard output");
        self.secrets.assert_unseen(&self.process.stderr.text(), "standard error");
        for event in self.events() {
            let target = event.text("target");
            assert!(target.starts_with("tokenferry"), "somebody else logged something: {target:?}");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_discreet();
        }
    }
}

impl Event {
    fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().filter(Value::is_object).map(Self)
    }

    /// What happened.
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub fn level(&self) -> &str {
        self.text("level")
    }

    /// A field that is a text; empty if there is none of this name.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// A field as it is; null if there is none of this name.
    pub fn field(&self, name: &str) -> &Value {
        &self.0[name]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that logs as the rotator does, and ends when it is asked to. It prints what its tests call secrets, so
    /// neither these nor its logs are kept.
    fn stand_in() -> Rotator {
        let directory = tempfile::tempdir().unwrap();
        let environment = BTreeMap::new();
        let (secrets, log) = (Secrets::default(), None);
        let rotator = Rotator { program: "/bin/sh".into(), environment, directory, secrets, log };
        rotator.secret_env("SECRET", "hunter2-hunter2")
    }

    fn daemon(rotator: &Rotator, script: &str) -> Daemon {
        Daemon { process: rotator.spawn(&["-c", script]), secrets: rotator.secrets.clone() }
    }

    #[tokio::test]
    async fn events_are_read_while_the_daemon_runs() {
        let rotator = stand_in();
        let mut daemon = daemon(
            &rotator,
            r#"trap 'exit 7' TERM; echo '{"level":"info","message":"ready","target":"tokenferry"}' >&2
               echo '{"level":"warn","message":"rotated","version":3,"target":"tokenferry_rotator::run"}' >&2; while :; do sleep 0.05; done"#,
        );
        let event = daemon.says("rotated").await;
        assert_eq!((event.level(), event.field("version").as_u64()), ("warn", Some(3)));
        assert_eq!(daemon.events().len(), 2);
        assert_eq!(daemon.stop().await.code(), Some(7));
    }

    #[tokio::test]
    #[should_panic(expected = "no such event")]
    async fn a_daemon_that_ends_without_a_word_is_noticed() {
        daemon(&stand_in(), "exit 0").says("ready").await;
    }

    #[tokio::test]
    async fn commands_see_only_what_they_were_given() {
        let rotator = stand_in().env("PLAIN", "yes").without("SECRET");
        let outcome = rotator.run(&["-c", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL="]).await.ok();
        assert_eq!(outcome.stdout, "PLAIN=yes\n");
    }

    #[tokio::test]
    #[should_panic(expected = "secret 0 stands in standard error")]
    async fn a_secret_in_the_log_is_found() {
        stand_in().run(&["-c", "echo $SECRET >&2"]).await;
    }

    #[tokio::test]
    #[should_panic(expected = "secret 1 stands in standard error")]
    async fn a_secret_that_a_daemon_logged_is_found_at_its_end() {
        let rotator = stand_in();
        let mut daemon =
            daemon(&rotator, r#"echo '{"message":"one-time-password","target":"tokenferry"}' >&2"#);
        daemon.exit().await;
        rotator.guard("one-time-password");
    }

    #[tokio::test]
    #[should_panic(expected = "somebody else logged something")]
    async fn events_of_others_are_noticed() {
        let rotator = stand_in();
        let mut daemon = daemon(&rotator, r#"echo '{"message":"x","target":"hyper::client"}' >&2"#);
        daemon.exit().await;
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_private() {
        let rotator = stand_in();
        rotator.write("folder/secret", "one");
        let path = rotator.write("folder/secret", "two");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
