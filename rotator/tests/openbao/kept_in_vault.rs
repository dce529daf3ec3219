//! Sources whose secrets are kept in Vault.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tokenferry_rotator::rotation::Rotation;
use tokenferry_rotator::runner::Runner;
use tokenferry_rotator::source::{Setting, VaultField};
use tokenferry_vault::KvPath;

use crate::bao::ROOT;
use crate::proxy::Proxy;
use crate::setting::{World, failed, place, rotated, settings};

fn in_vault(mount: &str, field: &str) -> Setting {
    let entry = KvPath::new(mount, "logins/zettelstore");
    Setting::InVault(Box::new(VaultField { entry, field: field.to_owned() }))
}

fn rotation(world: &World, password: Setting) -> Arc<Rotation> {
    world.rotation_of("zettelstore", &[("password", password)], "home", &[place("home")])
}

fn runner(world: &World, password: Setting) -> Runner {
    world.runner(rotation(world, password), world.vault())
}

async fn keep(world: &World, data: Value) {
    world.bao.root("POST", "secret/data/logins/zettelstore", json!({ "data": data })).await;
}

#[tokio::test]
async fn a_secret_is_read_anew_for_each_login_and_only_then() {
    let world = World::new().await;
    keep(&world, json!({ "username": "sandbox", "password": "sandbox-password" })).await;
    let proxy = Proxy::start(&world.bao.address).await;
    let both = [("username", in_vault("secret", "username")), ("password", in_vault("secret", "password"))];
    let rotation = world.rotation_of("zettelstore", &both, "home", &[place("home")]);
    let runner = world.runner(rotation, world.vault_with(settings(&proxy.address)));
    let reads = |requests: &[String]| {
        requests.iter().filter(|request| *request == "GET /v1/secret/data/logins/zettelstore").count()
    };
    rotated(&runner).await;
    assert_eq!(reads(&proxy.take()), 1, "what stands in one entry is read at once");
    rotated(&runner).await;
    assert_eq!(reads(&proxy.take()), 1);

    keep(&world, json!({ "username": "sandbox", "password": "changed" })).await;
    assert_eq!(failed(&runner).await, ("login_refused".to_owned(), true));
    keep(&world, json!({ "username": "sandbox", "password": "sandbox-password" })).await;
    assert!(runner.login_changed(tokenferry_rotator::run::RotationId(0)).await);
    rotated(&runner).await;
}

#[tokio::test]
async fn a_secret_may_be_kept_in_kv_1() {
    let world = World::new().await;
    world.bao.root("POST", "sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } })).await;
    world.bao.root("POST", "old/logins/zettelstore", json!({ "password": "sandbox-password" })).await;
    rotated(&runner(&world, in_vault("old", "password"))).await;
}

#[tokio::test]
async fn a_secret_that_is_not_there_costs_no_login_and_is_told_for_what_it_is() {
    let world = World::new().await;
    let class = async |field: &str| failed(&runner(&world, in_vault("secret", field))).await;
    assert_eq!(class("password").await, ("vault_absent".to_owned(), false));
    keep(&world, json!({ "password": 17, "user": "sandbox" })).await;
    assert_eq!(class("password").await, ("vault_not_a_text".to_owned(), false));
    assert_eq!(class("pass").await, ("vault_absent_field".to_owned(), false));
    let policy = r#"
        path "secret/data/home" { capabilities = ["create", "read", "update"] }
        path "secret/metadata/home" { capabilities = ["create", "read", "update"] }
    "#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    assert_eq!(class("password").await, ("vault_forbidden".to_owned(), false));
    assert_eq!(world.logins().attempted, 0);
}

#[tokio::test]
async fn a_vault_that_fails_while_a_secret_is_read_is_backed_off_from_without_a_login() {
    let world = World::new().await;
    keep(&world, json!({ "password": "sandbox-password" })).await;
    let runner = runner(&world, in_vault("secret", "password"));
    rotated(&runner).await;
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    assert_eq!(failed(&runner).await, ("vault_sealed".to_owned(), false));
    assert_eq!(world.logins().attempted, 1);
}

/// What `validate` says, with these arguments, about a source whose password is kept in Vault.
async fn validated(address: &str, arguments: &'static [&'static str]) -> String {
    let config = r#"
source "zettelstore" "notes" {
  username = "anna"
  password = { vault = { mount = "secret", path = "logins/zettelstore", field = "password" } }
}
rotation "notes" {
  source   = "zettelstore.notes"
  schedule = "*/4 * * * *"
  reader_lag = "10s"
  destination {
    mount = "secret"
    path  = "home"
  }
}
"#;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("tokenferry.hcl");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenferry"));
    command.env_clear().env("VAULT_ADDR", address).env("VAULT_TOKEN", ROOT);
    command.arg("--config").arg(&file).arg("validate").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test]
async fn validate_looks_whether_a_secret_is_there_unless_it_is_to_stay_offline() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let offline = validated(&proxy.address, &["--offline"]).await;
    assert!(!offline.contains("note:"), "{offline}");
    assert_eq!(proxy.take(), [""; 0]);

    let absent = validated(&proxy.address, &[]).await;
    assert!(absent.contains("`password` of source zettelstore.notes cannot be read from Vault"), "{absent}");
    assert!(absent.contains("there is no such entry"), "{absent}");
    keep(&world, json!({ "password": "hunter2" })).await;
    let there = validated(&proxy.address, &[]).await;
    assert!(!there.contains("note:") && !there.contains("hunter2"), "{there}");
}
