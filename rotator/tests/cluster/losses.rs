//! What is lost, and what comes of it: sessions, replicas, the database.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokenferry_rotator::cluster::{Guarded, Settings};
use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_rotator::run::{Outcome, Work as _};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::replica::{PATIENCE, Replica, cluster, connect, outlive, settings, until};
use crate::way::Way;
use crate::world::{Fake, World, due};

#[tokio::test]
async fn a_lost_lock_session_ends_the_run_and_the_work_goes_on_by_itself() {
    let (database, world) = (Postgres::shared("sessions").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let mut one = Replica::start(&database.url(), "one", &world, Arc::new(work), &[due(0)]);
    until("it has begun", || world.count(|world| &world.begun) == 1).await;

    assert!(database.terminate_sessions("tokenferry one").await > 0);
    until("it is given up", || world.count(|world| &world.given_up) == 1).await;
    assert_eq!(world.count(|world| &world.overlaps), 0);
    gate.add_permits(8);
    one.is(Role::Leading).await;
    let rotated = || one.ended().iter().any(|ended| matches!(ended.outcome, Outcome::Rotated(_)));
    until("another run succeeds", rotated).await;
    let first = &one.ended()[0];
    let is_lost =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed { class, .. } if class.name() == "lock_lost");
    assert!(is_lost(&first.outcome), "the scheduler waits before it tries again: {first:?}");
}

/// Nobody tells that they are lost: a pool waits for their answers, and PostgreSQL for questions, with the leader's lock.
#[tokio::test]
async fn connections_that_lead_nowhere_are_given_up_and_the_work_goes_on_over_new_ones() {
    let (database, world) = (Postgres::shared("nowhere").await, Arc::<World>::default());
    let (way, gate) = (Way::to(&database).await, Arc::new(Semaphore::new(0)));
    let plan: Vec<_> = (0..20).map(due).collect();
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let mut one = Replica::start_with(way.url(), &hasty("one"), &world, Arc::new(work), &plan);
    until("it has begun", || world.count(|world| &world.begun) == 8).await;

    for _ in 0..3 {
        way.swallow();
        one.is(Role::Disconnected).await;
        one.is(Role::Leading).await;
    }
    gate.add_permits(1_000);
    until("all are done", || (0..20).all(|rotation| world.entry(rotation).is_some())).await;
    let given_up = world.count(|world| &world.given_up);
    assert_eq!((world.counts(), world.count(|world| &world.overlaps)), ((20, 20 + given_up), 0));
}

#[tokio::test]
async fn what_is_done_beside_replicas_over_a_connection_that_leads_nowhere_is_in_nobodys_way_for_long() {
    let (postgres, world) = (Postgres::shared("ghost").await, Arc::<World>::default());
    let (way, gate) = (Way::to(&postgres).await, Arc::new(Semaphore::new(0)));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "once") };
    let hasty = hasty("once");
    let guarded = Guarded::start(&hasty, connect(way.url(), &hasty), Arc::new(work)).await.unwrap();
    let replica = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let beside = due(0);
    let (lost, ()) = tokio::join!(guarded.run(&beside), async {
        until("it has begun", || world.count(|world| &world.begun) == 1).await;
        way.swallow();
    });
    assert!(matches!(&lost, Outcome::Failed { class, .. } if class.name() == "lock_lost"), "{lost:?}");
    gate.add_permits(1);
    let one = Replica::start(&postgres.url(), "one", &world, Arc::new(replica), &[due(0)]);
    until("a replica does it", || one.ended().len() == 1).await;
    assert!(world.entry(0).is_some() && world.count(|world| &world.overlaps) == 0);
}

