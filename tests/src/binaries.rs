//! Where the programs under test are.

use std::env;
use std::path::{Path, PathBuf};

/// The provider, as `cargo xtask test` builds it.
///
/// # Panics
///
/// If it has not been built.
pub fn provider() -> PathBuf {
    let directory = env::var_os("TOKENFERRY_BIN_DIR").map_or_else(release_directory, PathBuf::from);
    let binary = directory.join(format!("terraform-provider-tokenferry{}", env::consts::EXE_SUFFIX));
    assert!(
        binary.is_file(),
        "{} is missing: `cargo xtask test` builds it before the tests run (or `cargo build --release \
         -p terraform-provider-tokenferry`; TOKENFERRY_BIN_DIR names another directory)",
        binary.display()
    );
    binary
}

/// `terraform`, or else `tofu`, from PATH; `TOKENFERRY_TERRAFORM` names another.
///
/// # Panics
///
/// If there is neither.
pub fn terraform() -> PathBuf {
    if let Some(chosen) = env::var_os("TOKENFERRY_TERRAFORM") {
        let chosen = PathBuf::from(chosen);
        let found = if chosen.components().count() > 1 { Some(chosen.clone()) } else { on_path(&chosen) };
        return found.filter(|path| path.is_file()).unwrap_or_else(|| {
            panic!("TOKENFERRY_TERRAFORM names {}, and there is no such program", chosen.display())
        });
    }
    ["terraform", "tofu"].iter().find_map(|name| on_path(Path::new(name))).expect(
        "neither `terraform` nor `tofu` is on PATH: install one of them, or name one with TOKENFERRY_TERRAFORM",
    )
}

fn release_directory() -> PathBuf {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from).join("release")
}

fn on_path(name: &Path) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}
