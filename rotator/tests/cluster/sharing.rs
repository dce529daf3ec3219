//! What is promised as long as everything lasts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_rotator::cluster::Settings;
use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_rotator::run::{Due, Outcome, Reason};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::replica::{PATIENCE, Replica, cluster, connect, settings, until};
use crate::world::{Fake, World, due};

const NAMES: [&str; 3] = ["one", "two", "three"];

#[tokio::test]
async fn each_occurrence_is_one_login_by_one_of_three_and_no_credential_is_used_twice_at_once() {
    let (database, world) = (Postgres::shared("sharing").await, Arc::<World>::default());
    let (plan, gate): (Vec<_>, _) = ((0..2_000).map(due).collect(), Arc::new(Semaphore::new(0)));
    let replicas = NAMES.map(|name| {
        let work = Fake { credentials: 200, gate: Some(Arc::clone(&gate)), ..Fake::new(&world, name) };
        Replica::start(&database.url(), name, &world, Arc::new(work), &plan)
    });
    until("all three work", || world.count(|world| &world.begun) == 24).await;
    gate.add_permits(2_000);
    let ended = || replicas.iter().map(|replica| replica.ended().len()).sum::<usize>();
    until("all 2,000 have ended", || ended() >= 2_000).await;
    assert_eq!((world.counts(), world.count(|world| &world.overlaps)), ((2_000, 2_000), 0));
    let of: BTreeSet<&str> = world.logins().into_iter().map(|(_, replica)| replica).collect();
    assert_eq!(of.len(), 3, "all three have worked: {of:?}");
    let leaders = replicas.iter().filter(|replica| *replica.role.borrow() == Role::Leading);
    assert_eq!(leaders.count(), 1);
    let told: Vec<_> = replicas.iter().flat_map(Replica::ended).collect();
    assert!(told.iter().all(|ended| matches!(ended.outcome, Outcome::Rotated(_))));
    assert_eq!(told.iter().map(|ended| ended.due.rotation).collect::<BTreeSet<_>>().len(), 2_000);
}

#[tokio::test]
async fn three_that_see_each_other_know_who_leads_and_which_has_another_configuration() {
    let (database, world) = (Postgres::shared("views").await, Arc::<World>::default());
    let mut replicas = NAMES.map(|name| {
        let fingerprint = if name == "three" { "other" } else { "same" };
        let work = Fake { fingerprint, ..Fake::new(&world, name) };
        Replica::start(&database.url(), name, &world, Arc::new(work), &[])
    });
    let view = replicas[0]
        .sees(|view| {
            let leaders = view.replicas.iter().filter(|replica| replica.role == Role::Leading);
            view.replicas.len() == 3 && leaders.count() == 1
        })
        .await;
    let of = |name: &str| view.replicas.iter().find(|replica| *replica.name == *name).unwrap();
    assert_eq!(
        NAMES.map(|name| (of(name).is_self, of(name).drifted)),
        [(true, false), (false, false), (false, true)]
    );
    assert_eq!((&*of("two").fingerprint, of("two").concurrency), ("same", 8));
    assert!(view.replicas.iter().all(|replica| !replica.is_lost));
}

#[tokio::test]
async fn what_another_configuration_submits_is_left_alone() {
    let (database, world) = (Postgres::shared("drift").await, Arc::<World>::default());
    let other = Fake { fingerprint: "other", ..Fake::new(&world, "other") };
    let gate = Arc::new(Semaphore::new(0));
    let leads = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "leader") };
    let plan: Vec<_> = (0..20).map(due).collect();
    let mut leader = Replica::start(&database.url(), "leader", &world, Arc::new(leads), &plan);
    leader.is(Role::Leading).await;
    let _other = Replica::start(&database.url(), "other", &world, Arc::new(other), &plan);
    // The leader has room for eight, and the other one has room for all.
    leader.sees(|view| view.replicas.len() == 2 && view.waiting == 12).await;
    gate.add_permits(20);
    until("all have ended", || leader.ended().len() == 20).await;
    assert!(world.logins().iter().all(|(_, replica)| *replica == "leader"));
}

#[tokio::test]
async fn clusters_of_different_names_share_a_database_and_nothing_else() {
    let database = Postgres::shared("names").await;
    let plan: Vec<_> = (0..20).map(due).collect();
    let settings = |cluster: &str| Settings { name: cluster.to_owned(), ..settings("one") };
    let mut both = ["east", "west"].map(|name| {
        let world = Arc::<World>::default();
        world.refused.lock().unwrap().extend((name == "east").then_some(0));
        let work = Arc::new(Fake::new(&world, name));
        let replica = Replica::start_with(&database.url(), &settings(name), &world, work, &plan);
        (name, world, replica)
    });
    for (name, world, replica) in &mut both {
        replica.is(Role::Leading).await;
        until("all of it has ended", || replica.ended().len() == 20).await;
        assert_eq!(world.counts(), (20, 20));
        let letters = usize::from(*name == "east");
        replica.sees(|view| view.replicas.len() == 1 && view.dead_letters.len() == letters).await;
        let seen = connect(&database.url(), &settings(name));
        let seen = seen.look(&settings(name), "same", |_| true, due(0).occurrence).await.unwrap();
        assert_eq!((seen.replicas.len(), seen.dead_letters.len()), (1, letters));
    }
}

