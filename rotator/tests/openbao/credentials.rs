use std::future::pending;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokenferry_rotator::run::{Outcome, RotationId, Work};
use tokenferry_rotator::runner::Runner;
use tokenferry_sandbox::{Answer, Fault};
use tokenferry_sources::{Clock as _, parse_rfc3339, rfc3339};
use tokenferry_vault::VaultSettings;
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::setting::{World, due_of, failed, place, settings};

/// Twelve rotations that log in as the same user, in a process of their own.
fn twelve(world: &World) -> Runner {
    let names = (0..12).map(|n| format!("r{n}"));
    world.runner_of(names.map(|name| world.rotation(&name, &[place(&name)])).collect())
}

async fn class_of(runner: &Runner, rotation: u32) -> String {
    match runner.run(&due_of(rotation)).await {
        Outcome::Failed { class, .. } | Outcome::Refused { class, .. } => class.name().to_owned(),
        outcome => panic!("{outcome:?}"),
    }
}

/// What comes of so many rotations, each run by a process of its own, all at the same moment.
async fn classes_at_once(world: &World, count: u32) -> Vec<String> {
    let processes: Vec<_> = (0..count).map(|rotation| (twelve(world), rotation)).collect();
    join_all(processes.iter().map(|(process, rotation)| class_of(process, *rotation))).await
}

#[tokio::test]
async fn a_refused_login_is_not_repeated_by_the_other_rotations_of_the_credential() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let runner = twelve(&world);
    for rotation in 0..12 {
        assert_eq!(class_of(&runner, rotation).await, "login_refused");
    }
    assert_eq!(world.logins().attempted, 1);
    assert_counted(&world, &["r0", "r11"], 1).await;
    world.clock.forward(15 * 60);
    class_of(&runner, 3).await;
    class_of(&runner, 4).await;
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn nor_is_it_repeated_by_another_process_for_another_rotation() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    for rotation in 0..6 {
        assert_eq!(class_of(&twelve(&world), rotation).await, "login_refused");
    }
    assert_eq!(world.logins().attempted, 1);
    assert_counted(&world, &["r0", "r5"], 1).await;
    let at = async |name| world.bao.notes(name).await["tokenferry_failure_at"].clone();
    assert_eq!(
        at("r0").await,
        at("r5").await,
        "it is held from when it was sent, whoever is told of it later"
    );

    world.clock.forward(15 * 60);
    class_of(&twelve(&world), 4).await;
    assert_eq!(world.logins().attempted, 2);
    assert_counted(&world, &["r4"], 2).await;
}

#[tokio::test]
async fn each_refused_login_is_held_twice_as_long_whichever_rotation_sends_it() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let runner = twelve(&world);
    let mut sent = Vec::new();
    // Every 20 minutes, and each time another one.
    for rotation in 0..12 {
        class_of(&runner, rotation).await;
        sent.push(world.logins().attempted);
        world.clock.forward(20 * 60);
    }
    // Held for 15 minutes, for 30, 60 and 120.
    assert_eq!(sent, [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4]);
    assert_counted(&world, &["r6", "r11"], 4).await;
}

#[tokio::test]
async fn secrets_that_take_turns_are_sent_once_each() {
    let world = World::new().await;
    for password in ["one", "two", "one", "two", "three", "four", "one", "four"] {
        world.variables.set("PASSWORD", password);
        let process = world.home();
        process.standing(RotationId(0)).await.unwrap();
        assert_eq!(failed(&process).await, ("login_refused".to_owned(), true));
        assert!(!process.login_changed(RotationId(0)).await, "{password}");
        let restarted = world.home().standing(RotationId(0)).await.unwrap().failure.unwrap();
        assert!(!restarted.login_changed, "{password}");
    }
    assert_eq!(world.logins().attempted, 4);
    assert_counted(&world, &["home"], 4).await;
    world.variables.set("PASSWORD", "sandbox-password");
    assert!(world.home().standing(RotationId(0)).await.unwrap().failure.unwrap().login_changed);
}

