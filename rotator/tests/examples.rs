//! The examples, as users would try them.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokenferry_rotator::config::Config;
use tokenferry_rotator::source::Source;
use tokenferry_sources::SYSTEMS;

/// One for each system and way to log in, and the one with everything.
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
        // Nobody knows how long a key lives that is only passed on.
        let is_passed_on = example.ends_with("zenoti-api-key.hcl");
        let strictness: &[&str] = if is_passed_on { &[] } else { &["--strict"] };
        let output = command.args(["validate", "--offline"]).args(strictness).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(output.status.success(), "{}: {said}", example.display());
        let verdict = if is_passed_on { "not provable" } else { "proven" };
        assert!(said.contains(verdict), "{}: {said}", example.display());
    }
}

#[test]
fn every_way_to_log_in_has_an_example() {
    let sources = sources();
    for system in SYSTEMS {
        let shown: Vec<_> = sources.iter().filter(|source| source.system.name == system.name).collect();
        assert!(!shown.is_empty(), "there is no example for {}", system.name);
        for credential in system.credentials {
            let proves = |source: &Source| credential.secrets().any(|secret| source.field(secret).is_some());
            assert!(
                shown.iter().any(|source| proves(source)),
                "there is no example for {}, {}",
                system.name,
                credential.name
            );
        }
    }
}

#[test]
fn every_login_at_vault_is_right_beside_the_example_of_a_system() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rotator");
    let environment = BTreeMap::from([("VAULT_ADDR".to_owned(), "https://vault.example".to_owned())]);
    let mut logins = HashSet::new();
    for login in std::fs::read_dir(folder.join("logins")).unwrap() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::copy(login.unwrap().path(), beside.path().join("vault.hcl")).unwrap();
        std::fs::copy(folder.join("systems/zettelstore.hcl"), beside.path().join("system.hcl")).unwrap();
        let vault = Config::load(beside.path(), &environment).unwrap().vault;
        logins.insert(std::mem::discriminant(&vault.auth));
    }
    assert_eq!(logins.len(), 7, "one of each");
}

#[cfg(feature = "cluster")]
#[test]
fn shared_work_is_right_beside_the_example_of_a_system() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rotator");
    let environment = BTreeMap::from([("VAULT_ADDR".to_owned(), "https://vault.example".to_owned())]);
    let beside = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("cluster/cluster.hcl"), beside.path().join("cluster.hcl")).unwrap();
    std::fs::copy(folder.join("systems/zettelstore.hcl"), beside.path().join("system.hcl")).unwrap();
    assert!(Config::load(beside.path(), &environment).unwrap().cluster.is_some());
}

/// All sources of all examples.
fn sources() -> Vec<Arc<Source>> {
    let environment = BTreeMap::from([("VAULT_ADDR".to_owned(), "https://vault.example".to_owned())]);
    let configs = examples().into_iter().map(|path| Config::load(&path, &environment).unwrap());
    configs.flat_map(|config| config.sources).collect()
}