#[tokio::test]
async fn tries_that_hang_leave_a_quarter_of_all_room_to_what_can_be_saved() {
    let (database, world) = (Postgres::shared("room").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let gated = |name| Arc::new(Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, name) });
    let mut one = cluster(&database.url(), "one", gated("one"), 8);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    let beyond_saving = |rotation| Due { reason: Reason::NoToken, attempt: 2, ..due(rotation) };
    (0..20).for_each(|rotation| one.submit(beyond_saving(rotation)));
    until("they have begun", || world.count(|world| &world.begun) >= 6).await;
    (100..102).for_each(|rotation| one.submit(due(rotation)));
    let has_begun = |of| world.logins().iter().any(|(rotation, _)| *rotation == of);
    until("the others have begun", || has_begun(100) && has_begun(101)).await;

    let _two = Replica::start(&database.url(), "two", &world, gated("two"), &[]);
    timeout(PATIENCE, one.view().wait_for(|view| view.replicas.len() == 2)).await.unwrap().unwrap();
    gate.add_permits(1);
    timeout(PATIENCE, one.ended()).await.unwrap();
    until("three quarters of sixteen run", || world.count(|world| &world.begun) == 1 + 2 + 12).await;
    gate.add_permits(100);
    for _ in 0..21 {
        timeout(PATIENCE, one.ended()).await.unwrap();
    }
    assert_eq!(world.counts(), (22, 22));
}

#[tokio::test]
async fn a_failure_is_tried_again_as_a_row_of_its_own() {
    let (database, world) = (Postgres::shared("retries").await, Arc::<World>::default());
    world.failing.lock().unwrap().insert(0);
    let work = Arc::new(Fake::new(&world, "one"));
    let one = Replica::start(&database.url(), "one", &world, work, &[due(0)]);
    until("three have failed", || one.ended().len() >= 3).await;
    world.failing.lock().unwrap().clear();
    let rotated = || one.ended().iter().any(|ended| matches!(ended.outcome, Outcome::Rotated(_)));
    until("one succeeds", rotated).await;
    let attempts: Vec<u32> = one.ended().iter().map(|ended| ended.due.attempt).collect();
    assert_eq!(attempts, (1..).take(attempts.len()).collect::<Vec<u32>>());
    assert!(world.doubted.lock().unwrap().is_empty(), "each try was begun once");
    let rows = database.query("SELECT DISTINCT idempotency_key FROM apalis.jobs WHERE status = 'Done'").await;
    assert_eq!((rows.len(), world.logins().len()), (attempts.len(), attempts.len()));
}

#[tokio::test]
async fn a_refused_login_is_a_dead_letter_until_a_run_succeeds_and_others_hear_of_it() {
    let (database, world) = (Postgres::shared("letters").await, Arc::<World>::default());
    world.refused.lock().unwrap().insert(0);
    let work = Fake { credentials: 1, ..Fake::new(&world, "one") };
    let mut one = Replica::start(&database.url(), "one", &world, Arc::new(work), &[due(0), due(1)]);
    let view = one.sees(|view| !view.dead_letters.is_empty()).await;
    let [letter] = &view.dead_letters[..] else { panic!("{:?}", view.dead_letters) };
    assert_eq!((&*letter.rotation, letter.attempt, letter.class.name()), ("0", 1, "login_refused"));
    assert_eq!((&*letter.replica, letter.occurrence), ("one", due(0).occurrence));
    until("both have ended", || one.ended().len() == 2).await;
    assert_eq!(*world.heard.lock().unwrap(), [0], "the run of 1 heard of 0");

    world.refused.lock().unwrap().clear();
    drop(one);
    let later = due(0).occurrence + chrono::TimeDelta::hours(1);
    let again = tokenferry_rotator::run::Due { occurrence: later, ..due(0) };
    let work = Arc::new(Fake::new(&world, "two"));
    let mut two = Replica::start(&database.url(), "two", &world, work, &[again]);
    until("it has ended", || two.ended().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    two.sees(|view| view.dead_letters.is_empty()).await;
}

#[tokio::test]
async fn a_row_that_nobody_understands_is_a_failure_and_tried_again_as_another() {
    let (database, world) = (Postgres::shared("garbled").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let plan: Vec<_> = (0..9).map(due).collect();
    let one = Replica::start(&database.url(), "one", &world, Arc::new(work), &plan);
    until("there is no room for the last one", || world.count(|world| &world.begun) == 8).await;
    database.execute("UPDATE apalis.jobs SET job = 'no errand' WHERE status = 'Pending'").await;
    gate.add_permits(10);
    until("all have ended", || one.ended().len() == 10).await;
    let ended = one.ended();
    let of = |attempt| ended.iter().filter(|ended| ended.due.attempt == attempt).collect::<Vec<_>>();
    let garbled = |outcome: &Outcome| matches!(outcome, Outcome::Failed { class, .. } if class.name() == "errand_garbled");
    assert_eq!(of(1).iter().filter(|ended| garbled(&ended.outcome)).count(), 1, "{ended:?}");
    assert!(matches!(of(2)[0].outcome, Outcome::Rotated(_)), "{ended:?}");
}
