//! A database that grants locks and cannot be written, and one that is somewhere else all of a sudden.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenferry_rotator::cluster::Settings;
use tokenferry_rotator::dispatch::Role;
use tokenferry_sources::Reference;
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;

use crate::replica::{Replica, settings, until};
use crate::world::{Fake, World, due};

#[tokio::test]
async fn who_may_only_read_is_no_replica_until_he_may_write() {
    let (database, world) = (Postgres::shared("readers").await, Arc::<World>::default());
    let role = format!("ALTER ROLE {} IN DATABASE {}", database.user(), database.name());
    let administrator = database.administrator();
    administrator.execute(&format!("{role} SET default_transaction_read_only = on")).await;
    let work = Arc::new(Fake::new(&world, "one"));
    let mut one = Replica::start(&database.url(), "one", &world, work, &[due(0)]);
    let told = one.sees(|view| view.trouble.is_some()).await.trouble.unwrap();
    assert!(told.contains("SQLSTATE 25006") && told.contains("primary"), "{told}");
    administrator.execute(&format!("{role} RESET default_transaction_read_only")).await;
    until("it is done", || one.ended().len() == 1).await;

    administrator.execute(&format!("{role} SET default_transaction_read_only = on")).await;
    database.terminate_sessions("tokenferry one").await;
    one.is(Role::Disconnected).await;
    let told = one.sees(|view| view.trouble.as_ref().is_some_and(|told| told.contains("25006"))).await;
    assert_eq!(told.role, Role::Disconnected);
}

#[tokio::test]
async fn a_server_that_takes_nothing_any_more_is_noticed_and_work_goes_on_when_it_does_again() {
    let (database, world) = (Postgres::start().await, Arc::<World>::default());
    let work = Arc::new(Fake::new(&world, "one"));
    let mut one = Replica::start(&database.url(), "one", &world, work, &[due(0)]);
    one.is(Role::Leading).await;
    let administrator = database.administrator();
    administrator.execute("ALTER SYSTEM SET default_transaction_read_only = on").await;
    administrator.execute("SELECT pg_reload_conf()").await;
    one.is(Role::Disconnected).await;
    administrator.execute("ALTER SYSTEM RESET default_transaction_read_only").await;
    administrator.execute("SELECT pg_reload_conf()").await;
    one.is(Role::Leading).await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_named_and_work_goes_on_when_it_is_back() {
    let (database, world) = (Postgres::shared("revoked").await, Arc::<World>::default());
    let work = Arc::new(Fake::new(&world, "one"));
    let mut one = Replica::start(&database.url(), "one", &world, Arc::clone(&work) as _, &[]);
    one.is(Role::Leading).await;
    drop(one);
    database.execute(&format!("REVOKE INSERT ON tokenferry.outcomes FROM {}", database.user())).await;
    let mut one = Replica::start(&database.url(), "one", &world, Arc::clone(&work) as _, &[due(0)]);
    let told = one.sees(|view| view.trouble.is_some()).await.trouble.unwrap();
    assert!(told.contains("it lacks INSERT ON tokenferry.outcomes"), "{told}");
    let grant = format!("GRANT INSERT ON tokenferry.outcomes TO {}", database.user());
    database.execute(&grant).await;
    until("it is done", || one.ended().len() == 1).await;
    drop(one);

    let gate = Arc::new(Semaphore::new(0));
    let gated = Arc::new(Fake { gate: Some(Arc::clone(&gate)), ..Fake::new(&world, "two") });
    let begun = world.begun.load(Ordering::Relaxed);
    let mut two = Replica::start(&database.url(), "two", &world, gated, &[due(1)]);
    until("it has begun", || world.begun.load(Ordering::Relaxed) > begun).await;
    database.execute(&format!("REVOKE INSERT ON tokenferry.outcomes FROM {}", database.user())).await;
    gate.add_permits(8);
    until("it was run", || world.entry(1).is_some()).await;
    two.sees(|view| view.trouble.as_ref().is_some_and(|told| told.contains("INSERT ON"))).await;
    database.execute(&grant).await;
    two.is(Role::Leading).await;
}

#[tokio::test]
async fn another_password_is_found_where_the_former_one_was() {
    let (database, world) = (Postgres::start().await, Arc::<World>::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, database.url()).unwrap();
    let settings = Settings { database_url: Reference::File(file.clone()), ..settings("one") };
    let work = Arc::new(Fake::new(&world, "one"));
    let mut one = Replica::start_with(&database.url(), &settings, &world, work, &[due(0)]);
    until("it is done", || one.ended().len() == 1).await;

    let other = "another-password";
    let change = format!("ALTER ROLE {} PASSWORD '{other}'", database.user());
    database.administrator().execute(&change).await;
    assert!(database.terminate_sessions("tokenferry one").await > 0);
    let told = one.sees(|view| view.trouble.as_ref().is_some_and(|told| told.contains("28P01"))).await;
    assert_eq!(told.role, Role::Disconnected);
    std::fs::write(&file, database.url().replace(database.password(), other)).unwrap();
    one.is(Role::Leading).await;
    one.sees(|view| view.replicas.iter().any(|replica| replica.silent_for < Duration::from_secs(1))).await;
}
