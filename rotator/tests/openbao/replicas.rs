//! Several processes with one configuration, which read an entry before each run.

use tokenferry_rotator::run::{Due, Outcome, Reason, Work as _};
use tokenferry_rotator::runner::Runner;

use crate::setting::{World, due, due_of, place};

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