#[tokio::test]
async fn what_a_killed_replica_had_begun_is_run_by_another() {
    let (database, world) = (Postgres::shared("killed").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let plan: Vec<_> = (0..8).map(due).collect();
    let hangs = Fake { gate: Some(gate), ..Fake::new(&world, "one") };
    let one = Replica::start_with(&database.url(), &rarely("one"), &world, Arc::new(hangs), &plan);
    until("all have begun", || world.count(|world| &world.begun) == 8).await;
    let work = Arc::new(Fake::new(&world, "two"));
    let mut two = Replica::start_with(&database.url(), &rarely("two"), &world, work, &plan);
    two.is(Role::Standby).await;

    drop(one);
    two.is(Role::Leading).await;
    outlive(&database, "one", "all have ended", || two.ended().len() == 8).await;
    assert!((0..8).all(|rotation| world.entry(rotation).is_some()));
    assert_eq!(world.count(|world| &world.overlaps), 0);
    assert_eq!(world.doubted.lock().unwrap().len(), 8, "each may have been logged in for");
    let told = two.ended();
    assert!(told.iter().all(|ended| matches!(ended.outcome, Outcome::Rotated(_))), "{told:?}");
}

/// Else a replica that was killed with a long limit would make all others wait for as long.
#[tokio::test]
async fn what_a_killed_replica_had_begun_waits_for_its_own_limit_and_for_no_other() {
    let (database, world) = (Postgres::shared("limits").await, Arc::<World>::default());
    let plan: Vec<_> = (0..16).map(due).collect();
    let start = |name: &'static str, limit: Duration| {
        let work = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, name) };
        let settings = Settings { heartbeat_limit: limit, ..settings(name) };
        Replica::start_with(&database.url(), &settings, &world, Arc::new(work), &plan)
    };
    let patient = start("patient", Duration::from_hours(24));
    until("it has its share", || world.count(|world| &world.begun) == 8).await;
    let hasty = start("hasty", PATIENCE * 2);
    until("the other one has the rest", || world.count(|world| &world.begun) == 16).await;
    drop((patient, hasty));

    let work = Arc::new(Fake::new(&world, "two"));
    let two = Replica::start(&database.url(), "two", &world, work, &plan);
    database.execute("UPDATE apalis.workers SET last_seen = now() - interval '1 hour'").await;
    outlive(&database, "hasty", "its runs have ended", || two.ended().len() == 8).await;
    let left = database.query("SELECT count(*) FROM apalis.jobs WHERE lock_by LIKE 'patient %'").await;
    assert_eq!(left, [["8"]], "it may be silent for a day");
}

#[tokio::test]
async fn a_run_that_killed_three_replicas_is_given_to_no_other() {
    let (database, world) = (Postgres::shared("poison").await, Arc::<World>::default());
    for [dead, name] in [["nobody", "one"], ["one", "two"], ["two", "three"]] {
        let hangs = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, name) };
        let begun = world.count(|world| &world.begun);
        let mut killed = Replica::start(&database.url(), name, &world, Arc::new(hangs), &[due(0)]);
        killed.is(Role::Leading).await;
        outlive(&database, dead, "it has begun", || world.count(|world| &world.begun) > begun).await;
        drop(killed);
    }
    let gate = Arc::new(Semaphore::new(0));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "four") };
    let four = Replica::start(&database.url(), "four", &world, Arc::new(work), &[due(0)]);
    let view = four.view.clone();
    let is_seen = || !view.borrow().dead_letters.is_empty();
    outlive(&database, "three", "it is a dead letter", is_seen).await;
    assert_eq!(view.borrow().dead_letters[0].class.name(), "replica_lost");
    until("the scheduler hears of it", || !four.ended().is_empty()).await;
    let first = &four.ended()[0];
    assert!(matches!(first.outcome, Outcome::Refused { .. }), "it lasts, or it would take more: {first:?}");
}

#[tokio::test]
async fn who_leaves_while_the_database_is_away_does_not_wait_for_it() {
    let (mut postgres, world) = (Postgres::start().await, Arc::<World>::default());
    let hangs = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, "one") };
    let mut one = cluster(&postgres.url(), "one", Arc::new(hangs), 8);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    (0..3).for_each(|rotation| one.submit(due(rotation)));
    until("they have begun", || world.count(|world| &world.begun) == 3).await;

    postgres.crash().await;
    until("they are given up", || world.count(|world| &world.given_up) == 3).await;
    one.close();
    until("nothing runs any more", || one.running() == 0).await;
    timeout(PATIENCE, one.leave()).await.unwrap();
}

