use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokenferry_rotator::rotation::{Destination, Rotation};
use tokenferry_rotator::run::{Living, Outcome, RotationId, Work};
use tokenferry_sandbox::Fault;
use tokenferry_vault::KvPath;
use tokio::time::Instant;

use crate::proxy::Proxy;
use crate::setting::{World, due, failed, place, rotated, run, settings};

#[tokio::test]
async fn a_first_write_claims_the_destination_before_it_marks_it_and_a_second_one_is_a_single_request() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let runner = world.runner(world.rotation("home", &[place("home")]), vault);

    assert_eq!(rotated(&runner).await, 1);
    assert_eq!(
        proxy.take(),
        [
            "GET /v1/secret/data/home",
            "GET /v1/secret/metadata/home",
            "GET /v1/sys/internal/ui/mounts/secret",
            "POST /v1/secret/data/home",
            "GET /v1/secret/metadata/home",
            "POST /v1/secret/metadata/home",
        ]
    );
    let (entry, metadata) = world.bao.entry("home").await;
    assert_eq!((&entry["rotation"], &entry["serial"]), (&json!("home"), &json!(1)));
    assert_eq!((&entry["writer"], &entry["ttl"]), (&json!("host-1"), &json!(600)));
    assert_eq!(metadata["custom_metadata"], json!({ "tokenferry_rotation": "home" }));

    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(proxy.take(), ["POST /v1/secret/data/home"]);
    assert_eq!(world.bao.entry("home").await.0["serial"], 2);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn every_destination_gets_the_same_token_by_one_login() {
    let world = World::new().await;
    let runner = world.runner(world.rotation("home", &[place("one"), place("two")]), world.vault());
    rotated(&runner).await;
    let (one, two) = (world.bao.entry("one").await.0, world.bao.entry("two").await.0);
    assert_eq!(one["token"], two["token"]);
    assert_eq!(world.logins().attempted, 1);
}

#[tokio::test]
async fn a_sealed_vault_keeps_the_token_waiting_and_costs_no_second_login() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    let key = world.bao.unseal_key();
    world.bao.root("PUT", "sys/seal", Value::Null).await;

    assert_eq!(failed(&runner).await, ("vault_sealed".to_owned(), false));
    assert_eq!(failed(&runner).await, ("vault_sealed".to_owned(), false));
    assert_eq!(world.logins().attempted, 2);
    let unstored = runner.flush(Instant::now() + Duration::from_millis(250)).await;
    assert!(unstored[0].why.contains("Vault is sealed"), "{unstored:?}");

    world.bao.root("PUT", "sys/unseal", json!({ "key": key })).await;
    let deadline = Instant::now() + Duration::from_mins(1);
    while !runner.flush(deadline).await.is_empty() {}
    assert_eq!(world.bao.entry("home").await.0["serial"], 2);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn a_waiting_token_that_nears_its_end_is_replaced() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    let key = world.bao.unseal_key();
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    failed(&runner).await;
    world.clock.forward(600 * 7 / 10 + 1);
    world.bao.root("PUT", "sys/unseal", json!({ "key": key })).await;
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(world.logins().attempted, 3);
}

#[tokio::test]
async fn a_sealed_vault_costs_no_login_however_long_it_lasts() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    for _ in 0..18 {
        assert_eq!(failed(&runner).await, ("vault_sealed".to_owned(), false));
        world.clock.forward(600);
    }
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn a_waiting_token_that_nears_its_end_is_published_if_there_is_no_other() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    let key = world.bao.unseal_key();
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    world.clock.forward(1);
    failed(&runner).await;
    world.clock.forward(430);
    world.bao.root("PUT", "sys/unseal", json!({ "key": key })).await;
    world.sandbox.control().fault(Fault::status(503).path("/zettelstore/a"));
    assert_eq!(failed(&runner).await, ("server_error".to_owned(), false));
    assert_eq!(world.bao.entry("home").await.1["version"], 2);
    assert_eq!(world.bao.notes("home").await["tokenferry_failure_class"], "server_error");
}

