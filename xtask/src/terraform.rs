//! Terraform, or OpenTofu where that is what the machine has.

use std::borrow::Cow;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::error::{Attempt, Error, Result};
use crate::process;

/// A program that can do what we need.
#[derive(Clone, Debug)]
pub(crate) struct Terraform {
    program: OsString,
    version: String,
}

/// The variable that names a program in place of those on PATH.
pub(crate) const VARIABLE: &str = "TOKENFERRY_TERRAFORM";

/// What we need.
const WANTED: &str = "terraform 1.10 or newer, or tofu 1.11 or newer";

/// The programs we take from PATH, in this order.
const PROGRAMS: [&str; 2] = ["terraform", "tofu"];

impl Terraform {
    /// The one that [`VARIABLE`] names, else the first of [`PROGRAMS`] on PATH that is new enough.
    pub(crate) fn find() -> Result<Self> {
        match env::var_os(VARIABLE) {
            Some(chosen) => Self::among(&[chosen], &format!("{WANTED} ({VARIABLE}=")),
            None => Self::among(&PROGRAMS.map(OsString::from), &format!("{WANTED}, on PATH (")),
        }
    }

    /// All that are new enough: the one that [`VARIABLE`] names and those of [`PROGRAMS`] that are on PATH.
    pub(crate) fn all() -> Vec<Self> {
        let programs = env::var_os(VARIABLE).into_iter().chain(PROGRAMS.map(OsString::from));
        programs.filter_map(|program| Self::among(&[program], "").ok()).collect()
    }

    /// The first of these programs that is new enough; else an error that says what is wrong with each.
    fn among(programs: &[OsString], wanted: &str) -> Result<Self> {
        let mut problems = Vec::new();
        for program in programs {
            let problem = match version(program) {
                Ok(version) if is_enough(program, &version) => {
                    return Ok(Self { program: program.clone(), version });
                }
                Ok(version) => format!("{version} is too old"),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => reason(&error),
            };
            problems.push(format!("{}: {problem}", program.display()));
        }
        Err(Error::Missing(format!("{wanted}{})", problems.join("; "))))
    }

    /// The program to start.
    pub(crate) fn program(&self) -> &OsStr {
        &self.program
    }

    /// `terraform` or `tofu`.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        file_name(&self.program)
    }

    /// Name and version.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.name(), self.version)
    }
}

fn file_name(program: &OsStr) -> Cow<'_, str> {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy()
}

/// In few words why a program does not tell its version.
fn reason(error: &Error) -> String {
    match error {
        Error::Attempt { source, .. } => source.to_string(),
        Error::Program { status, output, .. } => {
            format!("{status}, {}", output.lines().find(|line| !line.is_empty()).unwrap_or("without a word"))
        }
        other => other.to_string(),
    }
}

fn version(program: &OsStr) -> Result<String> {
    let mut command = Command::new(program);
    command.args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1").env_remove("TF_CLI_CONFIG_FILE");
    let answer: Value = serde_json::from_str(&process::stdout(&mut command)?)
        .attempt(|| format!("read the answer of {}", process::name(&command)))?;
    let version = answer["terraform_version"].as_str().map(str::to_owned);
    version.ok_or_else(|| Error::unexpected(format!("{} does not tell its version", process::name(&command))))
}

/// Whether it knows ephemeral resources: Terraform since 1.10, OpenTofu since 1.11.
fn is_enough(program: &OsStr, version: &str) -> bool {
    let minor = if file_name(program).contains("tofu") { 11 } else { 10 };
    let mut parts = version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    found >= (1, minor)
}

/// A folder with a configuration, and the environment in which Terraform works on it.
#[derive(Debug)]
pub(crate) struct Project {
    terraform: Terraform,
    folder: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Project {
    /// `folder` holds the `.tf` files. Of our own environment only what cannot change a result is passed on.
    pub(crate) fn new(terraform: &Terraform, folder: &Path) -> Self {
        let mut environment: Vec<_> =
            env::vars_os().filter(|(name, _)| is_harmless(&name.to_string_lossy())).collect();
        for (name, value) in [("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")] {
            environment.push((name.into(), value.into()));
        }
        Self { terraform: terraform.clone(), folder: folder.to_owned(), environment }
    }

    /// Sets one more variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.into(), value.into()));
    }

