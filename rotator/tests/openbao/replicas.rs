//! Several processes with one configuration, which read an entry before each run.

use std::future::pending;
use std::time::Duration;

use serde_json::{Value, json};
use tokenferry_rotator::run::{Due, Outcome, Reason, RotationId, Work as _};
use tokenferry_rotator::runner::Runner;
use tokenferry_rotator::source::{Reference, Setting};
use tokenferry_sandbox::Fault;
use tokenferry_vault::VaultSettings;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::proxy::Proxy;
use crate::setting::{World, due, due_of, place, rotated, settings};

/// Longer than this world lasts.
const LATER: i64 = 4_000_000_000;

fn replica(world: &World, name: &str) -> Runner {
    world.runner_named(name, world.rotation("home", &[place("home")]), world.vault()).reads_first(true)
}

#[tokio::test]
async fn what_another_process_has_done_needs_no_login() {
    let world = World::new().await;
    let [one, two] = ["one", "two"].map(|name| replica(&world, name));
    assert!(matches!(one.run(&due(0)).await, Outcome::Rotated(_)));
    let missing = Due { reason: Reason::NoToken, ..due(LATER) };
    for (runner, due) in [(&two, due(0)), (&one, due(0)), (&two, missing)] {
        let outcome = runner.run(&due).await;
        assert!(matches!(outcome, Outcome::AlreadyDone(living) if living.version == 1), "{outcome:?}");
    }
    assert_eq!(world.logins().succeeded, 1);
}

#[tokio::test]
async fn what_another_process_has_done_is_found_without_a_run() {
    let world = World::new().await;
    let [one, two] = ["one", "two"].map(|name| replica(&world, name));
    assert_eq!(two.find_done(&due(0)).await, None, "nobody has done anything");
    let outcome = one.run(&due(0)).await;
    let found = two.find_done(&due(0)).await;
    assert_eq!(found.map(Outcome::Rotated), Some(outcome));
    assert_eq!(two.find_done(&due(LATER)).await, None, "it is for an earlier run");
    world.bao.root("DELETE", "secret/data/home", Value::Null).await;
    assert_eq!(two.find_done(&due(0)).await, None, "its entry is gone");
    assert_eq!(world.logins().attempted, 1);
}

#[tokio::test]
async fn each_process_goes_on_from_what_the_others_wrote() {
    let world = World::new().await;
    let [one, two] = ["one", "two"].map(|name| replica(&world, name));
    let mut versions = Vec::new();
    for (index, runner) in [&one, &two, &one, &two].into_iter().enumerate() {
        let outcome = runner.run(&due(LATER + i64::try_from(index).unwrap())).await;
        let Outcome::Rotated(living) = outcome else { panic!("{outcome:?}") };
        versions.push(living.version);
    }
    assert_eq!(versions, [1, 2, 3, 4]);
    assert_eq!((world.logins().succeeded, one.adopted() + two.adopted()), (4, 0), "nobody came second");
}

