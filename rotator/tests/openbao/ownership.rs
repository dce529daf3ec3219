use serde_json::json;
use tokenferry_rotator::rotation::Destination;

use crate::setting::{World, failed, place, rotated};

#[tokio::test]
async fn an_entry_of_somebody_else_is_refused_before_any_login() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    assert_eq!(failed(&world.home()).await, ("foreign_entry".to_owned(), true));
    assert_eq!(world.logins().attempted, 0);
    assert_eq!(world.bao.entry("home").await.0, json!({ "password": "theirs" }));
    assert!(world.bao.notes("home").await.is_null());
}

#[tokio::test]
async fn an_entry_of_somebody_else_is_taken_over_if_that_is_wished() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    let notes = json!({ "custom_metadata": { "team": "payments" } });
    world.bao.root("POST", "secret/metadata/home", notes).await;
    let adopting = Destination { adopt: true, ..place("home") };
    assert_eq!(rotated(&world.runner(world.rotation("home", &[adopting]), world.vault())).await, 2);
    let notes = world.bao.notes("home").await;
    assert_eq!(notes, json!({ "team": "payments", "tokenferry_rotation": "home" }));
    assert_eq!(rotated(&world.home()).await, 3, "it is ours now");
}

#[tokio::test]
async fn an_entry_of_another_rotation_is_refused_always() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let adopting = Destination { adopt: true, ..place("home") };
    let other = world.runner(world.rotation("other", &[adopting]), world.vault());
    assert_eq!(failed(&other).await, ("other_rotation".to_owned(), true));
    assert_eq!(world.logins().attempted, 1);
    assert_eq!(world.bao.entry("home").await.0["rotation"], "home");
}

#[tokio::test]
async fn an_entry_that_goes_to_another_rotation_is_left_to_it() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    let notes = json!({ "custom_metadata": { "tokenferry_rotation": "other" } });
    world.bao.root("POST", "secret/metadata/home", notes).await;
    world.bao.root("POST", "secret/data/home", json!({ "data": { "token": "other" } })).await;
    assert_eq!(failed(&runner).await, ("other_rotation".to_owned(), true));
    assert_eq!(world.bao.entry("home").await.0, json!({ "token": "other" }));
}

#[tokio::test]
async fn an_entry_of_a_newer_version_is_not_touched() {
    let world = World::new().await;
    rotated(&world.home()).await;
    world.bao.root("POST", "secret/data/home", json!({ "data": { "schema": 2 } })).await;
    assert_eq!(failed(&world.home()).await, ("newer_schema".to_owned(), true));
    assert_eq!(world.logins().attempted, 1);
    assert_eq!(world.bao.entry("home").await.0, json!({ "schema": 2 }));
}

#[tokio::test]
async fn a_place_that_becomes_ours_again_is_seen_at_the_next_run() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/home", json!({ "data": {} })).await;
    let runner = world.home();
    failed(&runner).await;
    world.bao.root("DELETE", "secret/metadata/home", json!(null)).await;
    assert_eq!(rotated(&runner).await, 1);
}
