//! The rotator as a program: its configuration, its commands, and everything it prints.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::daemon::Daemon;
use super::vault::{self, Vault};
use crate::demo::leaks::{self, Record};
use crate::demo::stage::Stage;
use crate::error::{Attempt, Result};
use crate::mirror;
use crate::process;

/// The program and the folder with its configuration and secrets.
#[derive(Debug)]
pub(in crate::demo) struct Rotator {
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Rotator {
    /// A copy of the example with the files that it names. The root token is in none of them.
    pub(super) fn prepare(stage: &Stage, vault: &Vault) -> Result<Self> {
        let folder = stage.folder.path().join("rotator");
        mirror::make_folder(&folder.join(PRINTED))?;
        let example = vault::folder().join(CONFIGURATION);
        fs::copy(&example, folder.join(CONFIGURATION)).attempt(|| format!("copy {}", example.display()))?;
        let access = stage.sandbox.access();
        mirror::write_private(&folder.join("role-id"), &vault.role_id)?;
        mirror::write_private(&folder.join("secret-id"), &vault.secret_id)?;
        mirror::write_private(&folder.join("zettelstore-password"), &access.zettelstore.password)?;
        let mut environment: Vec<_> = access.environment.clone().into_iter().collect();
        environment.push(("VAULT_ADDR".to_owned(), vault.url()));
        Ok(Self { program: stage.rotator.clone(), folder, environment })
    }

    /// Where the program is.
    pub(in crate::demo) fn program(&self) -> &Path {
        &self.program
    }

    /// Its configuration.
    pub(in crate::demo) fn configuration(&self) -> PathBuf {
        self.folder.join(CONFIGURATION)
    }

    /// Where a daemon of this name logs.
    pub(in crate::demo) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(PRINTED).join(name)
    }

    /// Runs a subcommand that has to find all well, and returns its table and what follows it.
    pub(super) fn ask(&self, subcommand: &str) -> Result<String> {
        let mut command = self.command(&[subcommand]);
        let output = process::output(&mut command)?;
        self.keep(subcommand, &[output.stdout.as_slice(), output.stderr.as_slice()].concat())?;
        if !output.status.success() {
            return Err(process::failure(&command, &output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn keep(&self, name: &str, said: &[u8]) -> Result {
        let file = self.log(name);
        let open = OpenOptions::new().append(true).create(true).open(&file);
        open.and_then(|mut open| open.write_all(said)).attempt(|| format!("write {}", file.display()))
    }

    /// Starts the daemon; all that it prints goes to the log of this name, at the level with the most words.
    pub(in crate::demo) fn start(&self, name: &str) -> Result<Daemon> {
        let log = self.log(name);
        let output = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let errors = output.try_clone().attempt(|| "share a log file".into())?;
        let mut command = self.command(&["run", "--log-format", "json", "--log-level", "trace"]);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        Daemon::start(&mut command, &log)
    }

    /// Everything it has printed.
    pub(super) fn printed(&self) -> Result<Vec<Record>> {
        leaks::files(&self.folder.join(PRINTED))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--config").arg(self.configuration());
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

const CONFIGURATION: &str = "tokenferry.hcl";
const PRINTED: &str = "printed";
