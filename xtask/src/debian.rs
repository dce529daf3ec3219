//! Programs that are to be had as packages of Debian.

use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;

use crate::error::{Error, Result};
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
        match self.version() {
            Ok(()) => Ok(()),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) if can_install() => Ok(()),
            Err(_) => Err(Error::Missing(format!("`{}`", self.program))),
        }
    }

    /// Installs it if need be.
    pub(crate) fn get(&self, terminal: &Terminal) -> Result {
        match self.version() {
            Ok(()) => Ok(()),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => install(terminal, self.package).and_then(|()| self.version()),
        }
    }

    fn version(&self) -> Result {
        process::stdout(Command::new(self.program).arg("--version")).map(drop)
    }
}

/// Installs a package.
pub(crate) fn install(terminal: &Terminal, package: &str) -> Result {
    let installed = terminal.step(&format!("{package} installed (Debian package)"), || {
        process::stdout(apt().arg("update"))?;
        process::stdout(apt().args(["install", "--yes", "--no-install-recommends", package]))
    });
    installed.map(drop)
}

/// Whether that can work here.
pub(crate) fn can_install() -> bool {
    Uid::effective().is_root() && Path::new("/usr/bin/apt-get").is_file()
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
