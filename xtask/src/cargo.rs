//! Cargo as a child: without the variables of the cargo that runs us.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::{Attempt, Error, Result};
use crate::process;
use crate::terminal::Terminal;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A cargo command in the workspace.
///
/// `cargo run` sets `CARGO_PKG_*` and their like for us; build scripts that watch them (ring's does) would run
/// again at every change between our builds and the user's own.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    for (variable, _) in env::vars_os() {
        if is_of_the_outer_cargo(&variable.to_string_lossy()) {
            command.env_remove(variable);
        }
    }
    command
}

fn is_of_the_outer_cargo(variable: &str) -> bool {
    let prefixes = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

/// Builds what demo and tests need, in one call, so that what the programs share is built once.
pub(crate) fn build_for_use(terminal: &Terminal) -> Result<BTreeMap<String, PathBuf>> {
    announce_build(
        terminal,
        "provider, rotator and sandbox (release)",
        "release",
        "terraform_provider_tokenferry-",
    );
    terminal.long_step("provider, rotator and sandbox built (release)", || {
        build("release", &[Program::PROVIDER, Program::ROTATOR, Program::SANDBOX])
    })
}

/// Says that a build will take its time, if there has been none: if the `folder` of its profile has nothing yet whose
/// name begins with `prefix`. Cargo's own progress follows.
pub(crate) fn announce_build(terminal: &Terminal, what: &str, folder: &str, prefix: &str) {
    // We are in the folder of a profile ourselves.
    let profiles = env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.to_owned()));
    let built = profiles.and_then(|profiles| profiles.join(folder).join("deps").read_dir().ok());
    let is_it = |name: OsString| name.to_string_lossy().starts_with(prefix);
    if !built.is_some_and(|mut files| files.any(|file| file.is_ok_and(|file| is_it(file.file_name())))) {
        terminal.line(&format!("building {what}; this takes minutes the first time"));
    }
}

/// Builds programs of the workspace, with cargo's own progress on stderr, and returns where they are, by name.
pub(crate) fn build(profile: &str, programs: &[Program]) -> Result<BTreeMap<String, PathBuf>> {
    run_build(&mut build_command(profile, programs))
}

/// The command for [`run_build`].
pub(crate) fn build_command(profile: &str, programs: &[Program]) -> Command {
    let mut command =
        command(&["build", "--locked", "--message-format=json-render-diagnostics", "--profile", profile]);
    for program in programs {
        command.args(["--package", program.package, "--bin", program.name]);
    }
    command
}

/// As [`build`], with a command that may have got more arguments.
pub(crate) fn run_build(command: &mut Command) -> Result<BTreeMap<String, PathBuf>> {
    let mut built = BTreeMap::new();
    let status = process::lines(command, |line| {
        if let Ok(Artifact { target, executable: Some(executable) }) = serde_json::from_str(line) {
            built.insert(target.name, executable);
        }
    })?;
    if !status.success() {
        return Err(Error::Findings("the build failed; the compiler's messages are above".into()));
    }
    Ok(built)
}

/// A program of the workspace and the package it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
}

impl Program {
    /// The provider.
    pub(crate) const PROVIDER: Self =
        Self { package: "terraform-provider-tokenferry", name: "terraform-provider-tokenferry" };
    /// The launcher that notes what a provider costs.
    pub(crate) const RECORDER: Self = Self { package: "xtask", name: "recorder" };
    /// The daemon that writes into Vault.
    pub(crate) const ROTATOR: Self = Self { package: "tokenferry", name: "tokenferry" };
    /// The simulated systems.
    pub(crate) const SANDBOX: Self = Self { package: "tokenferry-sandbox", name: "tokenferry-sandbox" };

    /// This program among those that were built.
    pub(crate) fn path(self, built: &BTreeMap<String, PathBuf>) -> Result<&Path> {
        built
            .get(self.name)
            .map(PathBuf::as_path)
            .ok_or_else(|| Error::unexpected(format!("cargo built no program named {}", self.name)))
    }
}

/// What we read of a build message.
#[derive(Debug, Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// What we read of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// One package of the workspace or below it.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: Option<String>,
    /// Absent for the packages of the workspace.
    pub(crate) source: Option<String>,
}

/// The workspace and every package it depends on, for all targets.
pub(crate) fn metadata() -> Result<Metadata> {
    let text = process::stdout(&mut command(&["metadata", "--locked", "--format-version", "1"]))?;
    serde_json::from_str(&text).attempt(|| "read the answer of `cargo metadata`".into())
}

/// A folder of our own below the target directory, made if need be.
pub(crate) fn tools() -> Result<PathBuf> {
    let tools = metadata()?.target_directory.join("tools");
    std::fs::create_dir_all(&tools).attempt(|| format!("create {}", tools.display()))?;
    Ok(tools)
}
