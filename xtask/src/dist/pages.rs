//! What goes with the rotator: completions for shells, and manual pages. The program writes them itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokenferry_packaging::Member;

use super::target::Target;
use crate::cargo::{self, Program};
use crate::error::{Attempt, Result};
use crate::mirror;
use crate::process;

/// The files, in a folder that is gone when this value is.
#[derive(Debug)]
pub(super) struct Pages {
    members: Vec<Member>,
    _folder: TempDir,
}

impl Pages {
    /// Of the rotator that was built for `target`; if that does not start here, of one for this machine, which says
    /// the same.
    pub(super) fn of(target: &Target, rotator: &Path) -> Result<Self> {
        if target.runs_here() {
            return Self::by(rotator);
        }
        let built: BTreeMap<String, PathBuf> = cargo::build("release", &[Program::ROTATOR])?;
        Self::by(Program::ROTATOR.path(&built)?)
    }

    fn by(rotator: &Path) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-pages-")?;
        let mut members = Vec::new();
        for (shell, name) in COMPLETIONS {
            let script = process::stdout(Command::new(rotator).args(["completions", shell]))?;
            let file = mirror::write(&folder.path().join(name), &script)?;
            members.push(Member::text_in("completions", &file));
        }
        let pages = folder.path().join("man");
        process::stdout(Command::new(rotator).args(["man", "--folder"]).arg(&pages))?;
        for page in fs::read_dir(&pages).attempt(|| format!("read {}", pages.display()))? {
            let page = page.attempt(|| format!("read {}", pages.display()))?;
            members.push(Member::text_in("man", &page.path()));
        }
        Ok(Self { members, _folder: folder })
    }

    /// As they go into an archive.
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        self.members.iter().cloned()
    }
}

/// By shell, under the names that shells look for.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "tokenferry.bash"), ("fish", "tokenferry.fish"), ("zsh", "_tokenferry")];
