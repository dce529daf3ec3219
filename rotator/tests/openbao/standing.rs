use serde_json::json;
use tokenferry_rotator::run::{Due, RotationId, Standing, Work};
use tokenferry_sandbox::Fault;

use crate::proxy::Proxy;
use crate::setting::{World, due, failed, place, rotated, settings};

const ID: RotationId = RotationId(0);

#[tokio::test]
async fn a_restart_knows_the_token_and_reads_nothing_more_before_it_writes() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let restarted = world.runner(world.rotation("home", &[place("home")]), vault);

    let living = restarted.standing(ID).await.unwrap().living.unwrap();
    assert_eq!(living.version, 1);
    assert_eq!((living.expires_at.unwrap() - living.issued_at).num_seconds(), 600);
    assert_eq!(proxy.take(), ["GET /v1/secret/data/home"]);
    assert_eq!(rotated(&restarted).await, 2);
    assert_eq!(proxy.take(), ["POST /v1/secret/data/home"]);
    assert_eq!(world.bao.entry("home").await.0["serial"], 2);
}

#[tokio::test]
async fn a_token_that_comes_while_its_place_is_read_is_seen() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let runner = world.runner(world.rotation("home", &[place("home")]), vault);
    let other = world.home();
    proxy.before("GET /v1/secret/metadata/home", async move {
        assert_eq!(rotated(&other).await, 1);
    });
    assert_eq!(runner.standing(ID).await.unwrap().living.map(|living| living.version), Some(1));
}

#[tokio::test]
async fn a_destination_without_a_token_means_that_there_is_none() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let two = world.runner(world.rotation("home", &[place("home"), place("new")]), world.vault());
    assert_eq!(two.standing(ID).await.unwrap(), Standing::default());
}

#[tokio::test]
async fn a_refused_login_is_noted_until_it_succeeds() {
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    // Somebody notes something after the runner has read the notes.
    let mut notes = world.bao.notes("home").await;
    notes["team"] = json!("payments");
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": notes })).await;

    world.variables.set("PASSWORD", "wrong");
    let third = Due { attempt: 3, ..due(0) };
    runner.run(&third).await;
    let notes = world.bao.notes("home").await;
    assert_eq!(notes["tokenferry_failure_class"], "login_refused");
    assert_eq!((&notes["tokenferry_failure_count"], &notes["team"]), (&json!("3"), &json!("payments")));
    assert!(!notes.to_string().contains("wrong"));

    let restarted = world.home();
    let failure = restarted.standing(ID).await.unwrap().failure.unwrap();
    assert_eq!((failure.class.name(), failure.count, failure.lasting), ("login_refused", 3, true));
    assert!(!failure.login_changed && !restarted.login_changed(ID).await);
    world.variables.set("PASSWORD", "sandbox-password");
    assert!(restarted.login_changed(ID).await);
    assert!(restarted.standing(ID).await.unwrap().failure.unwrap().login_changed);

    assert_eq!(rotated(&restarted).await, 2);
    assert_eq!(world.bao.notes("home").await, json!({ "team": "payments", "tokenferry_rotation": "home" }));
    assert!(!restarted.login_changed(ID).await);
}

#[tokio::test]
async fn a_login_refused_at_a_fresh_place_is_noted_there() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    assert_eq!(failed(&world.home()).await, ("login_refused".to_owned(), true));
    let standing = world.home().standing(ID).await.unwrap();
    assert_eq!(standing.living, None);
    assert!(standing.failure.unwrap().lasting);
}

#[tokio::test]
async fn refused_logins_in_a_row_are_counted_apart_from_other_failures() {
    let world = World::new().await;
    let refusals = async || world.home().standing(ID).await.unwrap().failure.unwrap().refusals;
    let runner = world.home();
    let mut seen = Vec::new();
    for (attempt, status) in [(1, 503), (2, 401), (3, 401)] {
        world.sandbox.control().clear_faults();
        world.sandbox.control().fault(Fault::status(status).path("/zettelstore/a"));
        runner.run(&Due { attempt, ..due(0) }).await;
        seen.push(refusals().await);
        world.clock.forward(3600);
    }
    assert_eq!(seen, [0, 1, 2]);
}

#[tokio::test]
async fn a_success_takes_back_what_another_process_noted() {
    let world = World::new().await;
    let daemon = world.home();
    rotated(&daemon).await;
    let once = world.home();
    once.standing(ID).await.unwrap();
    world.sandbox.control().fault(Fault::status(401).path("/zettelstore/a").times(1));
    assert_eq!(failed(&once).await, ("login_refused".to_owned(), true));
    world.clock.forward(2);
    rotated(&daemon).await;
    assert_eq!(world.bao.notes("home").await, json!({ "tokenferry_rotation": "home" }));
}

