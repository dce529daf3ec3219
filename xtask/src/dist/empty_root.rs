//! A place that has nothing but one program: what it needs of a machine is missing there.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::error::{Attempt, Error, Result};
use crate::handshake;
use crate::mirror;
use crate::process;

/// A folder that the program in it takes for the whole file system.
#[derive(Debug)]
pub(super) struct EmptyRoot {
    folder: TempDir,
    name: PathBuf,
}

/// What came of a try to start a program in there.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It started, and told its version.
    Started,
    /// This machine lets us make no such place, and says why.
    NotTried(String),
}

impl EmptyRoot {
    /// A fresh one with a copy of this program.
    pub(super) fn with(program: &Path) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-root-")?;
        let name = PathBuf::from(program.file_name().unwrap_or_default());
        mirror::place(program, &folder.path().join(&name))?;
        Ok(Self { folder, name })
    }

    /// Lets the program tell its version, which has to be this one.
    pub(super) fn version(&self, version: &str) -> Result<Verdict> {
        let mut command = self.command();
        command.arg("--version");
        let output = process::output(&mut command)?;
        let (said, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() && said.trim_end().ends_with(version) {
            return Ok(Verdict::Started);
        }
        let tool = command.get_program().to_string_lossy();
        // Both tools have 126 and 127 for a program that cannot be started.
        let by_tool = complaint.starts_with(&format!("{tool}: "));
        if by_tool && !matches!(output.status.code(), Some(126 | 127)) {
            return Ok(Verdict::NotTried(complaint.trim_end().to_owned()));
        }
        Err(Error::unexpected(format!(
            "{} does not start in an empty root ({}): {said}{complaint}",
            self.name.display(),
            output.status
        )))
    }

    /// Lets the program, a rotator, read this configuration, where that can be tried by a user that is nobody's, as in an
    /// image that holds nothing else.
    pub(super) fn validate(&self, configuration: &Path) -> Result {
        let attempt = || format!("prepare {}", self.folder.path().display());
        fs::set_permissions(self.folder.path(), Permissions::from_mode(0o755)).attempt(attempt)?;
        fs::copy(configuration, self.folder.path().join("tokenferry.hcl")).attempt(attempt)?;
        let mut command = self.command_as(Some("65532:65532"));
        process::stdout(command.args(["validate", "--offline", "--config", "/tokenferry.hcl"])).map(drop)
    }

    /// Starts the program, a provider, as Terraform does.
    pub(super) fn shake_hands(&self) -> Result {
        let mut command = self.command();
        handshake::prepare(&mut command, Path::new("/"));
        // For the tool, which may lie beside the usual places.
        command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
        let mut child = process::start(&mut command)?;
        let line = handshake::await_line(&mut child);
        process::stop(&mut child, Duration::ZERO);
        handshake::check(&line, &self.name)
    }

    /// Starts the program: root may change its root, others become root of a namespace first.
    fn command(&self) -> Command {
        self.command_as(None)
    }

    /// The same as another user, if we may.
    fn command_as(&self, user: Option<&str>) -> Command {
        let program = Path::new("/").join(&self.name);
        if Uid::effective().is_root() {
            let mut command = Command::new("chroot");
            command.args(user.map(|user| format!("--userspec={user}")));
            command.arg(self.folder.path()).arg(program);
            return command;
        }
        let mut command = Command::new("unshare");
        command.arg("--map-root-user").arg("--root").arg(self.folder.path()).arg(program);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_loader_does_not_start_in_an_empty_root() {
        let root = EmptyRoot::with(&std::env::current_exe().unwrap()).unwrap();
        match root.version("") {
            Err(error) => assert!(error.to_string().contains("does not start in an empty root"), "{error}"),
            Ok(verdict) => assert!(matches!(verdict, Verdict::NotTried(_)), "{verdict:?}"),
        }
    }
}
