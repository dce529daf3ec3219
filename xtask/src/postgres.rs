//! The programs of PostgreSQL, which tests start servers of their own with.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian;
use crate::error::{Attempt, Error, Result};
use crate::process;
use crate::terminal::Terminal;

/// The variable that names the folder with the programs.
pub(crate) const VARIABLE: &str = "TOKENFERRY_POSTGRES";

/// Passes if the programs are here, or can be brought here.
pub(crate) fn check() -> Result {
    debian::found_or_installable(&found(), env::var_os(VARIABLE).is_some(), || match env::var_os(VARIABLE) {
        Some(chosen) => {
            format!("the programs of PostgreSQL ({VARIABLE}={} has none that work)", chosen.display())
        }
        None => "the programs of PostgreSQL (`initdb`, `postgres` and `psql`)".into(),
    })
}

/// The folder that holds them; they are installed if need be.
pub(crate) fn get(terminal: &Terminal) -> Result<PathBuf> {
    match found() {
        Err(Error::Missing(_)) if env::var_os(VARIABLE).is_none() => {
            terminal.step("PostgreSQL installed (Debian package postgresql)", install)?;
            found()
        }
        found => found,
    }
}

fn found() -> Result<PathBuf> {
    let candidates = env::var_os(VARIABLE).map_or_else(folders, |chosen| vec![chosen.into()]);
    let has_all = |folder: &PathBuf| PROGRAMS.iter().all(|program| folder.join(program).is_file());
    let folder = candidates.into_iter().find(has_all);
    let folder = folder.ok_or_else(|| Error::Missing(format!("{} in one folder", PROGRAMS.join(", "))))?;
    PROGRAMS.iter().try_for_each(|program| works(&folder.join(program)))?;
    Ok(folder)
}

/// Where to look: on PATH, and where Debian has one folder for each version, the newest first.
fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(std::result::Result::ok);
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    versions.sort_by_key(|version| number(version));
    folders.extend(versions.into_iter().rev().map(|version| version.join("bin")));
    folders
}

fn number(version: &Path) -> u32 {
    version.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

fn works(program: &Path) -> Result {
    process::stdout(Command::new(program).arg("--version")).map(drop)
}

/// Installs the package without the server that Debian sets up and starts with it, on the port that people use.
fn install() -> Result {
    debian::install(&["postgresql-common"])?;
    without_cluster(Path::new(SETTINGS), || debian::install(&["postgresql"]))
}

/// Does `work` while `settings` say that a new version gets no server of its own.
fn without_cluster(settings: &Path, work: impl FnOnce() -> Result) -> Result {
    let attempt = || format!("adapt {}", settings.display());
    let text = fs::read_to_string(settings).attempt(attempt)?;
    fs::write(settings, format!("{text}\ncreate_main_cluster = false\n")).attempt(attempt)?;
    let done = work();
    fs::write(settings, text).attempt(attempt)?;
    done
}

const PROGRAMS: [&str; 3] = ["initdb", "postgres", "psql"];
const DEBIAN: &str = "/usr/lib/postgresql";
const SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_debian_are_as_before_whatever_came_of_the_installation() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings");
        let text = "# create_main_cluster = true\n";
        fs::write(&settings, text).unwrap();
        let error = without_cluster(&settings, || {
            assert!(fs::read_to_string(&settings).unwrap().ends_with("\ncreate_main_cluster = false\n"));
            Err(Error::Interrupted)
        });
        assert!(matches!(error, Err(Error::Interrupted)));
        assert_eq!(fs::read_to_string(&settings).unwrap(), text);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let mut versions = ["/a/9.6", "/a/15", "/a/17", "/a/8"].map(Path::new);
        versions.sort_by_key(|version| number(version));
        assert_eq!(versions, ["/a/9.6", "/a/8", "/a/15", "/a/17"].map(Path::new));
    }
}