#[tokio::test]
async fn a_dead_token_that_waits_is_never_published() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    let key = world.bao.unseal_key();
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    failed(&runner).await;
    world.clock.forward(600);
    world.bao.root("PUT", "sys/unseal", json!({ "key": key })).await;
    world.sandbox.control().fault(Fault::status(503).path("/zettelstore/a"));
    failed(&runner).await;
    assert_eq!(runner.flush(Instant::now()).await, []);
    assert_eq!(world.bao.entry("home").await.1["version"], 1);
}

#[tokio::test]
async fn a_waiting_token_does_not_replace_a_newer_one_of_another_process() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let rotation = world.rotation("home", &[place("home")]);
    let slow = world.runner_named("slow", rotation.clone(), world.vault_with(settings(&proxy.address)));
    let fast = world.runner_named("fast", rotation, world.vault());
    rotated(&slow).await;
    fast.standing(RotationId(0)).await.unwrap();
    proxy.lose("", 2);
    let key = world.bao.unseal_key();
    world.bao.root("PUT", "sys/seal", Value::Null).await;
    failed(&slow).await;
    world.bao.root("PUT", "sys/unseal", json!({ "key": key })).await;
    world.clock.forward(100);
    world.sandbox.control().fault(Fault::clock_skew(100));
    assert_eq!(rotated(&fast).await, 2);
    let outcome = run(&slow).await;
    assert!(matches!(outcome, Outcome::AlreadyDone(Living { version: 2, .. })), "{outcome:?}");
    assert_eq!(world.bao.entry("home").await.0["writer"], "fast");
}

#[tokio::test]
async fn a_token_whose_trial_came_to_nothing_waits_for_another_trial() {
    let world = World::new().await;
    let runner = world.home();
    world.sandbox.control().fault(Fault::status(503).path("/zettelstore/x"));
    for _ in 0..2 {
        assert_eq!(failed(&runner).await, ("server_error".to_owned(), false));
    }
    world.sandbox.control().clear_faults();
    assert_eq!(rotated(&runner).await, 1);
    assert_eq!(world.logins().attempted, 1);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_looked_up_and_not_repeated() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let runner = world.runner(world.rotation("home", &[place("home")]), vault);
    rotated(&runner).await;
    proxy.take();

    proxy.lose("POST /v1/secret/data/", 1);
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(proxy.take(), ["POST /v1/secret/data/home", "GET /v1/secret/data/home"]);
    assert_eq!(rotated(&runner).await, 3);
    assert_eq!(world.bao.entry("home").await.0["serial"], 3);
}

#[tokio::test]
async fn a_write_in_doubt_is_recognised_by_a_later_run() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let runner = world.runner(world.rotation("home", &[place("home")]), vault);
    rotated(&runner).await;

    proxy.lose("", 2);
    assert_eq!(failed(&runner).await, ("vault_broken_answer".to_owned(), false));
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(world.bao.entry("home").await.1["version"], 2);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn of_two_processes_the_slower_one_leaves_the_token_of_the_faster() {
    let world = World::new().await;
    let rotation = world.rotation("home", &[place("home")]);
    let slow = world.runner_named("slow", rotation.clone(), world.vault());
    let fast = world.runner_named("fast", rotation, world.vault());
    rotated(&slow).await;
    rotated(&fast).await;
    // Zettelstore gives the same token twice in one second.
    world.sandbox.control().fault(Fault::clock_skew(1));
    let outcome = run(&slow).await;
    assert!(matches!(outcome, Outcome::AlreadyDone(Living { version: 2, .. })), "{outcome:?}");
    assert_eq!((slow.adopted(), fast.adopted()), (1, 0));
    assert_eq!(world.bao.entry("home").await.0["writer"], "fast");
    assert_eq!(rotated(&slow).await, 3, "it knows the new version now");
}