#[tokio::test]
async fn what_was_refused_before_the_token_that_readers_find_counts_no_more() {
    let world = World::new().await;
    let run = async |password: &str, rotation| {
        world.variables.set("PASSWORD", password);
        let process = twelve(&world);
        process.standing(RotationId(rotation)).await.unwrap();
        world.clock.forward(2);
        process.run(&due_of(rotation)).await
    };
    run("wrong", 0).await;
    let outcome = run("sandbox-password", 1).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    run("wrong", 1).await;
    assert_eq!(world.logins().attempted, 3);
    assert_counted(&world, &["r0", "r1"], 1).await;
}

#[tokio::test]
async fn others_are_heard_and_told_only_before_a_login_that_may_be_in_vain() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let names = ["a", "b", "c"];
    let rotations = names.map(|name| world.rotation(name, &[place(name)])).to_vec();
    let vault = world.vault_with(settings(&proxy.address));
    let (environment, clock) = (world.variables.clone(), world.clock.clone());
    let runner = Runner::new(rotations, vault, environment, clock, "host-1".to_owned());
    runner.standing(RotationId(2)).await.unwrap();
    let mut heard = Vec::new();
    for rotation in [0, 0, 1] {
        runner.standing(RotationId(rotation)).await.unwrap();
        proxy.take();
        let outcome = runner.run(&due_of(rotation)).await;
        assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
        let requests = proxy.take();
        let own = format!("GET /v1/secret/metadata/{}", ["a", "b"][rotation as usize]);
        let is_of_turns = |request: &&String| request.contains("/v1/secret/metadata/") && **request != own;
        let mut of_turns: Vec<String> = requests.iter().filter(is_of_turns).cloned().collect();
        of_turns.sort();
        heard.push(of_turns);
    }
    let [b, c] = ["b", "c"].map(|name| format!("GET /v1/secret/metadata/{name}"));
    // Heard, claimed, heard again, and the claim withdrawn.
    let claimed = "POST /v1/secret/metadata/a".to_owned();
    let first = vec![b.clone(), b, c.clone(), c, claimed.clone(), claimed];
    assert_eq!(heard[..2], [first, vec![]]);
    // No more than its mark.
    assert_eq!(heard[2], ["POST /v1/secret/metadata/b"]);
}

#[tokio::test]
async fn notes_of_others_that_cannot_be_read_keep_nobody_from_logging_in() {
    let world = World::new().await;
    let policy = r#"
        path "secret/data/r0" { capabilities = ["create", "read", "update"] }
        path "secret/metadata/r0" { capabilities = ["create", "read", "update"] }
    "#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let outcome = twelve(&world).run(&due_of(0)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
}

#[tokio::test]
async fn processes_that_begin_together_send_a_refused_login_once_in_each_round() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    for round in 1..=2 {
        assert!(classes_at_once(&world, 12).await.iter().all(|class| class == "login_refused"));
        assert_eq!(world.logins().attempted, round);
        world.clock.forward(16 * 60);
    }
}

#[tokio::test]
async fn processes_that_begin_together_all_get_their_tokens() {
    let world = World::new().await;
    let processes: Vec<_> = (0..12).map(|rotation| (twelve(&world), rotation)).collect();
    let runs =
        join_all(processes.iter().map(|(process, rotation)| async { process.run(&due_of(*rotation)).await }));
    for outcome in runs.await {
        assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    }
    for rotation in 0..12 {
        let notes = world.bao.notes(&format!("r{rotation}")).await;
        assert_eq!(notes, json!({ "tokenferry_rotation": format!("r{rotation}") }));
    }
}

#[tokio::test]
async fn a_login_of_a_process_that_died_is_waited_for_until_its_time() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    class_of(&twelve(&world), 0).await;
    let noted = world.bao.notes("r0").await;
    let login = noted["tokenferry_failed_login"].as_str().unwrap();
    let until = rfc3339(world.clock.now() + TimeDelta::seconds(4));
    let claim = json!({ "tokenferry_rotation": "r0", "tokenferry_login_until": format!("{until} {login}") });
    world.bao.root("POST", "secret/metadata/r0", json!({ "custom_metadata": claim })).await;
    assert_eq!(class_of(&twelve(&world), 1).await, "login_refused");
    assert!(world.clock.now() > parse_rfc3339(&until).unwrap());
    assert_eq!(world.logins().attempted, 2);
    world.variables.set("PASSWORD", "sandbox-password");
    let outcome = twelve(&world).run(&due_of(2)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "another login waits for none: {outcome:?}");
}

