//! Rules about what stands in the files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::cargo;
use crate::error::Result;
use crate::process;

/// Beyond this a Rust file is probably two.
const LONG: usize = 400;

/// Hosts of package registries: the project works with any registry or mirror, so it names none. Built from
/// parts, lest this file be its own finding.
const REGISTRY_HOSTS: [&str; 8] = [
    concat!("crates", ".io"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("py", "pi.org"),
    concat!("registry.npm", "js.org"),
    concat!("registry.open", "tofu.org"),
    concat!("registry.terra", "form.io"),
    concat!("releases.hashi", "corp.com"),
];

/// Folders that exist on the machine of whoever wrote the line, and nowhere else.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// No registry host and no path of somebody's machine in any file that git tracks.
pub(super) fn words() -> Result<Findings> {
    let mut problems = Vec::new();
    for file in tracked()?.iter().filter(|file| !is_exempt(file)) {
        for (index, line) in text(file).lines().enumerate() {
            if let Some(word) = forbidden(line) {
                problems.push(format!("{}:{}: take out `{word}`", file.display(), index + 1));
            }
        }
    }
    Ok(Findings { problems, ..Findings::default() })
}

/// Warns of long Rust files.
pub(super) fn lengths() -> Result<Findings> {
    let mut warnings = Vec::new();
    for file in tracked()?.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let lines = text(file).lines().count();
        if lines > LONG {
            warnings.push(format!("{} has {lines} lines: consider two files", file.display()));
        }
    }
    Ok(Findings { warnings, ..Findings::default() })
}

/// The lock file says by itself where each crate came from.
fn is_exempt(file: &Path) -> bool {
    file == Path::new("Cargo.lock")
}

/// The files that git knows. What else lies in the folder is nobody's business; `git add` makes it ours.
fn tracked() -> Result<Vec<PathBuf>> {
    let mut command = std::process::Command::new("git");
    command.args(["ls-files", "-z", "--cached"]).current_dir(cargo::root());
    let list = process::stdout(&mut command)?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// The file's text; nothing for a file that is binary, or deleted and not yet committed so.
fn text(file: &Path) -> String {
    fs::read_to_string(cargo::root().join(file)).unwrap_or_default()
}

fn forbidden(line: &str) -> Option<&'static str> {
    let host = REGISTRY_HOSTS.into_iter().find(|host| line.contains(host));
    host.or_else(|| MACHINE_PATHS.into_iter().find(|path| starts_a_path(line, path)))
}

/// Whether `path` stands in the line as the beginning of a path, not in the middle of one.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|character| !character.is_alphanumeric() && !"_-.})".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_hosts_and_machine_paths_are_found() {
        assert!(forbidden(concat!("see https://py", "pi.org/x")).is_some());
        assert!(forbidden(concat!("cd /wo", "rk/main")).is_some());
        assert!(forbidden(concat!("in /ho", "me/somebody/.cache")).is_some());
    }

    #[test]
    fn a_folder_inside_a_relative_path_is_no_machine_path() {
        assert_eq!(forbidden(concat!("target/wo", "rk/main and ${x}/ro", "ot/y")), None);
    }
}
