use serde_json::json;
use tokenferry_rotator::rotation::Destination;
use tokenferry_rotator::run::RotationId;
use tokenferry_sandbox::Fault;

use crate::setting::{World, failed, place, rotated};

const ID: RotationId = RotationId(0);

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
async fn a_deleted_entry_of_somebody_else_is_theirs_until_its_last_version_is_destroyed() {
    let world = World::new().await;
    for password in ["one", "two"] {
        world.bao.root("POST", "secret/data/home", json!({ "data": { "password": password } })).await;
    }
    world.bao.root("DELETE", "secret/data/home", json!(null)).await;
    assert_eq!(world.home().standing(ID).await.unwrap().living, None);
    let refuses = async || {
        assert_eq!(failed(&world.home()).await, ("foreign_entry".to_owned(), true));
        let advice = world.home().see(ID, 0).await.unwrap().objection.unwrap().advice;
        assert!(advice.contains("delete it with all versions"), "{advice}");
        assert_eq!(world.logins().attempted, 0);
        assert!(world.bao.notes("home").await.is_null());
    };
    refuses().await;
    world.bao.root("POST", "secret/delete/home", json!({ "versions": [1] })).await;
    refuses().await;
    world.bao.root("PUT", "secret/destroy/home", json!({ "versions": [2] })).await;
    refuses().await;
    world.bao.root("POST", "secret/undelete/home", json!({ "versions": [1] })).await;
    refuses().await;
    world.bao.root("PUT", "secret/destroy/home", json!({ "versions": [1] })).await;
    assert_eq!(rotated(&world.home()).await, 3);
}

#[tokio::test]
async fn a_deleted_entry_of_somebody_else_is_taken_over_if_that_is_wished() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    world.bao.root("DELETE", "secret/data/home", json!(null)).await;
    let adopting = Destination { adopt: true, ..place("home") };
    assert_eq!(rotated(&world.runner(world.rotation("home", &[adopting]), world.vault())).await, 2);
    assert_eq!(rotated(&world.home()).await, 3, "it is ours now");
}

#[tokio::test]
async fn a_failure_is_not_noted_at_a_deleted_entry_of_somebody_else() {
    let world = World::new().await;
    let adopting = Destination { adopt: true, ..place("home") };
    let runner = world.runner(world.rotation("home", &[adopting]), world.vault());
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    world.bao.root("DELETE", "secret/data/home", json!(null)).await;
    world.variables.set("PASSWORD", "wrong");
    assert_eq!(failed(&runner).await, ("login_refused".to_owned(), true));
    assert!(world.bao.notes("home").await.is_null());
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

#[tokio::test]
async fn an_entry_of_somebody_else_that_came_after_the_read_stays_with_its_notes() {
    let world = World::new().await;
    let runner = world.home();
    runner.standing(ID).await.unwrap();
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": { "team": "x" } })).await;
    for _ in 0..2 {
        assert_eq!(failed(&runner).await, ("foreign_entry".to_owned(), true));
    }
    assert_eq!(world.logins().attempted, 1);
    assert_eq!(world.bao.entry("home").await.0, json!({ "password": "theirs" }));
    assert_eq!(world.bao.notes("home").await, json!({ "team": "x" }));
}

#[tokio::test]
async fn a_failure_is_not_noted_at_an_entry_of_somebody_else_that_came_after_the_read() {
    let world = World::new().await;
    let runner = world.home();
    runner.standing(ID).await.unwrap();
    world.bao.root("POST", "secret/data/home", json!({ "data": { "password": "theirs" } })).await;
    world.variables.set("PASSWORD", "wrong");
    assert_eq!(failed(&runner).await, ("login_refused".to_owned(), true));
    assert!(world.bao.notes("home").await.is_null());
}

#[tokio::test]
async fn of_two_rotations_with_one_fresh_destination_the_first_keeps_it() {
    let world = World::new().await;
    let one = world.runner(world.rotation("one", &[place("home")]), world.vault());
    let two = world.runner(world.rotation_of("zscaler", &[], "two", &[place("home")]), world.vault());
    one.standing(ID).await.unwrap();
    two.standing(ID).await.unwrap();
    rotated(&one).await;
    assert_eq!(failed(&two).await, ("other_rotation".to_owned(), true));
    assert_eq!(rotated(&one).await, 2);
    assert_eq!(world.bao.entry("home").await.0["rotation"], "one");
    assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "one" }));
}

#[tokio::test]
async fn an_unmarked_entry_belongs_to_the_rotation_that_it_names() {
    let world = World::new().await;
    rotated(&world.home()).await;
    // As after a crash between data and mark.
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": { "team": "x" } })).await;
    let other = world.runner(world.rotation("other", &[place("home")]), world.vault());
    assert_eq!(failed(&other).await, ("other_rotation".to_owned(), true));
    let standing = world.home().standing(ID).await.unwrap();
    assert_eq!(standing.living.unwrap().version, 1);
    assert_eq!(rotated(&world.home()).await, 2);
    assert_eq!(world.bao.notes("home").await, json!({ "team": "x", "tokenferry_rotation": "home" }));
}

#[tokio::test]
async fn the_token_of_another_rotation_or_another_login_is_not_as_good() {
    let world = World::new().await;
    let home = world.home();
    let elsewhere = world.runner(world.rotation_of("zscaler", &[], "home", &[place("home")]), world.vault());
    home.standing(ID).await.unwrap();
    elsewhere.standing(ID).await.unwrap();
    rotated(&elsewhere).await;
    assert_eq!(rotated(&home).await, 2);
    assert_eq!(world.bao.entry("home").await.0["system"], "zettelstore");

    let other = world.runner(world.rotation("other", &[place("two")]), world.vault());
    let two = world.runner(world.rotation("two", &[place("two")]), world.vault());
    other.standing(ID).await.unwrap();
    two.standing(ID).await.unwrap();
    rotated(&other).await;
    world.sandbox.control().fault(Fault::clock_skew(1));
    assert_eq!(failed(&two).await, ("other_rotation".to_owned(), true));
    assert_eq!(home.adopted() + two.adopted(), 0);
}

#[tokio::test]
async fn a_mark_that_may_not_be_made_stops_no_token_and_is_made_up_for_later() {
    let world = World::new().await;
    let data = r#"path "secret/data/home" { capabilities = ["create", "read", "update"] }"#;
    let read = r#"path "secret/metadata/home" { capabilities = ["read"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(&format!("{data}\n{read}")).await);
    let runner = world.home();
    assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
    assert!(world.bao.notes("home").await.is_null());
    let all = r#"path "secret/metadata/home" { capabilities = ["create", "read", "update"] }"#;
    world.token_with(&format!("{data}\n{all}")).await;
    assert_eq!(rotated(&world.home()).await, 3);
    assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "home" }));
}
