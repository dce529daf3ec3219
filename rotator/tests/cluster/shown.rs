//! What replicas tell of one another.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_rotator::cluster::View;
use tokenferry_rotator::dispatch::Role;
use tokenferry_tests::postgres::Postgres;
use tokio::time::timeout;

use crate::replica::Replica;
use crate::world::{Fake, World};

fn start(url: &str, name: &'static str) -> Replica {
    let world = Arc::<World>::default();
    Replica::start(url, name, &world, Arc::new(Fake::new(&world, name)), &[])
}

fn leaders(view: &View) -> Vec<&str> {
    view.replicas
        .iter()
        .filter(|replica| replica.role == Role::Leading)
        .map(|replica| &*replica.name)
        .collect()
}

#[tokio::test]
async fn who_leads_is_told_by_the_lock_and_not_by_what_a_dead_one_said_last() {
    let database = Postgres::shared("leaders").await;
    let mut one = start(&database.url(), "one");
    one.is(Role::Leading).await;
    let mut two = start(&database.url(), "two");
    two.is(Role::Standby).await;
    two.sees(|view| leaders(view) == ["one"]).await;
    drop(one);
    let view = two.sees(|view| leaders(view) == ["two"]).await;
    let dead = view.replicas.iter().find(|replica| &*replica.name == "one").unwrap();
    assert!(dead.role == Role::Disconnected && !dead.is_alive(), "{dead:?}");
}

#[tokio::test]
async fn two_of_one_name_are_told_apart() {
    let database = Postgres::shared("names").await;
    let _one = start(&database.url(), "same");
    let mut two = start(&database.url(), "same");
    let view = two.sees(|view| view.replicas.len() == 2).await;
    assert!(view.replicas.iter().all(|replica| replica.has_namesake && replica.name.starts_with("same ")));
    assert_ne!(view.replicas[0].name, view.replicas[1].name);
}

#[tokio::test]
async fn whoever_is_cut_off_does_not_tell_that_it_stands_by() {
    let mut database = Postgres::start().await;
    let mut one = start(&database.url(), "one");
    one.sees(|view| leaders(view) == ["one"]).await;
    database.crash().await;
    let view = one.sees(|view| view.role == Role::Disconnected).await;
    assert_eq!(view.replicas[0].role, Role::Disconnected);
    let looked_at = view.looked_at.unwrap();
    let later = view.clone().at(looked_at + chrono::TimeDelta::seconds(60));
    let silent = |view: &View| view.replicas[0].silent_for.as_secs();
    assert_eq!(silent(&later), silent(&view) + 60);
}

/// Lets the server's side of all connections stand still, or go on.
fn signal(sessions: &[Vec<String>], signal: &str) {
    let sessions = sessions.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {sessions}")]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn why_a_database_that_stands_still_cannot_be_used_is_told_at_once() {
    let database = Postgres::start().await;
    let mut one = start(&database.url(), "one");
    one.sees(|view| leaders(view) == ["one"]).await;
    let sessions =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let sessions = database.query(sessions).await;
    signal(&sessions, "STOP");
    one.is(Role::Disconnected).await;
    // Whoever asks something of it waits for five seconds.
    let told = timeout(Duration::from_secs(2), one.sees(|view| view.trouble.is_some())).await;
    signal(&sessions, "CONT");
    assert_eq!(told.unwrap().role, Role::Disconnected);
}

#[tokio::test]
async fn who_stands_by_under_another_configuration_knows_who_leads() {
    let database = Postgres::shared("apart").await;
    let world = Arc::<World>::default();
    let mut one = start(&database.url(), "one");
    one.is(Role::Leading).await;
    let other = Fake { fingerprint: "another", ..Fake::new(&world, "two") };
    let mut two = Replica::start(&database.url(), "two", &world, Arc::new(other), &[]);
    let view = two.sees(|view| view.other_leader().is_some()).await;
    assert_eq!(&*view.other_leader().unwrap().name, "one");
    let view = one.sees(|view| view.replicas.len() == 2).await;
    assert!(view.other_leader().is_none(), "it is itself the one");
    drop(one);
    two.sees(|view| leaders(view) == ["two"] && view.other_leader().is_none()).await;
}
