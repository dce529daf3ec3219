//! Third act: the rotator keeps fresh tokens in OpenBao, and a reader uses them.

mod daemon;
mod program;
mod vault;

use std::time::Instant;

use tokenferry_leaks::Secret;

use self::daemon::{Daemon, Event};
pub(super) use self::program::Rotator;
pub(super) use self::vault::Vault;
use super::came::life;
use super::leaks;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::openbao::Server;
use crate::sandbox::Counters;
use crate::terminal::{Terminal, mask};

/// What is left of the act for those who want to go on.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) rotator: Rotator,
    pub(super) vault: Vault,
}

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result<Scene> {
    terminal.heading("The rotator: fresh tokens in OpenBao");
    let act = Act::open(terminal, stage)?;
    act.show_table("validate")?;
    act.rotate()?;
    act.show_table("status")?;
    act.show_proof()?;
    act.count_logins("one for each version: none lost")?;
    act.start_again()?;
    act.count_logins("no needless one")?;
    act.look_for_secrets()?;
    Ok(act.scene)
}

/// A rotation of the example.
#[derive(Debug)]
struct Rotation {
    name: &'static str,
    /// The sandbox's name of the system.
    system: &'static str,
    title: &'static str,
    entry: &'static str,
}

const ZSCALER: Rotation =
    Rotation { name: "zscaler-corp", system: "zscaler", title: "Zscaler", entry: "tokens/zscaler/corp" };

const ZETTELSTORE: Rotation = Rotation {
    name: "zettelstore-notes",
    system: "zettelstore",
    title: "Zettelstore",
    entry: "tokens/zettelstore/notes",
};

/// How variables end that hold secrets.
const SECRET_VARIABLES: [&str; 2] = ["_PASSWORD", "_SECRET"];

/// How wide a proof may be, so that it fits a screen of 80 columns.
const WIDTH: usize = 76;

/// The column that a screen of 80 columns has no room for.
const TOO_WIDE: [&str; 3] = ["ISSUED", "OUTAGE BUDGET", "WHY THEN"];

/// The version of the short-lived token at which the demo has seen enough.
const LAST: u64 = 3;

struct Act<'stage> {
    terminal: &'stage Terminal,
    stage: &'stage Stage,
    scene: Scene,
    before: Counters,
}

impl<'stage> Act<'stage> {
    fn open(terminal: &'stage Terminal, stage: &'stage Stage) -> Result<Self> {
        let folder = stage.folder.path().join("openbao");
        let server = terminal
            .step("OpenBao started, in memory", || Server::in_memory(stage.openbao.program(), &folder))?;
        let vault =
            terminal.step("policies, an AppRole and a reader's token made", || Vault::prepare(server))?;
        terminal.detail("rotator  create, read, update below secret/tokens/");
        terminal.detail("         its secret_id is in a file of mode 0600");
        terminal.detail("reader   read below secret/tokens/");
        let rotator = Rotator::prepare(stage, &vault)?;
        Ok(Self { terminal, stage, scene: Scene { rotator, vault }, before: stage.sandbox.counters()? })
    }

    fn show_table(&self, subcommand: &str) -> Result {
        let name = format!("tokenferry {subcommand}");
        let answer = self.terminal.step(&name, || self.scene.rotator.ask(subcommand))?;
        let table: Vec<String> =
            answer.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
        for line in TOO_WIDE.iter().fold(table, |table, column| without(column, &table)) {
            self.terminal.detail(line.trim_end());
        }
        Ok(())
    }

    /// Now that tokens have been seen, `validate` reckons with their real life.
    fn show_proof(&self) -> Result {
        let name = "tokenferry validate, once more: with the life last seen";
        let answer = self.terminal.step(name, || self.scene.rotator.ask("validate"))?;
        let proof = answer.lines().find(|line| line.starts_with(&format!("{}: ", ZETTELSTORE.name)));
        for line in wrapped(proof.unwrap_or_default()) {
            self.terminal.detail(&line);
        }
        Ok(())
    }

    /// Until the short-lived token has been replaced twice; a reader uses the second one meanwhile.
    fn rotate(&self) -> Result {
        let mut daemon = self.terminal.step("tokenferry run", || self.start("run"))?;
        self.terminal.detail("Zettelstore's tokens live 30 s, are replaced at 5 s: three take 11 s");
        loop {
            let since = Instant::now();
            let event = daemon.wait_for("rotated")?;
            let rotation =
                if event.rotation.as_deref() == Some(ZSCALER.name) { &ZSCALER } else { &ZETTELSTORE };
            let version = event.version();
            let text = self.describe(rotation, version, &event)?;
            self.terminal.outcome(&text, true, since.elapsed());
            match (rotation.name == ZETTELSTORE.name, version) {
                (true, 2) => self.read(version)?,
                (true, LAST..) => {
                    return self.terminal.step("stopped by SIGTERM: exit code 0", || stop(daemon));
                }
                _ => {}
            }
        }
    }

    fn start(&self, log: &str) -> Result<Daemon> {
        let mut daemon = self.scene.rotator.start(log)?;
        daemon.wait_for("started")?;
        Ok(daemon)
    }