#[tokio::test]
async fn an_older_token_that_came_between_is_written_over() {
    let world = World::new().await;
    let rotation = world.rotation("home", &[place("home")]);
    let slow = world.runner_named("slow", rotation.clone(), world.vault());
    let fast = world.runner_named("fast", rotation, world.vault());
    rotated(&slow).await;
    rotated(&fast).await;
    // A tenth of the life is the margin.
    world.clock.forward(70);
    world.sandbox.control().fault(Fault::clock_skew(70));
    assert_eq!(rotated(&slow).await, 3);
    assert_eq!(slow.adopted(), 0);
    let (entry, _) = world.bao.entry("home").await;
    assert_eq!((&entry["writer"], &entry["serial"]), (&json!("slow"), &json!(3)));
}

#[tokio::test]
async fn where_a_login_may_end_the_token_before_it_the_later_one_is_published() {
    let world = World::new().await;
    let rotation = world.rotation_of("zscaler", &[], "corp", &[place("corp")]);
    let slow = world.runner_named("slow", rotation.clone(), world.vault());
    let fast = world.runner_named("fast", rotation, world.vault());
    rotated(&slow).await;
    rotated(&fast).await;
    world.clock.forward(2);
    assert_eq!(rotated(&slow).await, 3);
    assert_eq!(world.bao.entry("corp").await.0["writer"], "slow");
    world.clock.forward(-2);
    let outcome = run(&fast).await;
    assert!(matches!(outcome, Outcome::AlreadyDone(Living { version: 3, .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_one_destination_missed_is_written_there_without_another_login() {
    let world = World::new().await;
    let notes = r#"path "secret/metadata/*" { capabilities = ["create", "read", "update"] }"#;
    let one = r#"path "secret/data/one" { capabilities = ["create", "read", "update"] }"#;
    let two = r#"path "secret/data/two" { capabilities = ["create", "read", "update"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(&format!("{notes}\n{two}")).await);
    let runner = world.runner(world.rotation("home", &[place("one"), place("two")]), world.vault());
    assert_eq!(failed(&runner).await, ("vault_forbidden".to_owned(), false));
    assert_eq!(world.bao.entry("two").await.1["version"], 1);
    assert_eq!(world.bao.notes("one").await["tokenferry_failure_class"], "vault_forbidden");

    world.token_with(&format!("{notes}\n{one}\n{two}")).await;
    rotated(&runner).await;
    let (one, two) = (world.bao.entry("one").await, world.bao.entry("two").await);
    assert_eq!(one.0["token"], two.0["token"]);
    assert_eq!((&one.1["version"], &two.1["version"]), (&json!(1), &json!(1)));
    assert_eq!(world.logins().attempted, 1);
    assert_eq!(world.bao.notes("one").await, json!({ "tokenferry_rotation": "home" }));
}

#[tokio::test]
async fn a_destination_that_cannot_be_used_keeps_no_token_from_the_others() {
    let world = World::new().await;
    world.bao.root("POST", "secret/data/theirs", json!({ "data": { "password": "theirs" } })).await;
    let gone = Destination::new(KvPath::new("gone", "x"));
    for (bad, trouble) in
        [(place("theirs"), ("foreign_entry", false)), (gone, ("vault_missing_mount", false))]
    {
        let rotation = world.rotation("home", &[bad, place("home")]);
        let runner = world.runner(rotation.clone(), world.vault());
        runner.standing(RotationId(0)).await.unwrap();
        assert_eq!(failed(&runner).await, (trouble.0.to_owned(), trouble.1));
        assert_eq!(failed(&runner).await, (trouble.0.to_owned(), trouble.1));
        let standing = world.runner(rotation, world.vault()).standing(RotationId(0)).await.unwrap();
        assert!(standing.living.is_some(), "{}", trouble.0);
        world.clock.forward(600);
        world.sandbox.control().fault(Fault::clock_skew(600));
        failed(&runner).await;
    }
    assert_eq!(world.bao.entry("home").await.1["version"], 4);
    assert_eq!(world.logins().attempted, 4);
}

#[tokio::test]
async fn a_rotation_without_a_usable_destination_costs_no_login() {
    let world = World::new().await;
    let gone = Destination::new(KvPath::new("gone", "x"));
    world.bao.root("POST", "secret/data/home", json!({ "data": {} })).await;
    let runner = world.runner(world.rotation("home", &[gone, place("home")]), world.vault());
    assert_eq!(failed(&runner).await, ("vault_missing_mount".to_owned(), false));
    assert_eq!(world.logins().attempted, 0);
}

#[tokio::test]
async fn where_only_what_exists_may_be_marked_everything_works() {
    let world = World::new().await;
    let policy = r#"path "secret/data/home" { capabilities = ["create", "update"] }
                    path "secret/metadata/home" { capabilities = ["read", "update"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let runner = world.home();
    assert_eq!(rotated(&runner).await, 1);
    assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "home" }));
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(rotated(&world.home()).await, 3);
    assert_eq!(world.bao.entry("home").await.0["serial"], 3);
}

#[tokio::test]
async fn a_token_that_its_system_does_not_accept_is_not_published_and_another_is_fetched_later() {
    let world = World::new().await;
    let mut rotation = Rotation::clone(&world.rotation("home", &[place("home")]));
    rotation.verify = true;
    let runner = world.runner(Arc::new(rotation), world.vault());
    rotated(&runner).await;
    world.sandbox.control().fault(Fault::status(401).path("/zettelstore/x").times(1));
    assert_eq!(failed(&runner).await, ("token_rejected".to_owned(), false));
    assert_eq!(world.bao.entry("home").await.1["version"], 1);
    world.clock.forward(2);
    assert_eq!(rotated(&runner).await, 2);
    assert_eq!(world.logins().attempted, 3);
}

#[tokio::test]
async fn an_entry_that_vanished_is_marked_and_written_again() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    rotated(&runner).await;
    world.bao.root("DELETE", "secret/metadata/home", Value::Null).await;
    assert_eq!(rotated(&runner).await, 1);
    assert_eq!(world.bao.notes("home").await["tokenferry_rotation"], "home");
}

#[tokio::test]
async fn a_deleted_version_is_followed_by_the_next() {
    let world = World::new().await;
    rotated(&world.home()).await;
    world.bao.root("DELETE", "secret/data/home", Value::Null).await;
    assert_eq!(rotated(&world.home()).await, 2);
}

#[tokio::test]
async fn a_dry_run_logs_in_and_writes_nothing_but_a_refusal() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let runner = world.runner(world.rotation("home", &[place("home")]), vault).dry_run(true);
    assert_eq!(rotated(&runner).await, 0);
    world.sandbox.control().fault(Fault::key_revoked("sandbox"));
    assert!(proxy.take().iter().all(|request| request.starts_with("GET ")));
    assert_eq!(failed(&runner).await, ("login_refused".to_owned(), true));
    let writes: Vec<String> =
        proxy.take().into_iter().filter(|request| !request.starts_with("GET ")).collect();
    assert_eq!(writes, ["POST /v1/secret/metadata/home"], "only the note that keeps it from being repeated");
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn what_an_issuer_asks_for_reaches_the_scheduler() {
    let world = World::new().await;
    let runner = world.home();
    let mut answer = tokenferry_sandbox::Answer::new(429);
    answer.headers.insert("retry-after".to_owned(), "4000".to_owned());
    world.sandbox.control().fault(Fault::answer(answer));
    let Outcome::Failed { class, retry_at } = runner.run(&due(0)).await else { panic!() };
    assert_eq!(class.name(), "rate_limited");
    assert!(retry_at.is_some());
}
