//! The two ways in which Terraform gets a provider that no registry has, and the files that go with them.

use std::fs::{self, OpenOptions, Permissions, set_permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokenferry_packaging::{self as packaging, Mirror, Platform, Release};

use crate::cargo::Program;
use crate::error::{Attempt, Result};

/// The provider as a release: its version is that of the workspace.
pub(crate) const PROVIDER: Release<'_> =
    Release { name: Program::PROVIDER.name, version: env!("CARGO_PKG_VERSION") };

/// Puts our provider's `program` into an unpacked filesystem mirror below `folder` and returns the CLI configuration
/// file that lets Terraform install from it and from nowhere else. `address` is `HOST/NAMESPACE/TYPE`.
pub(crate) fn filesystem_mirror(folder: &Path, address: &str, program: &Path) -> Result<PathBuf> {
    let mirror = Mirror::new(&folder.join("mirror"));
    mirror
        .add_program(address, PROVIDER, &Platform::here(), program)
        .attempt(|| format!("make a mirror in {}", folder.display()))?;
    write(&folder.join("mirror.tfrc"), &packaging::mirror_only(&mirror, &[address.to_owned()]))
}

/// Returns a CLI configuration file with which Terraform starts the programs where they stand, without `init`.
pub(crate) fn dev_overrides(folder: &Path, overrides: &[(&str, &Path)]) -> Result<PathBuf> {
    write(&folder.join("overrides.tfrc"), &packaging::dev_overrides(overrides))
}

/// Copies a program; the copy keeps the right to be executed.
pub(crate) fn place(program: &Path, target: &Path) -> Result {
    fs::copy(program, target).attempt(|| format!("copy {} to {}", program.display(), target.display()))?;
    Ok(())
}

/// Creates a folder with all above it.
pub(crate) fn make_folder(folder: &Path) -> Result {
    fs::create_dir_all(folder).attempt(|| format!("create {}", folder.display()))
}

/// Creates a folder that is removed when its handle is dropped.
pub(crate) fn temporary_folder(prefix: &str) -> Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).tempdir().attempt(|| "create a temporary folder".into())
}

/// Writes a text file and returns its path.
pub(crate) fn write(file: &Path, text: &str) -> Result<PathBuf> {
    fs::write(file, text).attempt(|| format!("write {}", file.display()))?;
    Ok(file.to_owned())
}

/// Writes a text file that only its owner can read.
pub(crate) fn write_private(file: &Path, text: &str) -> Result {
    let attempt = || format!("write {}", file.display());
    let mut options = OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(file).attempt(attempt)?;
    set_permissions(file, Permissions::from_mode(0o600)).attempt(attempt)?;
    open.write_all(text.as_bytes()).attempt(attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("private");
        write_private(&file, "text").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert!(write_private(&file, "other").is_err());
    }
}