    fn describe(&self, rotation: &Rotation, version: u64, event: &Event) -> Result<String> {
        let entry = self.scene.vault.entry(rotation.entry, version)?;
        Ok(format!(
            "{:<17}  version {version}, serial {}, {} lives {}, {}",
            rotation.name,
            entry.serial,
            mask(&entry.token),
            life(entry.ttl),
            why(event.reason.as_deref().unwrap_or_default())
        ))
    }

    /// The token is the reader's, who needs nothing but the entry to use it.
    fn read(&self, version: u64) -> Result {
        let entry = self.scene.vault.entry(ZETTELSTORE.entry, version)?;
        self.stage.sandbox.try_token(&entry.header_name, &entry.header_value)?;
        let requests = self.stage.sandbox.requests()?;
        let Some(used) = requests.iter().rfind(|request| request.asks_whether_a_token_is_good()) else {
            return Err(Error::unexpected("the reader's request has not arrived at the sandbox"));
        };
        self.terminal.verdict(used.is_accepted(), "a reader's request, as Zettelstore saw it:");
        self.terminal.detail(&used.to_string());
        if used.is_accepted() { Ok(()) } else { Err(Error::Findings("the token was not accepted".into())) }
    }

    /// What stands in OpenBao is enough to know that nothing is due.
    fn start_again(&self) -> Result {
        self.terminal.step("tokenferry run, once more: nothing is due", || {
            let mut daemon = self.start("run-again")?;
            daemon.wait_for("all entries are read")?;
            stop(daemon)
        })
    }

    /// Checks that each login since the act began has become a version in OpenBao, so that none was needless or lost.
    fn count_logins(&self, reason: &str) -> Result {
        let now = self.stage.sandbox.counters()?;
        let counts = [&ZSCALER, &ZETTELSTORE].map(|rotation| {
            let logins = now.logins(rotation.system) - self.before.logins(rotation.system);
            (rotation.title, logins, self.scene.vault.versions(rotation.entry))
        });
        let good = counts.iter().all(|(_, logins, versions)| logins == versions);
        let list = counts.map(|(title, logins, _)| format!("{title} {logins}")).join(", ");
        self.terminal.verdict(good, &format!("logins counted: {list} ({reason})"));
        if good { Ok(()) } else { Err(Error::Findings("each login should have become a version".into())) }
    }

    fn look_for_secrets(&self) -> Result {
        let printed = self.scene.rotator.printed()?;
        let mut found = leaks::vault_tokens(&printed);
        let secrets = self.secrets()?;
        found.extend(leaks::find(&secrets, &printed)?);
        let place = match found.as_slice() {
            [] => "in nothing that the rotator printed".to_owned(),
            leaks => format!("FOUND: {}", leaks.join("; ")),
        };
        let text = format!("{} tokens, keys and passwords: {place}", secrets.len());
        self.terminal.verdict(found.is_empty(), &text);
        if found.is_empty() { Ok(()) } else { Err(Error::Findings("the rotator printed a secret".into())) }
    }

    /// What the rotator was given, what it was not, and what it got.
    fn secrets(&self) -> Result<Vec<Secret>> {
        let (vault, environment) = (&self.scene.vault, &self.stage.sandbox.access().environment);
        let secret = |name: &str, value: &str| Secret { name: name.to_owned(), value: value.to_owned() };
        let mut secrets = vec![
            secret("root token", vault.root_token()),
            secret("reader's token", vault.reader_token()),
            secret("secret_id", &vault.secret_id),
        ];
        let is_secret = |name: &str| SECRET_VARIABLES.iter().any(|end| name.ends_with(end));
        let given = environment.iter().filter(|(name, _)| is_secret(name));
        secrets.extend(given.map(|(name, value)| secret(name, value)));
        for rotation in [&ZSCALER, &ZETTELSTORE] {
            for version in 1..=vault.versions(rotation.entry) {
                secrets.push(secret(rotation.title, &vault.entry(rotation.entry, version)?.token));
            }
        }
        Ok(secrets)
    }
}

/// Exit code 0 says that everything that was issued has been stored.
fn stop(daemon: Daemon) -> Result {
    match daemon.stop() {
        Some(0) => Ok(()),
        code => {
            Err(Error::Findings(format!("the rotator should have ended with exit code 0, not with {code:?}")))
        }
    }
}

/// A table without a column, if it has that.
fn without(column: &str, table: &[String]) -> Vec<String> {
    let at = table.first().and_then(|header| {
        let (left, right) = header.split_once(column)?;
        Some((left.len(), header.len() - right.trim_start().len()))
    });
    let kept = |line: &String| match at {
        Some((start, end)) => [line.get(..start), line.get(end..)].map(Option::unwrap_or_default).concat(),
        None => line.clone(),
    };
    table.iter().map(kept).collect()
}

/// Words in lines for a screen.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => line.extend([" ", word]),
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Why there was a run, given the rotator's name for it.
fn why(reason: &str) -> &str {
    match reason {
        "expiry" => "by expiry",
        "no_token" => "there was none",
        "schedule" => "by schedule",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_too_wide_is_left_out() {
        let table = ["NAME  ISSUED      NEXT", "a     2030-01-31  now"].map(str::to_owned);
        assert_eq!(without("ISSUED", &table), ["NAME  NEXT", "a     now"]);
        assert_eq!(without("NEXT", &table), ["NAME  ISSUED      ", "a     2030-01-31  "]);
        assert_eq!(without("SERIAL", &table), table);
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let lines = wrapped("word ".repeat(30).trim_end());
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
    }
}
