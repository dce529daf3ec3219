//! Several destinations of one rotation.

use std::sync::Arc;

use serde_json::json;
use tokenferry_rotator::rotation::Rotation;
use tokenferry_rotator::run::{Due, Outcome, Reason, RotationId, Work};
use tokenferry_rotator::runner::Runner;
use tokenferry_sandbox::Fault;

use crate::proxy::Proxy;
use crate::setting::{World, due_of, failed, place, rotated, settings};

const ID: RotationId = RotationId(0);

fn two(world: &World) -> Arc<Rotation> {
    world.rotation("home", &[place("one"), place("two")])
}

fn missing() -> Due {
    Due { reason: Reason::NoToken, ..due_of(0) }
}

async fn tokens(world: &World) -> (serde_json::Value, serde_json::Value) {
    (world.bao.entry("one").await.0["token"].clone(), world.bao.entry("two").await.0["token"].clone())
}

#[tokio::test]
async fn one_that_is_slow_keeps_no_other_waiting() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let runner = world.runner(two(&world), world.vault_with(settings(&proxy.address)));
    let address = world.bao.address.clone();
    // The first is held up until the second stands.
    proxy.before("POST /v1/secret/data/one", async move {
        let http = crate::bao::http();
        let read =
            || http.get(format!("{address}/v1/secret/data/two")).header("X-Vault-Token", crate::bao::ROOT);
        while !read().send().await.unwrap().status().is_success() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert_eq!(rotated(&runner).await, 1);
    let (one, two) = tokens(&world).await;
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_destination_that_was_added_gets_the_token_of_the_others_without_a_login() {
    let world = World::new().await;
    rotated(&world.runner(world.rotation("home", &[place("one")]), world.vault())).await;
    let runner = world.runner(two(&world), world.vault());
    assert_eq!(runner.standing(ID).await.unwrap().living, None, "the readers of one have no token");
    let outcome = runner.run(&missing()).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    let (one, two) = tokens(&world).await;
    assert_eq!(one, two);
    assert_eq!(world.bao.entry("one").await.1["version"], 1, "who has it is left alone");
    assert_eq!(world.bao.notes("two").await, json!({ "tokenferry_rotation": "home" }));
    assert_eq!(world.logins().attempted, 1);
}

#[tokio::test]
async fn a_crash_between_two_destinations_is_made_good_without_a_login() {
    let world = World::new().await;
    rotated(&world.runner(two(&world), world.vault())).await;
    world.clock.forward(1);
    world.sandbox.control().fault(Fault::clock_skew(1));
    // As if the process had died after the first write.
    let policy = r#"path "secret/data/one" { capabilities = ["create", "read", "update"] }
                    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let dying = world.runner(two(&world), world.vault());
    let outcome = dying.run(&due_of(0)).await;
    assert!(matches!(outcome, Outcome::Partly { missed: 1, .. }), "{outcome:?}");
    drop(dying);
    world.variables.set("VAULT_TOKEN", crate::bao::ROOT);
    let (one, other) = tokens(&world).await;
    assert_ne!(one, other);

    let runner = world.runner(two(&world), world.vault());
    let living = runner.standing(ID).await.unwrap().living.unwrap();
    assert_eq!(living.version, 1, "the one that ends first counts");
    let outcome = runner.run(&missing()).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    let (one, two) = tokens(&world).await;
    assert_eq!(one, two);
    let serials =
        [world.bao.entry("one").await.0["serial"].clone(), world.bao.entry("two").await.0["serial"].clone()];
    assert_eq!(serials, [2, 2]);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn what_somebody_asks_for_is_a_login_whatever_stands_where() {
    let world = World::new().await;
    rotated(&world.runner(world.rotation("home", &[place("one")]), world.vault())).await;
    let runner = world.runner(two(&world), world.vault());
    runner.run(&Due { reason: Reason::Forced, ..due_of(0) }).await;
    assert_eq!(world.logins().attempted, 2);
}

fn zenoti(world: &World) -> Runner {
    world.runner(world.rotation_of("zenoti", &[], "home", &[place("one"), place("two")]), world.vault())
}

#[tokio::test]
async fn where_a_login_may_end_other_tokens_the_older_ones_count_as_none() {
    let world = World::new().await;
    rotated(&zenoti(&world)).await;
    let old = world.bao.entry("two").await.0;
    world.clock.forward(2);
    rotated(&zenoti(&world)).await;
    world.bao.root("POST", "secret/data/two", json!({ "data": old })).await;
    let runner = zenoti(&world);
    assert_eq!(runner.standing(ID).await.unwrap().living, None);
    runner.run(&missing()).await;
    let (one, two) = tokens(&world).await;
    assert_eq!(one, two);
    assert_eq!(world.sandbox.control().counters().all_logins("zenoti").attempted, 2);
    assert!(runner.standing(ID).await.unwrap().living.is_some());
}

#[tokio::test]
async fn a_partial_failure_is_noted_as_one_that_may_pass_and_says_where_it_is() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/two", json!({ "data": { "password": "theirs" } })).await;
    let runner = world.runner(two(&world), world.vault());
    let outcome = runner.run(&due_of(0)).await;
    assert!(matches!(&outcome, Outcome::Partly { living, .. } if living.version == 1), "{outcome:?}");
    let states = runner.destinations(ID).await;
    assert_eq!((&*states[0].at, &states[0].trouble), ("secret/one", &None));
    assert_eq!((&*states[1].at, states[1].trouble.as_ref().unwrap().name()), ("secret/two", "foreign_entry"));
    assert!(states[1].living.is_none());
    assert_eq!(failed(&runner).await.0, "foreign_entry");
    assert_eq!(world.logins().attempted, 1, "the token waits, and nobody logs in for it again");
    assert_eq!(world.bao.entry("two").await.0, json!({ "password": "theirs" }));
}
