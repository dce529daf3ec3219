//! Packages of Debian: installed, or only unpacked, where that can be done without asking anybody.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::process;
use crate::terminal::Terminal;

/// A program of a package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packaged {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
}

impl Packaged {
    /// Passes if it is here, or can be brought here.
    pub(crate) fn check(&self) -> Result {
        found_or_installable(&self.version(), false, || format!("`{}`", self.program))
    }

    /// Installs it if need be.
    pub(crate) fn get(&self, terminal: &Terminal) -> Result {
        match self.version() {
            Ok(()) => Ok(()),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => {
                let what = format!("{} installed (Debian package)", self.package);
                terminal.step(&what, || install(&[self.package]))?;
                self.version()
            }
        }
    }

    fn version(&self) -> Result {
        process::stdout(Command::new(self.program).arg("--version")).map(drop)
    }
}

/// Passes if it was found, or can be installed; the latter not in place of what somebody has chosen. `missing` names it.
pub(crate) fn found_or_installable<T>(
    found: &Result<T>,
    is_chosen: bool,
    missing: impl FnOnce() -> String,
) -> Result {
    match found {
        Ok(_) => Ok(()),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(_) if !is_chosen && can_install() => Ok(()),
        Err(_) => Err(Error::Missing(missing())),
    }
}

/// Whether packages can be installed: we are root on a system that has `apt-get`.
fn can_install() -> bool {
    nix::unistd::geteuid().is_root() && Path::new("/usr/bin/apt-get").is_file()
}

/// Installs packages.
pub(crate) fn install(packages: &[&str]) -> Result {
    process::stdout(apt().arg("update"))?;
    process::stdout(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages)).map(drop)
}

/// Takes one file out of a package into `target`, and installs nothing: no service is set up and started.
pub(crate) fn unpack(package: &str, file: &str, target: &Path) -> Result {
    let staging = target.with_extension("part");
    mirror::make_folder(&staging)?;
    let unpacked = staging.join("unpacked");
    let attempt = || format!("unpack {package}");
    process::stdout(apt().arg("update"))?;
    process::stdout(apt().args(["download", package]).current_dir(&staging))?;
    let entries = fs::read_dir(&staging).attempt(attempt)?;
    let mut files = entries.filter_map(std::result::Result::ok).map(|entry| entry.path());
    let archive = files.find(|file| file.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.ok_or_else(|| Error::unexpected(format!("apt-get downloaded no {package}")))?;
    process::stdout(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&unpacked))?;
    fs::rename(unpacked.join(file), target).attempt(attempt)?;
    fs::remove_dir_all(&staging).attempt(attempt)
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