#[tokio::test]
async fn an_entry_whose_token_is_over_is_not_taken_for_done() {
    let world = World::new().await;
    let [one, two] = ["one", "two"].map(|name| replica(&world, name));
    let Outcome::Rotated(_) = one.run(&due(0)).await else { panic!("it was due") };
    world.clock.forward(24 * 3600);
    let outcome = two.run(&due(0)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_login_that_was_refused_elsewhere_is_not_sent_by_who_hears_of_it() {
    let world = World::new().await;
    let both = || ["first", "second"].map(|name| world.rotation(name, &[place(name)])).to_vec();
    let [one, two] = [both(), both()].map(|both| world.runner_of(both).reads_first(true));
    let second = |occurrence| Due { rotation: due_of(1).rotation, ..due(occurrence) };
    assert!(matches!(two.run(&second(LATER)).await, Outcome::Rotated(_)), "its login is known to be right");
    world.variables.set("PASSWORD", "no-longer-right");
    assert!(matches!(one.run(&due(LATER)).await, Outcome::Refused { .. }));
    let attempted = world.logins().attempted;

    two.heed(due(0).rotation).await;
    assert!(matches!(two.run(&second(LATER + 1)).await, Outcome::Refused { .. }));
    assert_eq!(world.logins().attempted, attempted);
}

#[tokio::test]
async fn rotations_and_configurations_have_names_that_all_processes_share() {
    let world = World::new().await;
    let of =
        |names: [&str; 2]| world.runner_of(names.map(|name| world.rotation(name, &[place(name)])).to_vec());
    let (one, two, other) = (of(["a", "b"]), of(["b", "a"]), of(["a", "c"]));
    let id = two.find("a").unwrap();
    assert_eq!((id, two.name(id).as_deref(), two.find("c")), (due_of(1).rotation, Some("a"), None));
    assert_eq!(one.fingerprint(), two.fingerprint(), "whatever their order");
    assert_ne!(one.fingerprint(), other.fingerprint());
    assert_eq!(one.fingerprint().len(), 16);
}

/// One whose first write comes to nothing.
async fn unlucky(world: &World, system: &str) -> Runner {
    let proxy = Proxy::start(&world.bao.address).await;
    proxy.before("POST /v1/secret/data/home", pending());
    let impatient = VaultSettings { timeout: Duration::from_secs(1), ..settings(&proxy.address) };
    let password = (system == "zettelstore")
        .then(|| ("password", Setting::Reference(Reference::Env("PASSWORD".to_owned()))));
    let rotation = world.rotation_of(system, password.as_slice(), "home", &[place("home")]);
    let runner = world.runner_named("unlucky", rotation, world.vault_with(impatient)).reads_first(true);
    let outcome = runner.run(&due(LATER)).await;
    assert!(matches!(&outcome, Outcome::Failed { class, .. } if class.is_of_vault()), "{outcome:?}");
    runner
}

#[tokio::test]
async fn a_token_that_waits_is_for_no_other_run_than_the_one_it_was_issued_for() {
    let world = World::new().await;
    let unlucky = unlucky(&world, "zettelstore").await;
    world.sandbox.control().fault(Fault::clock_skew(1));
    assert!(matches!(replica(&world, "winner").run(&due(LATER)).await, Outcome::Rotated(_)));
    unlucky.standing(RotationId(0)).await.unwrap();
    let outcome = unlucky.run(&due(LATER + 1)).await;
    assert!(matches!(outcome, Outcome::Rotated(living) if living.version == 2), "{outcome:?}");
    assert_eq!(world.logins().succeeded, 3);
}

#[tokio::test]
async fn a_token_that_waits_is_not_written_over_one_that_another_process_brought() {
    let world = World::new().await;
    let unlucky = unlucky(&world, "zscaler").await;
    let rotation = world.rotation_of("zscaler", &[], "home", &[place("home")]);
    let other = world.runner_named("other", rotation, world.vault()).reads_first(true);
    assert!(matches!(other.run(&due(LATER - 1)).await, Outcome::Rotated(_)));
    let before = world.bao.entry("home").await.0;
    unlucky.standing(RotationId(0)).await.unwrap();
    assert!(!unlucky.owes(RotationId(0)), "it is given up as soon as that is known");
    let outcome = unlucky.run(&Due { attempt: 2, ..due(LATER) }).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    assert_ne!(world.bao.entry("home").await.0["token"], before["token"]);
    assert_eq!(world.sandbox.control().counters().all_logins("zscaler").succeeded, 3, "it is a new one");
}

#[tokio::test]
async fn a_token_that_waits_serves_as_long_as_nobody_else_can_have_ended_it() {
    for (system, attempt, is_doubted, logins) in [
        ("zettelstore", 3, true, 1),
        ("zscaler", 2, false, 1),
        ("zscaler", 2, true, 2),
        ("zscaler", 3, false, 2),
    ] {
        let world = World::new().await;
        let unlucky = unlucky(&world, system).await;
        if is_doubted {
            unlucky.doubt(RotationId(0)).await;
        }
        let outcome = unlucky.run(&Due { attempt, ..due(LATER) }).await;
        assert!(matches!(outcome, Outcome::Rotated(living) if living.version == 1), "{outcome:?}");
        let counters = world.sandbox.control().counters();
        assert_eq!(
            counters.all_logins(system).succeeded,
            logins,
            "{system}, attempt {attempt}, {is_doubted}"
        );
    }
}

#[tokio::test]
async fn what_waits_when_a_process_ends_is_left_to_the_others() {
    let world = World::new().await;
    let unlucky = unlucky(&world, "zettelstore").await;
    assert_eq!(unlucky.flush(Instant::now() + Duration::from_mins(1)).await, []);
    unlucky.see_off(RotationId(0)).await;
    assert_eq!(rotated(&replica(&world, "next")).await, 1);
    assert_eq!(world.logins().succeeded, 2);
}

#[tokio::test]
async fn a_run_that_somebody_asks_for_is_done_although_the_token_is_of_the_same_second() {
    let world = World::new().await;
    let once = replica(&world, "once");
    let Outcome::Rotated(living) = once.run(&due(0)).await else { panic!("it was due") };
    let forced = |occurrence| Due { reason: Reason::Forced, occurrence, ..due(0) };
    let outcome = once.run(&forced(living.issued_at)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    let outcome = once.run(&forced(living.issued_at - chrono::TimeDelta::seconds(1))).await;
    assert!(matches!(outcome, Outcome::AlreadyDone(_)), "it came after that: {outcome:?}");
}

/// As when the lock of a credential is lost.
#[tokio::test]
async fn a_token_that_a_run_cut_off_has_left_does_not_replace_what_came_meanwhile() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(settings(&proxy.address));
    let stale =
        world.runner_named("stale", world.rotation("home", &[place("home")]), vault).reads_first(true);
    proxy.before("POST /v1/secret/data/home", pending());
    let cut_off = timeout(Duration::from_secs(3), stale.run(&due(0))).await;
    assert!(cut_off.is_err() && world.logins().succeeded == 1, "{cut_off:?}");

    world.sandbox.control().fault(Fault::clock_skew(1));
    assert_eq!(rotated(&replica(&world, "winner")).await, 1);
    stale.standing(RotationId(0)).await.unwrap();
    assert_eq!(stale.flush(Instant::now() + Duration::from_mins(1)).await, []);
    let (entry, metadata) = world.bao.entry("home").await;
    assert_eq!((&entry["writer"], &metadata["version"]), (&json!("winner"), &json!(1)));
}

/// They hold the lock of the credential.
#[tokio::test]
async fn replicas_do_not_wait_for_who_died_while_it_logged_in() {
    let world = World::new().await;
    let both = || ["first", "second"].map(|name| world.rotation(name, &[place(name)])).to_vec();
    world.sandbox.control().fault(Fault::hang().path("/zettelstore/a").times(1));
    let dead = world.runner_of(both());
    assert!(timeout(Duration::from_secs(5), dead.run(&due(0))).await.is_err(), "it has claimed the login");
    assert_eq!(world.logins().attempted, 1);

    let next = world.runner_of(both()).reads_first(true);
    let outcome = timeout(Duration::from_secs(5), next.run(&due_of(1))).await;
    assert!(matches!(outcome, Ok(Outcome::Rotated(_))), "{outcome:?}");
}

/// None of them has seen the entry of another one before it writes: their logins take long enough for that.
#[tokio::test]
async fn case_8_of_fifty_that_write_one_entry_at_once_one_wins_and_the_others_leave_it() {
    let world = World::new().await;
    let control = world.sandbox.control();
    control.fault(Fault::latency(Duration::from_secs(3)).path("/zettelstore/a"));
    // Logins of one second would bring the same token, so each finds the clock a second further than the one before.
    (1..=50).for_each(|times| control.fault(Fault::clock_skew(-1).path("/zettelstore/a").times(times)));
    let mut runs = JoinSet::new();
    for number in 1..=50 {
        let runner = replica(&world, &format!("writer-{number}"));
        runs.spawn(async move { (runner.run(&due(LATER)).await, runner.adopted()) });
    }
    let ended = runs.join_all().await;
    let winners = ended.iter().filter(|(outcome, _)| matches!(outcome, Outcome::Rotated(_))).count();
    let is_other = |outcome: &Outcome| matches!(outcome, Outcome::AlreadyDone(living) if living.version == 1);
    let others = ended.iter().filter(|(outcome, adopted)| is_other(outcome) && *adopted == 1).count();
    assert_eq!((winners, others), (1, 49), "{ended:?}");
    let (entry, metadata) = world.bao.entry("home").await;
    assert_eq!((&entry["serial"], &metadata["version"]), (&json!(1), &json!(1)));
    assert_eq!(world.logins().succeeded, 50);
}

#[tokio::test]
async fn case_8_a_deleted_entry_goes_on_at_its_next_version_where_writes_have_to_be_checked() {
    let world = World::new().await;
    world.bao.root("POST", "secret/config", json!({ "cas_required": true })).await;
    let [one, two] = ["one", "two"].map(|name| replica(&world, name));
    let run = async |runner: &Runner, occurrence| {
        let outcome = runner.run(&due(LATER + occurrence)).await;
        let Outcome::Rotated(living) = outcome else { panic!("{outcome:?}") };
        living.version
    };
    assert_eq!((run(&one, 1).await, run(&two, 2).await), (1, 2));
    world.bao.root("DELETE", "secret/data/home", Value::Null).await;
    assert_eq!(run(&one, 3).await, 3, "whoever knew it before");
    world.bao.root("DELETE", "secret/data/home", Value::Null).await;
    assert_eq!(run(&replica(&world, "new"), 4).await, 4, "and whoever did not");
    assert_eq!(world.bao.entry("home").await.0["serial"], 4);
}