#[tokio::test]
async fn a_failure_before_the_token_that_readers_find_is_over() {
    let world = World::new().await;
    world.sandbox.control().fault(Fault::status(401).path("/zettelstore/a").times(1));
    failed(&world.home()).await;
    let notes = world.bao.notes("home").await;
    assert!(world.home().standing(ID).await.unwrap().failure.is_some());
    world.clock.forward(2);
    rotated(&world.home()).await;
    // As after a crash before the note was taken back.
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": notes })).await;
    let restarted = world.home();
    assert_eq!(restarted.standing(ID).await.unwrap().failure, None);
    assert!(!restarted.login_changed(ID).await);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_noted_as_passing() {
    let world = World::new().await;
    world.sandbox.control().fault(Fault::status(503));
    assert_eq!(failed(&world.home()).await, ("server_error".to_owned(), false));
    let failure = world.home().standing(ID).await.unwrap().failure.unwrap();
    assert_eq!((failure.class.name(), failure.lasting), ("server_error", false));
}

#[tokio::test]
async fn garbage_among_the_notes_stops_nothing() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let notes = json!({ "custom_metadata": {
        "tokenferry_rotation": "home",
        "tokenferry_failure_class": "<b>",
        "tokenferry_failed_login": "x",
    } });
    world.bao.root("POST", "secret/metadata/home", notes).await;
    let runner = world.home();
    assert_eq!(runner.standing(ID).await.unwrap().failure, None);
    assert_eq!(rotated(&runner).await, 2);
}

#[tokio::test]
async fn a_writer_that_may_not_read_data_still_knows_version_and_age_and_reckons_the_end() {
    let world = World::new().await;
    rotated(&world.home()).await;
    let policy = r#"
        path "secret/data/*" { capabilities = ["create", "update"] }
        path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
    "#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let runner = world.home();
    let living = runner.standing(ID).await.unwrap().living.unwrap();
    assert_eq!(living.version, 1);
    assert_eq!(
        (living.expires_at.unwrap() - living.issued_at).num_seconds(),
        600,
        "as Zettelstore documents"
    );
    assert_eq!(rotated(&runner).await, 2);
    let fresh = world.runner(world.rotation("new", &[place("new")]), world.vault());
    assert_eq!(rotated(&fresh).await, 1);
}

#[tokio::test]
async fn what_another_process_wrote_is_news_once() {
    let world = World::new().await;
    let daemon = world.home();
    rotated(&daemon).await;
    assert_eq!(daemon.look_again(ID).await.unwrap(), None);
    assert_eq!(rotated(&world.home()).await, 2);
    let news = daemon.look_again(ID).await.unwrap().unwrap();
    assert_eq!((news.living.map(|living| living.version), news.failure), (Some(2), None));
    assert_eq!(daemon.look_again(ID).await.unwrap(), None);

    world.variables.set("PASSWORD", "wrong");
    failed(&world.home()).await;
    let news = daemon.look_again(ID).await.unwrap().unwrap();
    assert_eq!(news.failure.map(|failure| failure.class.name().to_owned()).as_deref(), Some("login_refused"));
    assert_eq!(daemon.look_again(ID).await.unwrap(), None);
}

#[tokio::test]
async fn the_first_token_is_news_to_whoever_found_nothing() {
    let world = World::new().await;
    let daemon = world.home();
    assert_eq!(daemon.standing(ID).await.unwrap(), Standing::default());
    rotated(&world.home()).await;
    let news = daemon.look_again(ID).await.unwrap().unwrap();
    assert_eq!(news.living.map(|living| living.version), Some(1));
}

#[tokio::test]
async fn an_entry_that_vault_lost_is_told_as_a_loss() {
    let world = World::new().await;
    let daemon = world.home();
    rotated(&daemon).await;
    world.bao.root("DELETE", "secret/metadata/home", json!({})).await;
    assert!(!daemon.take_loss());
    assert_eq!(daemon.look_again(ID).await.unwrap(), None);
    assert!(daemon.take_loss());
}

#[tokio::test]
async fn who_looks_again_waits_for_no_run() {
    let world = World::new().await;
    let daemon = world.home();
    rotated(&daemon).await;
    assert_eq!(rotated(&world.home()).await, 2);
    let start = due(0);
    let (_, looked) = tokio::join!(daemon.run(&start), daemon.look_again(ID));
    assert_eq!(looked.unwrap(), None, "it runs");
}
