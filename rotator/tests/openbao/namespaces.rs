//! Entries in other namespaces than that of the login.

use serde_json::{Value, json};
use tokenferry_rotator::rotation::Destination;
use tokenferry_rotator::run::RotationId;
use tokenferry_rotator::source::{Setting, VaultField};
use tokenferry_vault::{KvPath, VaultSettings};

use crate::setting::{World, entry, failed, place, rotated, settings};

const NAMESPACE: &str = "team-a";

async fn with_namespace() -> World {
    let world = World::new().await;
    world.bao.root("POST", "sys/namespaces/team-a", json!({})).await;
    let engine = json!({ "type": "kv", "options": { "version": "2" } });
    world.bao.root_in(NAMESPACE, "POST", "sys/mounts/secret", engine).await;
    // An engine that was just made is upgraded for a moment.
    let vault = world.vault();
    while vault.write_entry(&there("ready"), 0, serde_json::Map::new()).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world
}

fn there(path: &str) -> KvPath {
    KvPath { namespace: Some(NAMESPACE.into()), ..entry(path) }
}

async fn found(world: &World, path: &str) -> Value {
    let answer = world.bao.root_in(NAMESPACE, "GET", &format!("secret/data/{path}"), Value::Null).await;
    answer["data"].clone()
}

#[tokio::test]
async fn one_path_in_two_namespaces_is_two_destinations() {
    let world = with_namespace().await;
    let destinations = [place("home"), Destination::new(there("home"))];
    let runner = world.runner(world.rotation("home", &destinations), world.vault());
    assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
    let (here, there) = (world.bao.entry("home").await, found(&world, "home").await);
    assert_eq!(here.0, there["data"]);
    assert_eq!(there["metadata"]["custom_metadata"], json!({ "tokenferry_rotation": "home" }));
    assert_eq!(world.logins().attempted, 2);
    let again = world.runner(world.rotation("home", &destinations), world.vault());
    assert_eq!(again.standing(RotationId(0)).await.unwrap().living.unwrap().version, 2);
}

#[tokio::test]
async fn the_namespace_of_an_entry_goes_before_that_of_the_login() {
    let world = with_namespace().await;
    let at_home = VaultSettings { namespace: Some(NAMESPACE.to_owned()), ..settings(&world.bao.address) };
    let root = Destination::new(KvPath { namespace: Some("root".into()), ..entry("home") });
    let runner = world.runner(world.rotation("home", &[place("home"), root]), world.vault_with(at_home));
    rotated(&runner).await;
    assert_eq!(found(&world, "home").await["data"], world.bao.entry("home").await.0);
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_costs_no_login_and_is_named() {
    let world = with_namespace().await;
    let gone = Destination::new(KvPath { namespace: Some("team-b".into()), ..entry("home") });
    let runner = world.runner(world.rotation("home", std::slice::from_ref(&gone)), world.vault());
    assert_eq!(failed(&runner).await.0, "vault_missing_namespace");
    assert_eq!(world.logins().attempted, 0);
    let error = world.vault().read_entry(&gone.entry).await.unwrap_err();
    assert!(error.to_string().contains("secret/home (namespace team-b)"), "{error}");

    let runner = world.runner(world.rotation("home", &[place("home"), gone]), world.vault());
    assert_eq!(failed(&runner).await, ("vault_missing_namespace".to_owned(), false));
    assert_eq!(world.bao.entry("home").await.1["version"], 1, "the other one gets its token");
    let states = runner.destinations(RotationId(0)).await;
    assert_eq!(states[1].trouble.as_ref().unwrap().name(), "vault_missing_namespace");
    assert_eq!((states[0].trouble.is_none(), states[0].living.is_some()), (true, true));
}

#[tokio::test]
async fn a_policy_of_the_outer_namespace_is_told_with_the_namespace() {
    let world = with_namespace().await;
    world
        .variables
        .set("VAULT_TOKEN", &world.token_with(r#"path "secret/*" { capabilities = ["read"] }"#).await);
    let error = world.vault().read_entry(&there("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_forbidden");
    assert!(error.advice().contains("in the namespace team-a"), "{}", error.advice());
    let policy = r#"path "team-a/secret/data/home" { capabilities = ["create", "read", "update"] }
                    path "team-a/secret/metadata/home" { capabilities = ["create", "read", "update"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let runner = world.runner(world.rotation("home", &[Destination::new(there("home"))]), world.vault());
    assert_eq!(rotated(&runner).await, 1);
}

#[tokio::test]
async fn a_secret_is_read_from_its_namespace() {
    let world = with_namespace().await;
    let secret = json!({ "data": { "password": "sandbox-password" } });
    world.bao.root_in(NAMESPACE, "POST", "secret/data/login", secret).await;
    let kept = VaultField { entry: there("login"), field: "password".to_owned() };
    let password = ("password", Setting::InVault(Box::new(kept)));
    let rotation = world.rotation_of("zettelstore", &[password], "home", &[place("home")]);
    assert_eq!(rotated(&world.runner(rotation, world.vault())).await, 1);
}
