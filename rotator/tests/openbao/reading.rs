//! What readers of other programs get of the rotator's entries and of single secrets.

use serde_json::{Value, json};
use tokenferry_sources::{ExposeSecret, SecretString};
use tokenferry_vault::{KvPath, Vault, VaultError, VaultSettings};

use crate::proxy::Proxy;
use crate::setting::{World, entry, rotated, settings};

async fn kv1(world: &World) -> KvPath {
    world.bao.root("POST", "sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } })).await;
    KvPath::new("old", "team/home")
}

/// The class of a failed read.
async fn class(vault: &Vault, at: &KvPath) -> &'static str {
    vault.read_rotated(at).await.unwrap_err().class()
}

async fn text(vault: &Vault, at: &KvPath, field: &str) -> Result<SecretString, VaultError> {
    vault.read_secret(at).await?.text(field)
}

#[tokio::test]
async fn an_entry_of_the_rotator_is_read_with_read_on_its_data_alone() {
    let world = World::new().await;
    assert_eq!(rotated(&world.home()).await, 1);
    let proxy = Proxy::start(&world.bao.address).await;
    let token = world.token_with(r#"path "secret/data/home" { capabilities = ["read"] }"#).await;
    world.variables.set("VAULT_TOKEN", &token);
    let vault = world.vault_with(settings(&proxy.address));
    let found = vault.read_rotated(&entry("home")).await.unwrap().unwrap();
    let (fields, _) = world.bao.entry("home").await;
    assert_eq!(found.entry.token.expose_secret(), fields["token"].as_str().unwrap());
    assert_eq!((found.entry.system.as_str(), found.version), ("zettelstore", Some(1)));
    assert_eq!(proxy.take(), ["GET /v1/sys/internal/ui/mounts/secret", "GET /v1/secret/data/home"]);
    vault.read_rotated(&entry("home")).await.unwrap().unwrap();
    assert_eq!(proxy.take(), ["GET /v1/secret/data/home"], "what the mount is, is known");
}

#[tokio::test]
async fn an_entry_is_read_from_kv_1_with_read_on_its_path_alone() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let at = kv1(&world).await;
    let (fields, _) = world.bao.entry("home").await;
    world.bao.root("POST", "old/team/home", fields.clone()).await;
    let token = world.token_with(r#"path "old/team/home" { capabilities = ["read"] }"#).await;
    world.variables.set("VAULT_TOKEN", &token);
    let found = world.vault().read_rotated(&at).await.unwrap().unwrap();
    assert_eq!(found.entry.token.expose_secret(), fields["token"].as_str().unwrap());
    assert_eq!(found.version, None);
    assert_eq!(text(&world.vault(), &at, "subject").await.unwrap().expose_secret(), "sandbox");
}

#[tokio::test]
async fn where_vault_does_not_tell_what_a_mount_is_what_is_found_decides() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let at = kv1(&world).await;
    let (fields, _) = world.bao.entry("home").await;
    world.bao.root("POST", "old/team/home", fields).await;
    let policy = r#"
        path "secret/data/*" { capabilities = ["read"] }
        path "old/team/*" { capabilities = ["read"] }
        path "sys/internal/ui/mounts/*" { capabilities = ["deny"] }
    "#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let vault = world.vault();
    assert_eq!(vault.read_rotated(&entry("home")).await.unwrap().unwrap().version, Some(1));
    assert_eq!(vault.read_rotated(&at).await.unwrap().unwrap().version, None);
    assert!(vault.read_rotated(&entry("nothing")).await.unwrap().is_none());
    assert_eq!(class(&vault, &KvPath { path: "other".into(), ..at }).await, "vault_forbidden");
}

