//! Where the programs under test are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The provider, as `cargo xtask test` builds it.
///
/// # Panics
///
/// If it has not been built.
pub fn provider() -> PathBuf {
    built("terraform-provider-tokenferry", "terraform-provider-tokenferry")
}

/// The rotator, as `cargo xtask test` builds it.
///
/// # Panics
///
/// If it has not been built.
pub fn rotator() -> PathBuf {
    built("tokenferry", "tokenferry")
}

/// The OpenBao that `cargo xtask test` fetches; `TOKENFERRY_BAO` names another, or a Vault.
///
/// # Panics
///
/// If there is none.
pub fn openbao() -> PathBuf {
    if let Some(chosen) = chosen("TOKENFERRY_BAO") {
        return chosen;
    }
    let known = target_directory().join("tools/bao");
    assert!(
        known.is_file(),
        "{} is missing: `cargo xtask test` fetches OpenBao (or name a `bao` or `vault` with TOKENFERRY_BAO)",
        known.display()
    );
    known
}

/// The browser's driver; `TOKENFERRY_CHROMEDRIVER` names another than the one on PATH.
///
/// # Panics
///
/// If there is none.
pub fn chromedriver() -> PathBuf {
    let found = chosen("TOKENFERRY_CHROMEDRIVER").or_else(|| on_path(Path::new("chromedriver")));
    found.expect(
        "`chromedriver` is not on PATH: install chromium and chromium-driver, or name it with TOKENFERRY_CHROMEDRIVER",
    )
}

/// The browser; `TOKENFERRY_CHROMIUM` names another than the one on PATH.
///
/// # Panics
///
/// If there is none.
pub fn chromium() -> PathBuf {
    let found = chosen("TOKENFERRY_CHROMIUM");
    let found =
        found.or_else(|| ["chromium", "google-chrome"].iter().find_map(|name| on_path(Path::new(name))));
    found.expect("no browser is on PATH: install chromium, or name it with TOKENFERRY_CHROMIUM")
}

/// Prometheus' checker that `cargo xtask test` unpacks; `TOKENFERRY_PROMTOOL` names another.
///
/// # Panics
///
/// If there is none.
pub fn promtool() -> PathBuf {
    if let Some(chosen) = chosen("TOKENFERRY_PROMTOOL") {
        return chosen;
    }
    let known = target_directory().join("tools/promtool");
    assert!(
        known.is_file(),
        "{} is missing: `cargo xtask test` unpacks it (or name a `promtool` with TOKENFERRY_PROMTOOL)",
        known.display()
    );
    known
}

/// A program of PostgreSQL, from a folder that has all that a server needs: the one that `TOKENFERRY_POSTGRES` names, one
/// on PATH, or the newest that Debian installed.
///
/// # Panics
///
/// If there is none.
pub fn postgres(program: &str) -> PathBuf {
    let named = env::var_os("TOKENFERRY_POSTGRES").map(PathBuf::from);
    let folders = named.map_or_else(postgres_folders, |named| vec![named]);
    let has_all =
        |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    let found = folders.into_iter().find(has_all).expect(
        "PostgreSQL is missing: `cargo xtask test` installs it (or name the folder that has `initdb`, `postgres` and \
         `psql` with TOKENFERRY_POSTGRES)",
    );
    found.join(program)
}

fn postgres_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let number = |version: fs::DirEntry| version.file_name().to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(number).max();
    let newest = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    env::split_paths(&path).chain(newest).collect()
}

/// The validator of Kubernetes manifests that `cargo xtask test` fetches, with the Python that it runs in beside it.
///
/// # Panics
///
/// If it is not there.
pub fn kubernetes_validate() -> PathBuf {
    let known = target_directory().join("tools/kubernetes-validate/bin/kubernetes-validate");
    assert!(known.is_file(), "{} is missing: `cargo xtask test` fetches it", known.display());
    known
}

/// `terraform`, or else `tofu`, from PATH; `TOKENFERRY_TERRAFORM` names another.
///
/// # Panics
///
/// If there is neither.
pub fn terraform() -> PathBuf {
    if let Some(chosen) = chosen("TOKENFERRY_TERRAFORM") {
        return chosen;
    }
    ["terraform", "tofu"].iter().find_map(|name| on_path(Path::new(name))).expect(
        "neither `terraform` nor `tofu` is on PATH: install one of them, or name one with TOKENFERRY_TERRAFORM",
    )
}

/// All programs that can run a configuration: the one that [`terraform`] takes, every `terraform` and `tofu` on PATH, and
/// those that `TOKENFERRY_MORE_TERRAFORMS` lists as PATH lists folders. Each once, whatever links lead to it.
///
/// # Panics
///
/// If there is none, or one that is named does not exist.
pub fn every_terraform() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let on_path = ["terraform", "tofu"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .filter(|program| program.is_file());
    let named = env::var_os("TOKENFERRY_MORE_TERRAFORMS").unwrap_or_default();
    let named = env::split_paths(&named).filter(|program| !program.as_os_str().is_empty());
    let mut found: Vec<PathBuf> = Vec::new();
    for program in [terraform()].into_iter().chain(on_path).chain(named) {
        let real = program.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        if !found.contains(&real) {
            found.push(real);
        }
    }
    found
}

fn built(package: &str, name: &str) -> PathBuf {
    let release = || target_directory().join("release");
    let directory = env::var_os("TOKENFERRY_BIN_DIR").map_or_else(release, PathBuf::from);
    let binary = directory.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(
        binary.is_file(),
        "{} is missing: `cargo xtask test` builds it before the tests run (or `cargo build --release \
         -p {package}`; TOKENFERRY_BIN_DIR names another directory)",
        binary.display()
    );
    binary
}

/// The program that a variable names, by path or by its name on PATH.
fn chosen(variable: &str) -> Option<PathBuf> {
    let chosen = PathBuf::from(env::var_os(variable)?);
    let found = if chosen.components().count() > 1 { Some(chosen.clone()) } else { on_path(&chosen) };
    Some(
        found
            .filter(|path| path.is_file())
            .unwrap_or_else(|| panic!("{variable} names {}, and there is no such program", chosen.display())),
    )
}

fn target_directory() -> PathBuf {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}

fn on_path(name: &Path) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}
