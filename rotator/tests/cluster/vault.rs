//! Vault is away: for one replica, or for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokenferry_rotator::cluster::Settings;
use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::replica::{PATIENCE, Replica, cluster, outlive, settings, until};
use crate::world::{Fake, World, due};

/// Half of what a replica may be silent for: then one that misses Vault leaves the lead to others.
const A_WHILE: Duration = Duration::from_secs(3);

fn hasty(name: &str) -> Settings {
    Settings { heartbeat_limit: A_WHILE * 2, ..settings(name) }
}

/// A replica, and whether it misses Vault.
fn start(url: &str, name: &'static str, world: &Arc<World>, misses: bool) -> (Replica, Arc<AtomicBool>) {
    let misses = Arc::new(AtomicBool::new(misses));
    let work = Fake { misses_vault: Arc::clone(&misses), ..Fake::new(world, name) };
    let plan: Vec<_> = (0..40).map(due).collect();
    (Replica::start_with(url, &hasty(name), world, Arc::new(work), &plan), misses)
}

fn all_are_done(world: &World) -> bool {
    (0..40).all(|rotation| world.entry(rotation).is_some())
}

#[tokio::test]
async fn a_leader_that_alone_misses_vault_leaves_the_lead_to_one_that_reaches_it() {
    let (database, world) = (Postgres::shared("lead").await, Arc::<World>::default());
    let (mut one, misses) = start(&database.url(), "one", &world, true);
    one.is(Role::Leading).await;
    let (mut two, _) = start(&database.url(), "two", &world, false);
    two.is(Role::Leading).await;
    one.is(Role::Standby).await;
    until("all are done", || all_are_done(&world)).await;
    let view = two.sees(|view| view.replicas.iter().any(|other| other.reaches_vault == Some(false))).await;
    assert!(!view.gives_way && one.view.borrow().gives_way);

    misses.store(false, Ordering::Relaxed);
    one.sees(|view| !view.gives_way && view.replicas.iter().all(|one| one.reaches_vault == Some(true))).await;
    sleep(A_WHILE).await;
    assert_eq!((*one.role.borrow(), *two.role.borrow()), (Role::Standby, Role::Leading), "it stays there");
    drop(two);
    one.is(Role::Leading).await;
}

#[tokio::test]
async fn who_alone_misses_vault_takes_no_more_runs_until_it_is_back() {
    let (database, world) = (Postgres::shared("runs").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(1_000));
    let work = Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "one") };
    let mut one = cluster(&database.url(), "one", Arc::new(work), 8);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    let misses = Arc::new(AtomicBool::new(true));
    let work =
        Fake { misses_vault: Arc::clone(&misses), gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "two") };
    let mut two = Replica::start_with(&database.url(), &hasty("two"), &world, Arc::new(work), &[]);
    two.sees(|view| view.gives_way).await;
    (0..200).for_each(|rotation| one.submit(due(rotation)));
    for _ in 0..200 {
        timeout(PATIENCE, one.ended()).await.unwrap();
    }
    assert!(world.logins().iter().all(|(_, replica)| *replica == "one"), "{:?}", world.logins());

    misses.store(false, Ordering::Relaxed);
    two.sees(|view| !view.gives_way).await;
    let begun = world.count(|world| &world.begun);
    gate.forget_permits(1_000);
    (200..300).for_each(|rotation| one.submit(due(rotation)));
    until("both work", || world.count(|world| &world.begun) == begun + 16).await;
}

#[tokio::test]
async fn where_nobody_reaches_vault_the_lead_stays_and_runs_are_taken_as_ever() {
    let (database, world) = (Postgres::shared("nobody").await, Arc::<World>::default());
    let (mut one, one_misses) = start(&database.url(), "one", &world, false);
    one.is(Role::Leading).await;
    until("all are done", || all_are_done(&world)).await;
    let (mut two, two_misses) = start(&database.url(), "two", &world, false);
    two.sees(|view| view.replicas.iter().filter(|one| one.reaches_vault == Some(true)).count() == 2).await;

    one.role.mark_unchanged();
    one_misses.store(true, Ordering::Relaxed);
    two_misses.store(true, Ordering::Relaxed);
    sleep(A_WHILE * 2).await;
    one.sees(|view| view.replicas.iter().all(|one| one.reaches_vault == Some(false))).await;
    one.sees(|view| !view.gives_way).await;
    two.sees(|view| !view.gives_way).await;
    two_misses.store(false, Ordering::Relaxed);
    one_misses.store(false, Ordering::Relaxed);
    one.sees(|view| view.replicas.iter().all(|one| one.reaches_vault == Some(true))).await;
    assert!(!one.role.has_changed().unwrap(), "it has led all the time");
}

#[tokio::test]
async fn what_waits_for_a_run_of_a_lost_replica_waits_for_good_reason() {
    let (database, world) = (Postgres::shared("stuck").await, Arc::<World>::default());
    let [ours, theirs] = [0; 2].map(|_| Arc::new(Semaphore::new(0)));
    let work = |name, gate| {
        Arc::new(Fake { credentials: 10, gate: Some(Arc::clone(gate)), ..Fake::new(&world, name) })
    };
    let mut one = cluster(&database.url(), "one", work("one", &ours), 1);
    timeout(PATIENCE, one.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    one.submit(due(5));
    until("it is busy", || one.running() == 1).await;
    let two = Replica::start(&database.url(), "two", &world, work("two", &theirs), &[]);
    one.submit(due(0));
    one.submit(due(10));
    until("another one has begun", || world.logins().contains(&(0, "two"))).await;

    drop(two);
    ours.add_permits(1);
    timeout(PATIENCE, one.ended()).await.unwrap();
    until("it has nothing to do", || one.running() == 0).await;
    until("nothing is in the queue", || one.stuck_since().is_none()).await;
    assert!(one.waiting_since().is_some());
    ours.add_permits(2);
    outlive(&database, "two", "the run is taken over", || world.entry(0).is_some()).await;
    for _ in 0..2 {
        timeout(PATIENCE, one.ended()).await.unwrap();
    }
    assert!(world.entry(10).is_some());
    until("nothing waits", || one.waiting_since().is_none()).await;
}