#[tokio::test]
async fn what_was_never_there_and_what_was_deleted_is_absent() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let vault = world.vault();
    assert!(vault.read_rotated(&entry("never")).await.unwrap().is_none());
    assert!(vault.read_rotated(&kv1(&world).await).await.unwrap().is_none());
    world.bao.root("DELETE", "secret/data/home", Value::Null).await;
    assert!(vault.read_rotated(&entry("home")).await.unwrap().is_none());
    rotated(&world.home()).await;
    world.bao.root("DELETE", "secret/metadata/home", Value::Null).await;
    assert!(vault.read_rotated(&entry("home")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_mount_that_becomes_kv_2_meanwhile_is_found_out() {
    let world = World::new().await;
    let at = kv1(&world).await;
    let vault = world.vault();
    assert!(vault.read_rotated(&at).await.unwrap().is_none());
    world.bao.root("POST", "old/team/home", json!({ "password": "pass-word" })).await;
    text(&vault, &at, "password").await.unwrap();
    world.bao.root("POST", "sys/mounts/old/tune", json!({ "options": { "version": "2" } })).await;
    // The engine takes its time for the upgrade.
    for _ in 0..500 {
        match text(&vault, &at, "password").await {
            Ok(text) => return assert_eq!(text.expose_secret(), "pass-word"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    panic!("the upgraded mount is never read");
}

#[tokio::test]
async fn what_is_no_entry_of_ours_is_told_from_what_cannot_be_read() {
    let world = World::new().await;
    let put = async |path: &str, data: Value| {
        world.bao.root("POST", &format!("secret/data/{path}"), json!({ "data": data })).await;
    };
    put("foreign", json!({ "password": "hunter2" })).await;
    put("newer", json!({ "schema": 2, "token": "hunter2" })).await;
    let vault = world.vault();
    assert_eq!(class(&vault, &entry("foreign")).await, "vault_not_ours");
    assert_eq!(class(&vault, &entry("newer")).await, "vault_newer_schema");
    let gone = KvPath { mount: "gone".into(), ..entry("home") };
    assert_eq!(class(&vault, &gone).await, "vault_missing_mount");
    world.bao.root("POST", "sys/mounts/keys", json!({ "type": "transit" })).await;
    assert_eq!(class(&vault, &KvPath { mount: "keys".into(), ..entry("home") }).await, "vault_no_kv");
    let alone = world.vault_with(settings("http://127.0.0.1:1"));
    assert_eq!(class(&alone, &entry("home")).await, "vault_unreachable");
    let namespace = Some("nobody".to_owned());
    let elsewhere = world.vault_with(VaultSettings { namespace, ..settings(&world.bao.address) });
    assert_eq!(class(&elsewhere, &entry("home")).await, "vault_missing_namespace");

    let token = world.token_with(r#"path "secret/data/mine" { capabilities = ["read"] }"#).await;
    world.variables.set("VAULT_TOKEN", &token);
    let error = world.vault().read_rotated(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_forbidden");
    assert!(error.advice().contains("`read` on secret/data/home"), "{}", error.advice());
}

#[tokio::test]
async fn a_sealed_vault_is_no_absent_entry() {
    let world = World::new().await;
    let vault = world.vault();
    vault.read_rotated(&entry("home")).await.unwrap();
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    assert_eq!(class(&vault, &entry("home")).await, "vault_sealed");
    assert_eq!(class(&world.vault(), &entry("home")).await, "vault_sealed");
}

#[tokio::test]
async fn a_field_is_a_text_or_an_error_that_names_it() {
    let world = World::new().await;
    let data =
        json!({ "password": "hunter2", "port": 8200, "list": ["hunter2"], "nothing": null, "empty": "" });
    world.bao.root("POST", "secret/data/team", json!({ "data": data })).await;
    let vault = world.vault();
    assert_eq!(text(&vault, &entry("team"), "password").await.unwrap().expose_secret(), "hunter2");
    for (field, class) in [
        ("port", "vault_not_a_text"),
        ("list", "vault_not_a_text"),
        ("nothing", "vault_not_a_text"),
        ("empty", "vault_not_a_text"),
        ("pass", "vault_absent_field"),
    ] {
        let error = text(&vault, &entry("team"), field).await.unwrap_err();
        assert_eq!(error.class(), class, "{field}");
        assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
        assert!(!format!("{error} {error:?} {}", error.advice()).contains("hunter2"));
    }
    let error = text(&vault, &entry("none"), "password").await.unwrap_err();
    assert_eq!(error.class(), "vault_absent");
}
