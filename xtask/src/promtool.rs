//! Prometheus' own checker of metrics and alert rules.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use crate::cargo;
use crate::debian;
use crate::error::Result;
use crate::mirror;
use crate::process;
use crate::terminal::Terminal;

/// The variable that names one in place of ours.
pub(crate) const VARIABLE: &str = "TOKENFERRY_PROMTOOL";

/// Whether it is here, or can be brought here.
pub(crate) fn check() -> Result {
    debian::found_or_installable(&found(), env::var_os(VARIABLE).is_some(), || match env::var_os(VARIABLE) {
        Some(chosen) => {
            format!("a working `promtool` ({VARIABLE}={} does not tell its version)", chosen.display())
        }
        None => "`promtool`, to check metrics and alert rules".into(),
    })
}

/// The one that [`VARIABLE`] names, else ours or the one on PATH; ours is taken out of its package if there is neither.
pub(crate) fn get(terminal: &Terminal) -> Result<OsString> {
    if let Ok(program) = found() {
        return Ok(program);
    }
    let ours = ours()?;
    terminal.step("promtool unpacked (Debian package prometheus)", || {
        mirror::make_folder(&cargo::tools()?)?;
        debian::unpack("prometheus", "usr/bin/promtool", &ours)
    })?;
    works(ours.as_os_str())?;
    Ok(ours.into())
}

fn found() -> Result<OsString> {
    if let Some(chosen) = env::var_os(VARIABLE) {
        return works(&chosen).map(|()| chosen);
    }
    let ours = ours()?;
    let program = if ours.is_file() { ours.into() } else { OsString::from("promtool") };
    works(&program).map(|()| program)
}

fn ours() -> Result<PathBuf> {
    Ok(cargo::tools()?.join("promtool"))
}

fn works(program: &OsStr) -> Result {
    process::stdout(Command::new(program).arg("--version")).map(drop)
}
