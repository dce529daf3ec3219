//! Who leads changes, and so does the configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_rotator::run::{Outcome, RotationId};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::replica::{PATIENCE, Replica, cluster, outlive, until};
use crate::world::{Fake, GONE, World, due};

#[tokio::test]
async fn what_is_submitted_again_by_the_next_leader_is_there_once_and_what_is_new_is_not_lost() {
    let (database, world) = (Postgres::shared("again").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let gated = |name| Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, name) };
    let first: Vec<_> = (0..300).map(due).collect();
    let one = Replica::start(&database.url(), "one", &world, Arc::new(gated("one")), &first);
    until("it works", || world.count(|world| &world.begun) == 8).await;
    let all: Vec<_> = (0..400).map(due).collect();
    let mut two = Replica::start(&database.url(), "two", &world, Arc::new(gated("two")), &all);
    until("both work", || world.count(|world| &world.begun) == 16).await;
    drop(one);
    two.is(Role::Leading).await;
    gate.add_permits(1_000);
    outlive(&database, "one", "all have ended", || two.ended().len() == 400).await;
    assert_eq!(world.counts(), (400, 408), "eight were begun by who was killed, too");
    let rows = database.query("SELECT count(*), count(DISTINCT idempotency_key) FROM apalis.jobs").await;
    assert_eq!(rows, [["400", "400"]]);
}