    /// The folder with the configuration.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a subcommand and returns its stdout; a failure shows what Terraform said.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        process::stdout(&mut self.command(arguments))
    }

    /// Runs a subcommand whose exit code is part of the answer.
    pub(crate) fn output(&self, arguments: &[&str]) -> Result<Output> {
        process::output(&mut self.command(arguments))
    }

    /// The error for a run that failed.
    pub(crate) fn failure(&self, arguments: &[&str], output: &Output) -> Error {
        process::failure(&self.command(arguments), output)
    }

    /// The full source address of the provider that the configuration calls `source`. Asking Terraform gives its
    /// default registry host, which differs between Terraform and OpenTofu.
    pub(crate) fn provider_address(&self, source: &str) -> Result<String> {
        let text = self.run(&["providers"])?;
        let missing =
            || Error::unexpected(format!("`{} providers` names no {source}", self.terraform.name()));
        full_address(&text, source).map(str::to_owned).ok_or_else(missing)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.terraform.program);
        command.args(arguments).current_dir(&self.folder);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Finds `provider[HOST/SOURCE]`. Terraform lists providers in changing order, its built-in one included.
fn full_address<'text>(providers: &'text str, source: &str) -> Option<&'text str> {
    let addresses = providers.split("provider[").skip(1).filter_map(|rest| rest.split(']').next());
    addresses.into_iter().find(|address| address.split_once('/').is_some_and(|(_, rest)| rest == source))
}

/// Whether a variable of ours may reach Terraform and the provider: nothing that configures either of them, no
/// proxy between us and a server on this machine, none of cargo's library paths.
fn is_harmless(variable: &str) -> bool {
    let prefixes = [
        "CARGO",
        "LD_",
        "RUST",
        "TF_",
        "TOKENFERRY_",
        "VAULT_",
        "ZCC_",
        "ZENOTI_",
        "ZETA",
        "ZETTEL",
        "ZSCALER_",
    ];
    let names = ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"];
    !prefixes.iter().any(|prefix| variable.starts_with(prefix))
        && !names.contains(&variable.to_uppercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let is_enough = |program, version| is_enough(OsStr::new(program), version);
        assert!(is_enough("terraform", "1.10.0") && is_enough("terraform", "2.0.0-rc1"));
        assert!(is_enough("/opt/bin/tofu", "1.11.0") && !is_enough("/opt/bin/tofu", "1.10.6"));
        assert!(!is_enough("terraform", "1.9.8") && !is_enough("terraform", "garbage"));
    }

    #[test]
    fn what_is_wrong_with_a_program_is_said_beside_its_name() {
        let programs = ["/nonexistent", "false"].map(OsString::from);
        let error = Terraform::among(&programs, "terraform (X=").unwrap_err().to_string();
        assert!(error.starts_with("terraform (X=/nonexistent: No such file"), "{error}");
        assert!(error.ends_with("; false: exit status: 1, without a word)"), "{error}");
    }

    #[test]
    fn a_provider_is_found_among_others_in_any_order() {
        let ours = "├── provider[registry.example/tokenferry/tokenferry]\n";
        let builtin = "├── provider[terraform.io/builtin/terraform]\n";
        for text in [[ours, builtin].concat(), [builtin, ours].concat()] {
            let found = full_address(&text, "tokenferry/tokenferry");
            assert_eq!(found, Some("registry.example/tokenferry/tokenferry"));
        }
        assert_eq!(full_address(builtin, "tokenferry/tokenferry"), None);
    }

    #[test]
    fn nothing_that_configures_terraform_or_the_provider_is_passed_on() {
        for variable in ["TF_LOG", "ZCC_CLIENT_ID", "ZETTELSTORE_USERNAME", "https_proxy", "LD_LIBRARY_PATH"]
        {
            assert!(!is_harmless(variable), "{variable}");
        }
        assert!(is_harmless("PATH") && is_harmless("HOME"));
    }
}
