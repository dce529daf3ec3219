//! What engines and entries can be told to do, and what was done to entries.

use serde_json::{Value, json};
use tokenferry_rotator::rotation::Destination;
use tokenferry_rotator::run::RotationId;
use tokenferry_vault::KvPath;

use crate::proxy::Proxy;
use crate::setting::{World, failed, place, rotated, settings};

const ID: RotationId = RotationId(0);

#[tokio::test]
async fn check_and_set_may_be_required_of_all_or_of_one() {
    for path in ["secret/config", "secret/metadata/home"] {
        let world = World::new().await;
        world.bao.root("POST", path, json!({ "cas_required": true })).await;
        let runner = world.home();
        assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2), "{path}");
        assert_eq!(rotated(&world.home()).await, 3, "{path}");
    }
}

#[tokio::test]
async fn an_entry_that_was_deleted_in_any_way_is_written_again() {
    for (method, path, body, version) in [
        ("DELETE", "secret/data/home", Value::Null, 3),
        ("POST", "secret/delete/home", json!({ "versions": [1, 2] }), 3),
        ("PUT", "secret/destroy/home", json!({ "versions": [1, 2] }), 3),
        ("DELETE", "secret/metadata/home", Value::Null, 1),
    ] {
        let world = World::new().await;
        let runner = world.home();
        assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
        world.bao.root(method, path, body.clone()).await;
        let again = world.home();
        assert_eq!(again.standing(ID).await.unwrap().living, None, "{path}");
        assert_eq!(rotated(&again).await, version, "after a restart: {path}");
        assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "home" }), "{path}");

        let world = World::new().await;
        let runner = world.home();
        assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
        world.bao.root(method, path, body).await;
        assert_eq!(rotated(&runner).await, version, "while it runs: {path}");
        assert_eq!(world.bao.entry("home").await.0["serial"], 3, "while it runs: {path}");
        assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "home" }), "{path}");
    }
}

#[tokio::test]
async fn one_version_is_enough() {
    let world = World::new().await;
    world.bao.root("POST", "secret/metadata/home", json!({ "max_versions": 1 })).await;
    let runner = world.home();
    for version in 1..=4 {
        assert_eq!(rotated(&runner).await, version);
    }
    assert_eq!(rotated(&world.home()).await, 5);
    assert_eq!(world.bao.entry("home").await.0["serial"], 5);
}

#[tokio::test]
async fn an_entry_that_vault_will_delete_is_renewed_before_that() {
    let world = World::new().await;
    world.bao.root("POST", "secret/metadata/home", json!({ "delete_version_after": "300s" })).await;
    let runner = world.home();
    rotated(&runner).await;
    let end = |living: tokenferry_rotator::run::Living| {
        (living.expires_at.unwrap() - living.issued_at).num_seconds()
    };
    for runner in [&runner, &world.home()] {
        let living = runner.standing(ID).await.unwrap().living.unwrap();
        assert!((295..=305).contains(&end(living)), "{}", end(living));
    }
    // Readers are told the truth about the token itself.
    assert_eq!(world.bao.entry("home").await.0["ttl"], 600);
}

#[tokio::test]
async fn an_entry_that_vault_deletes_at_once_costs_no_storm_of_logins() {
    let world = World::new().await;
    world.bao.root("POST", "secret/metadata/home", json!({ "delete_version_after": "1s" })).await;
    let runner = world.home();
    rotated(&runner).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(world.home().standing(ID).await.unwrap().living, None);
    assert_eq!((rotated(&runner).await, rotated(&world.home()).await), (2, 3));
}

#[tokio::test]
async fn a_kv_engine_of_version_1_is_refused_before_any_login() {
    let world = World::new().await;
    world.bao.root("POST", "sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } })).await;
    let old = Destination::new(KvPath::new("old", "home"));
    let runner = world.runner(world.rotation("home", std::slice::from_ref(&old)), world.vault());
    assert_eq!(failed(&runner).await.0, "vault_wrong_engine");
    assert_eq!(world.logins().attempted, 0);
    let error = world.vault().expect_kv2(&old.entry).await.unwrap_err();
    let said = format!("{error} {}", error.advice());
    assert!(said.contains("old/home") && said.contains("version 2"), "{said}");
}

#[tokio::test]
async fn an_adopted_entry_keeps_its_data_in_older_versions_and_everybodys_notes() {
    let world = World::new().await;
    for data in [json!({ "password": "one" }), json!({ "password": "two" })] {
        world.bao.root("POST", "secret/data/home", json!({ "data": data })).await;
    }
    let notes = json!({ "team": "payments", "owner": "anna" });
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": notes })).await;
    let adopting = Destination { adopt: true, ..place("home") };
    let runner = world.runner(world.rotation("home", &[adopting]), world.vault());
    assert_eq!(rotated(&runner).await, 3);
    for (version, password) in [(1, "one"), (2, "two")] {
        let kept = world.bao.root("GET", &format!("secret/data/home?version={version}"), Value::Null).await;
        assert_eq!(kept["data"]["data"], json!({ "password": password }));
    }
    let notes = json!({ "team": "payments", "owner": "anna", "tokenferry_rotation": "home" });
    assert_eq!(world.bao.notes("home").await, notes);
}

#[tokio::test]
async fn a_mark_or_a_note_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let runner =
        world.runner(world.rotation("home", &[place("home")]), world.vault_with(settings(&proxy.address)));
    proxy.lose("POST /v1/secret/metadata/home", 1);
    assert_eq!(rotated(&runner).await, 1);
    let marks =
        |seen: Vec<String>| seen.iter().filter(|seen| *seen == "POST /v1/secret/metadata/home").count();
    assert_eq!(marks(proxy.take()), 1);
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(proxy.take(), ["POST /v1/secret/data/home"], "the mark is known to be there");

    world.variables.set("PASSWORD", "wrong");
    proxy.lose("POST /v1/secret/metadata/home", 1);
    failed(&runner).await;
    assert_eq!(marks(proxy.take()), 1);
    assert_eq!(world.bao.notes("home").await["tokenferry_failure_class"], "login_refused");
    world.variables.set("PASSWORD", "sandbox-password");
    rotated(&runner).await;
    assert!(world.bao.notes("home").await["tokenferry_failure_class"].is_null());
}
