//! What is submitted although a row of its key is done, and whether what came of that is an answer.

use std::sync::Arc;
use std::time::Duration;

use tokenferry_rotator::cluster::Cluster;
use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_rotator::run::{Due, Outcome};
use tokenferry_tests::postgres::{Database, Postgres};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::replica::{PATIENCE, Replica, cluster, outlive, until};
use crate::world::{Fake, World, due};

/// Whoever reads the entry counts from the first attempt then, as the failures of long ago did.
#[tokio::test]
async fn what_failed_before_a_success_is_no_answer_to_a_run_after_it() {
    let (database, world) = (Postgres::shared("stale").await, Arc::<World>::default());
    let mut one = leader(&database, &world, "one").await;
    for (rotation, troubles) in [(0, &world.refused), (1, &world.failing)] {
        troubles.lock().unwrap().insert(rotation);
        let outcome = run(&mut one, due(rotation)).await;
        assert!(!matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
        troubles.lock().unwrap().clear();
        let outcome = run(&mut one, Due { attempt: 2, ..due(rotation) }).await;
        assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    }
    let mut logins = world.logins().len();
    for name in ["one", "two", "three"] {
        if name != "one" {
            drop(one);
            one = leader(&database, &world, name).await;
        }
        for rotation in [0, 1] {
            world.lose(rotation);
            let outcome = run(&mut one, due(rotation)).await;
            assert!(matches!(outcome, Outcome::Rotated(_)), "{name}: {outcome:?}");
        }
        logins += 2;
        assert_eq!(world.logins().len(), logins);
    }

    world.lose(0);
    world.failing.lock().unwrap().insert(0);
    assert!(matches!(run(&mut one, due(0)).await, Outcome::Failed { .. }));
    drop(one);
    let mut next = leader(&database, &world, "next").await;
    let outcome = run(&mut next, due(0)).await;
    assert!(
        matches!(outcome, Outcome::Failed { .. }),
        "it is told of what came after the success: {outcome:?}"
    );
    assert_eq!(world.logins().len(), logins + 1);
}

#[tokio::test]
async fn failures_in_a_row_that_stand_in_the_database_only_are_told_one_after_the_other() {
    let (database, world) = (Postgres::shared("row").await, Arc::<World>::default());
    world.failing.lock().unwrap().insert(0);
    let mut one = leader(&database, &world, "one").await;
    let nth = |attempt| Due { attempt, ..due(0) };
    for attempt in 1..=2 {
        run(&mut one, nth(attempt)).await;
    }
    drop(one);
    let mut two = leader(&database, &world, "two").await;
    for (attempt, logins) in [(1, 2), (2, 2), (3, 3)] {
        assert!(matches!(run(&mut two, nth(attempt)).await, Outcome::Failed { .. }));
        assert_eq!(world.logins().len(), logins, "attempt {attempt}");
    }
}

#[tokio::test]
async fn two_leaders_call_a_run_once_more_by_the_same_name() {
    let (database, world) = (Postgres::shared("agreed").await, Arc::<World>::default());
    let mut one = leader(&database, &world, "one").await;
    run(&mut one, due(0)).await;
    drop(one);
    world.lose(0);
    let hangs = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, "two") };
    let two = Replica::start(&database.url(), "two", &world, Arc::new(hangs), &[due(0)]);
    until("it has begun", || world.count(|world| &world.begun) == 2).await;
    drop(two);
    let work = Arc::new(Fake::new(&world, "three"));
    let three = Replica::start(&database.url(), "three", &world, work, &[due(0)]);
    outlive(&database, "two", "it is done", || three.ended().len() == 1).await;
    assert_eq!(world.logins(), [(0, "one"), (0, "two"), (0, "three")]);
    let rows = database.query("SELECT status FROM apalis.jobs").await.concat();
    assert_eq!(rows, ["Done", "Done"], "that of the lost one, and one for both");
    assert_eq!(world.doubted.lock().unwrap()[..], [0, 0], "a waiting token may have been ended by each");
}

#[tokio::test]
async fn what_is_there_already_is_asked_about_until_there_is_an_answer() {
    let (database, world) = (Postgres::shared("asked").await, Arc::<World>::default());
    let mut one = leader(&database, &world, "one").await;
    run(&mut one, due(0)).await;
    world.lose(0);
    let user = database.user();
    database.execute(&format!("REVOKE SELECT ON tokenferry.outcomes FROM {user}")).await;
    one.submit(due(0));
    let told = timeout(Duration::from_secs(1), one.ended()).await;
    assert!(told.is_err(), "nobody knows yet: {told:?}");
    database.execute(&format!("GRANT SELECT ON tokenferry.outcomes TO {user}")).await;
    let ended = timeout(PATIENCE, one.ended()).await.unwrap();
    assert!(matches!(ended.outcome, Outcome::Rotated(_)), "{ended:?}");
    assert_eq!(world.logins().len(), 2, "not what came of the first run");
}

async fn leader(database: &Database, world: &Arc<World>, name: &'static str) -> Cluster {
    let leader = cluster(&database.url(), name, Arc::new(Fake::new(world, name)), 8);
    timeout(PATIENCE, leader.role().wait_for(|role| *role == Role::Leading)).await.unwrap().unwrap();
    leader
}

async fn run(cluster: &mut Cluster, due: Due) -> Outcome {
    cluster.submit(due);
    let ended = timeout(PATIENCE, cluster.ended()).await.unwrap();
    assert_eq!(ended.due, due);
    ended.outcome
}
