//! The two ways in which Terraform gets a provider that no registry has.

use std::env::consts;
use std::fs::{self, OpenOptions, Permissions, set_permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Attempt, Result};

/// The version under which a provider stands in a mirror.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Puts `program` into an unpacked filesystem mirror below `folder` and returns the CLI configuration file that
/// lets Terraform install from it and from nowhere else. `address` is `HOST/NAMESPACE/TYPE`.
pub(crate) fn filesystem_mirror(folder: &Path, address: &str, program: &Path) -> Result<PathBuf> {
    let mirror = folder.join("mirror");
    let package = mirror.join(address).join(VERSION).join(platform());
    let provider_type = address.rsplit('/').next().unwrap_or(address);
    make_folder(&package)?;
    place(program, &package.join(format!("terraform-provider-{provider_type}_v{VERSION}")))?;
    let config = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path    = {}\n    include = [{}]\n  }}\n}}\n",
        quoted(&mirror.display().to_string()),
        quoted(address)
    );
    write(&folder.join("mirror.tfrc"), &config)
}

/// Returns a CLI configuration file with which Terraform starts the programs where they stand, without `init`.
pub(crate) fn dev_overrides(folder: &Path, overrides: &[(&str, &Path)]) -> Result<PathBuf> {
    let lines: Vec<String> = overrides
        .iter()
        .map(|(address, place)| {
            format!("    {} = {}\n", quoted(address), quoted(&place.display().to_string()))
        })
        .collect();
    let lines = lines.concat();
    let config = format!("provider_installation {{\n  dev_overrides {{\n{lines}  }}\n  direct {{}}\n}}\n");
    write(&folder.join("overrides.tfrc"), &config)
}

/// Terraform's name for this machine: `linux_amd64` and so on.
pub(crate) fn platform() -> String {
    let system = if consts::OS == "macos" { "darwin" } else { consts::OS };
    let processor = match consts::ARCH {
        "aarch64" => "arm64",
        "x86" => "386",
        "x86_64" => "amd64",
        other => other,
    };
    format!("{system}_{processor}")
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

/// A string as HCL writes it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_for_hcl() {
        assert_eq!(quoted(r#"a"b\c${d}"#), r#""a\"b\\c$${d}""#);
    }

    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("private");
        write_private(&file, "text").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert!(write_private(&file, "other").is_err());
    }

    #[test]
    fn a_mirror_has_the_layout_that_terraform_reads() {
        let folder = tempfile::tempdir().unwrap();
        let program = write(&folder.path().join("program"), "binary").unwrap();
        let config = filesystem_mirror(folder.path(), "example.org/tokenferry/tokenferry", &program).unwrap();
        let package = format!("mirror/example.org/tokenferry/tokenferry/{VERSION}/{}", platform());
        let placed = folder.path().join(package).join(format!("terraform-provider-tokenferry_v{VERSION}"));
        assert!(placed.is_file());
        assert!(fs::read_to_string(config).unwrap().contains("example.org/tokenferry/tokenferry"));
    }
}