#[tokio::test]
async fn a_failure_that_the_last_leader_did_not_hear_of_is_told_to_the_next() {
    let (database, world) = (Postgres::shared("known").await, Arc::<World>::default());
    world.refused.lock().unwrap().insert(0);
    let mut leader = cluster(&database.url(), "leader", Arc::new(Fake::new(&world, "leader")), 1);
    timeout(PATIENCE, leader.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    leader.submit(due(0));
    until("it was run", || world.logins().len() == 1).await;
    let age = "UPDATE tokenferry.outcomes SET at = at - interval '1 hour' RETURNING key";
    while database.query(age).await.is_empty() {}
    drop(leader);
    let work = Arc::new(Fake::new(&world, "two"));
    let two = Replica::start(&database.url(), "two", &world, work, &[due(0)]);
    until("it is told", || two.ended().len() == 1).await;
    assert!(matches!(two.ended()[0].outcome, Outcome::Refused { .. }), "{:?}", two.ended());
    assert!(two.ended()[0].ago >= Duration::from_hours(1), "with the time that has passed since");
    assert_eq!(world.logins(), [(0, "leader")], "and not sent once more");
}

/// As when the entry is read before it is written, and the row looked for afterwards.
#[tokio::test]
async fn a_success_that_the_next_leader_finds_in_the_entry_has_no_second_row() {
    let (database, world) = (Postgres::shared("found").await, Arc::<World>::default());
    let plan: Vec<_> = (0..100).map(due).collect();
    let one = Replica::start(&database.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &plan);
    until("all is done", || one.ended().len() == 100).await;
    drop(one);
    let mut two = cluster(&database.url(), "two", Arc::new(Fake::new(&world, "two")), 4);
    timeout(PATIENCE, two.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    for due in &plan {
        two.submit(*due);
    }
    for _ in &plan {
        let ended = timeout(PATIENCE, two.ended()).await.unwrap();
        let version = world.entry(ended.due.rotation.0).map(|_| 1);
        assert!(matches!(ended.outcome, Outcome::AlreadyDone(living) if Some(living.version) == version));
        assert_eq!((ended.aftermath.logins, ended.aftermath.ended_token), (0, false));
    }
    let rows = database.query("SELECT count(*) FROM apalis.jobs").await;
    assert_eq!((rows, world.logins().len()), (vec![vec!["100".to_owned()]], 100));
}

#[tokio::test]
async fn a_success_that_the_next_leader_does_not_find_is_run_again() {
    let (database, world) = (Postgres::shared("lost").await, Arc::<World>::default());
    let one = Replica::start(&database.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &[due(0)]);
    until("it is done", || one.ended().len() == 1).await;
    drop(one);
    // Its entry is gone, as by a backup that was restored.
    let other = Arc::<World>::default();
    let work = Arc::new(Fake::new(&other, "two"));
    let two = Replica::start(&database.url(), "two", &other, work, &[due(0)]);
    until("it is done again", || two.ended().len() == 1).await;
    assert_eq!(other.logins(), [(0, "two")]);
    let rows = database.query("SELECT idempotency_key FROM apalis.jobs ORDER BY id").await.concat();
    let [first, again] = &rows[..] else { panic!("{rows:?}") };
    assert!(again.starts_with(&format!("{first}~")), "by a row that says so: {rows:?}");
}

#[tokio::test]
async fn who_shares_a_credential_hears_of_a_refusal_also_when_its_run_is_submitted_again() {
    let (database, world) = (Postgres::shared("heeding").await, Arc::<World>::default());
    let of = |world| Fake { credentials: 1, ..Fake::new(world, "one") };
    let one = Replica::start(&database.url(), "one", &world, Arc::new(of(&world)), &[due(1)]);
    until("it is done", || one.ended().len() == 1).await;
    drop(one);
    let other = Arc::<World>::default();
    other.refused.lock().unwrap().insert(0);
    let two = Replica::start(&database.url(), "two", &other, Arc::new(of(&other)), &[due(0), due(1)]);
    until("both have ended", || two.ended().len() == 2).await;
    assert_eq!(other.heard.lock().unwrap()[..], [0], "what was done is gone, so it is run again");
}

#[tokio::test]
async fn what_waits_and_is_configured_no_longer_ends_and_leaves_its_credential_to_others() {
    let (database, world) = (Postgres::shared("withdrawn").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let before = Fake {
        credentials: 2,
        gate: Some(Arc::clone(&gate)),
        fingerprint: "before",
        ..Fake::new(&world, "one")
    };
    let mut one = cluster(&database.url(), "one", Arc::new(before), 1);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    one.submit(due(0));
    until("it has begun", || world.count(|world| &world.begun) == 1).await;
    one.submit(due(1));

    let after = Fake { credentials: 2, fingerprint: "after", ..Fake::new(&world, "one") };
    one.succeed(Arc::new(after), 1, &mut |RotationId(id)| RotationId(if id == 1 { GONE } else { id }));
    one.submit(due(3));
    gate.add_permits(1);
    let mut ended = Vec::new();
    while ended.len() < 3 {
        let run = timeout(PATIENCE, one.ended()).await.expect("all of it ends");
        ended.push((run.due.rotation.0, matches!(run.outcome, Outcome::Rotated(_))));
    }
    ended.sort_unstable();
    assert_eq!(ended, [(0, true), (3, true), (GONE, false)]);
    assert_eq!(world.logins(), [(0, "one"), (3, "one")]);
}

#[tokio::test]
async fn under_a_new_configuration_what_waits_is_run_by_those_who_have_it() {
    let (database, world) = (Postgres::shared("reloads").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let before = Fake { gate: Some(Arc::clone(&gate)), fingerprint: "before", ..Fake::new(&world, "one") };
    let mut one = cluster(&database.url(), "one", Arc::new(before), 2);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    (0..6).for_each(|rotation| one.submit(due(rotation)));
    until("two have begun", || world.count(|world| &world.begun) == 2).await;

    let after = Fake { fingerprint: "after", ..Fake::new(&world, "one") };
    assert!(one.withdraw().is_empty(), "all of it is in the queue");
    one.succeed(Arc::new(after), 2, &mut |RotationId(id)| RotationId(id + 100));
    gate.add_permits(2);
    let mut ended = Vec::new();
    while ended.len() < 6 {
        ended.push(timeout(PATIENCE, one.ended()).await.expect("all of it ends").due.rotation.0);
    }
    ended.sort_unstable();
    assert_eq!(ended, [100, 101, 102, 103, 104, 105]);
    assert_eq!(world.logins().len(), 6);
}

#[tokio::test]
async fn what_a_dead_replica_had_begun_under_a_former_configuration_is_run_under_the_new_one() {
    let (database, world) = (Postgres::shared("former").await, Arc::<World>::default());
    let work = |name, gate| Fake { gate: Some(gate), fingerprint: "before", ..Fake::new(&world, name) };
    let gate = Arc::new(Semaphore::new(0));
    let mut one = cluster(&database.url(), "one", Arc::new(work("one", Arc::clone(&gate))), 1);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    one.submit(due(0));
    until("it has begun", || world.count(|world| &world.begun) == 1).await;
    let hangs = Arc::new(work("two", Arc::new(Semaphore::new(0))));
    let two = Replica::start(&database.url(), "two", &world, hangs, &[]);
    one.submit(due(1));
    until("another one has begun, too", || world.count(|world| &world.begun) == 2).await;

    one.succeed(Arc::new(Fake { fingerprint: "after", ..Fake::new(&world, "one") }), 1, &mut |id| id);
    drop(two);
    gate.add_permits(1);
    let ended = AtomicUsize::new(0);
    let all = async {
        for count in 1..=2 {
            one.ended().await;
            ended.store(count, Ordering::Relaxed);
        }
    };
    let are_told = || ended.load(Ordering::Relaxed) == 2;
    tokio::join!(timeout(PATIENCE, all), outlive(&database, "two", "both have ended", are_told)).0.unwrap();
    assert_eq!(world.logins(), [(0, "one"), (1, "two"), (1, "one")]);
}

#[tokio::test]
async fn whoever_leaves_ends_what_it_has_begun_and_hands_over_the_lead_at_once() {
    let (database, world) = (Postgres::shared("leaving").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let mut one = cluster(&database.url(), "one", Arc::new(work), 2);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    let plan: Vec<_> = (0..6).map(due).collect();
    for due in &plan {
        one.submit(*due);
    }
    until("two have begun", || world.count(|world| &world.begun) == 2).await;

    one.close();
    let work = Arc::new(Fake::new(&world, "two"));
    let mut two = Replica::start(&database.url(), "two", &world, work, &plan);
    two.is(Role::Leading).await;
    assert_eq!(one.running(), 2);
    until("the others are done", || world.logins().len() == 6).await;
    gate.add_permits(2);
    until("it has ended what it had begun", || one.running() == 0).await;
    until("all are told", || two.ended().len() == 6).await;
    assert_eq!((world.counts(), world.count(|world| &world.overlaps)), ((6, 6), 0));
}
