//! The examples, as users would try them.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokenferry_rotator::config::Config;
use tokenferry_sources::SYSTEMS;

/// One for each system, and the one with everything.
fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rotator");
    let systems = std::fs::read_dir(folder.join("systems")).unwrap().map(|file| file.unwrap().path());
    systems.chain([folder.join("tokenferry.hcl")]).collect()
}

#[test]
fn every_example_is_right_and_proven_without_anything_being_there() {
    for example in examples() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenferry"));
        command.env_clear().env("VAULT_ADDR", "https://vault.example:8200").arg("--config").arg(&example);
        let output = command.args(["validate", "--offline", "--strict"]).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(output.status.success(), "{}: {said}", example.display());
        assert!(said.contains("proven"), "{}: {said}", example.display());
    }
}

/// One-time passwords from a secret are for people: nobody reads them from Vault.
const FOR_NO_ROTATION: &[&str] = &["totp"];

#[test]
fn every_system_has_an_example() {
    let environment = BTreeMap::from([("VAULT_ADDR".to_owned(), "https://vault.example".to_owned())]);
    let configs = examples().into_iter().map(|path| Config::load(&path, &environment).unwrap());
    let sources = configs.flat_map(|config| config.sources);
    let shown: BTreeSet<&str> = sources.map(|source| source.system.name).collect();
    let known = SYSTEMS.iter().map(|system| system.name);
    let known: BTreeSet<&str> = known.filter(|name| !FOR_NO_ROTATION.contains(name)).collect();
    assert_eq!(shown, known);
}