#[tokio::test]
async fn with_the_database_gone_nothing_runs_and_everything_is_done_once_it_is_back() {
    let (mut postgres, world) = (Postgres::start().await, Arc::<World>::default());
    let plan: Vec<_> = (0..400).map(due).collect();
    let mut replicas = ["one", "two", "three"].map(|name| {
        let work = Fake { takes: Duration::from_millis(30), credentials: 100, ..Fake::new(&world, name) };
        Replica::start(&postgres.url(), name, &world, Arc::new(work), &plan)
    });
    until("some are done", || world.count(|world| &world.begun) > 60).await;

    postgres.crash().await;
    for replica in &mut replicas {
        replica.is(Role::Disconnected).await;
        let view = replica.sees(|view| view.role == Role::Disconnected && view.trouble.is_some()).await;
        let trouble = view.trouble.unwrap();
        assert!(trouble.contains("goes on by itself") || trouble.contains("log of PostgreSQL"), "{trouble}");
    }
    let begun = world.count(|world| &world.begun);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.count(|world| &world.begun), begun, "nothing is dispatched");

    postgres.restart().await;
    until("all are done", || (0..400).all(|rotation| world.entry(rotation).is_some())).await;
    let (rotations, logins) = world.counts();
    assert_eq!((rotations, world.count(|world| &world.overlaps)), (400, 0));
    let given_up = world.count(|world| &world.given_up);
    assert_eq!(logins, 400 + given_up, "one effective login for each");
}

/// As a process that is stopped and goes on later: nothing of it runs, and its connections stay open.
#[tokio::test]
async fn a_replica_that_stood_still_for_too_long_is_replaced_and_does_no_harm_when_it_goes_on() {
    let (database, world) = (Postgres::shared("stopped").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let stale = Fake { gate: Some(Arc::clone(&gate)), is_stubborn: true, ..Fake::new(&world, "one") };
    let (stand_still, is_still) = mpsc::channel::<mpsc::Receiver<()>>();
    let (go_on, waits) = mpsc::channel();
    let (end, over) = tokio::sync::oneshot::channel::<()>();
    let (url, outside) = (database.url(), Arc::clone(&world));
    let one = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let replica = Replica::start_with(&url, &hasty("one"), &outside, Arc::new(stale), &[due(0)]);
            let watch = tokio::time::interval(Duration::from_millis(10));
            tokio::pin!(watch, over);
            loop {
                tokio::select! {
                    _ = watch.tick() => if let Ok(until) = is_still.try_recv() {
                        until.recv().unwrap();
                    },
                    _ = &mut over => return replica.ended().len(),
                }
            }
        })
    });
    until("it has begun", || world.count(|world| &world.begun) == 1).await;
    stand_still.send(waits).unwrap();

    let work = Arc::new(Fake::new(&world, "two"));
    let two = Replica::start_with(&database.url(), &rarely("two"), &world, work, &[due(0)]);
    outlive(&database, "one", "another one has done it", || world.entry(0).is_some()).await;
    let winner = world.entry(0);

    gate.add_permits(1);
    go_on.send(()).unwrap();
    until("its write is refused", || world.refused_writes.load(Ordering::Relaxed) == 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.entry(0), winner);
    assert_eq!(*two.role.borrow(), Role::Leading);
    let rows = database.query("SELECT status, attempts FROM apalis.jobs").await;
    assert_eq!(rows, [["Done", "2"]], "it was ended once, by who took it over");
    end.send(()).unwrap();
    assert_eq!(one.join().unwrap(), 0, "who lost the lead is told nothing");
}

/// One whose locks are soon free where it is silent.
fn hasty(name: &str) -> Settings {
    Settings { heartbeat_limit: Duration::from_secs(8), ..settings(name) }
}

/// Nobody waits for a heartbeat to see that another one is silent.
fn rarely(name: &str) -> Settings {
    Settings {
        heartbeat_interval: Duration::from_mins(20),
        heartbeat_limit: Duration::from_mins(50),
        ..settings(name)
    }
}
