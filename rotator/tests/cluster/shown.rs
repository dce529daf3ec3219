//! What replicas tell of one another.

use std::sync::Arc;

use tokenferry_rotator::cluster::View;
use tokenferry_rotator::dispatch::Role;
use tokenferry_tests::postgres::Postgres;

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