#[tokio::test]
async fn where_the_first_gets_no_answer_the_next_takes_its_turn() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    world.sandbox.control().fault(Fault::answer(Answer::new(400)).times(1));
    let mut classes = classes_at_once(&world, 4).await;
    classes.sort();
    assert_eq!(classes[0], "bad_request");
    assert_eq!(classes[1..], ["login_refused"; 3]);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn tries_without_writing_count_and_are_heard() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    for rotation in 0..3 {
        assert_eq!(class_of(&twelve(&world).dry_run(true), rotation).await, "login_refused");
    }
    assert_eq!(class_of(&twelve(&world), 0).await, "login_refused");
    assert_eq!(world.logins().attempted, 1);
    assert_counted(&world, &["r0", "r1", "r2"], 1).await;
}

#[tokio::test]
async fn all_processes_note_one_login_alike() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let mut noted = Vec::new();
    for round in 0..3 {
        class_of(&twelve(&world), round).await;
        let login = world.bao.notes(&format!("r{round}")).await["tokenferry_failed_login"].clone();
        noted.push(login.as_str().unwrap().to_owned());
        world.bao.root("DELETE", &format!("secret/metadata/r{round}"), Value::Null).await;
    }
    noted.dedup();
    assert_eq!((noted.len(), noted[0].len()), (1, 39), "{noted:?}");
}

#[tokio::test]
async fn where_more_share_a_credential_than_are_heard_a_refused_login_is_not_repeated_either() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let process = || {
        let names = (100..200).map(|n| format!("r{n}"));
        let rotations = names.map(|name| world.rotation(&name, &[place(&name)])).collect();
        let (environment, clock) = (world.variables.clone(), world.clock.clone());
        let vault = world.vault_with(settings(&proxy.address));
        Runner::new(rotations, vault, environment, clock, "host-1".to_owned())
    };
    let outcome = process().run(&due_of(1)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    world.clock.forward(2);
    world.variables.set("PASSWORD", "wrong");
    for rotation in [98, 99, 70, 3] {
        proxy.take();
        assert_eq!(class_of(&process(), rotation).await, "login_refused");
        assert!(proxy.take().len() < 150, "two hearings at most, of 64 entries each");
    }
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn notes_of_others_that_never_come_are_not_waited_for() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let patient = Duration::from_hours(1);
    let vault = world.vault_with(VaultSettings { timeout: patient, ..settings(&proxy.address) });
    let rotations = ["a", "b"].map(|name| world.rotation(name, &[place(name)])).to_vec();
    let (environment, clock) = (world.variables.clone(), world.clock.clone());
    let runner = Runner::new(rotations, vault, environment, clock, "host-1".to_owned());
    proxy.before("GET /v1/secret/metadata/b", pending());
    let outcome = timeout(Duration::from_mins(1), runner.run(&due_of(0))).await.unwrap();
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
}

/// How many refused logins are noted for these rotations.
async fn assert_counted(world: &World, rotations: &[&str], refusals: u32) {
    for rotation in rotations {
        let noted = &world.bao.notes(rotation).await["tokenferry_refusals"];
        assert_eq!(*noted, json!(refusals.to_string()), "{rotation}");
    }
}

#[tokio::test]
async fn a_changed_password_is_tried_at_once() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let runner = twelve(&world);
    class_of(&runner, 0).await;
    world.variables.set("PASSWORD", "sandbox-password");
    let outcome = runner.run(&due_of(1)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    world.variables.set("PASSWORD", "wrong");
    class_of(&runner, 0).await;
    assert_eq!(world.logins().attempted, 3, "after a success the account counts anew");
}

#[tokio::test]
async fn a_rate_limit_holds_for_all_rotations_of_the_credential_until_its_time() {
    let world = World::new().await;
    let mut answer = Answer::new(429);
    answer.headers.insert("retry-after".to_owned(), "4000".to_owned());
    world.sandbox.control().fault(Fault::answer(answer).times(1));
    let runner = twelve(&world);
    for rotation in 0..12 {
        assert_eq!(class_of(&runner, rotation).await, "rate_limited");
    }
    world.clock.forward(4001);
    let outcome = runner.run(&due_of(7)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    assert_eq!(world.logins().attempted, 2);
}
