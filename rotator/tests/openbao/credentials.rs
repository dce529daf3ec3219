use serde_json::json;
use tokenferry_rotator::run::{Outcome, Work};
use tokenferry_rotator::runner::Runner;
use tokenferry_sandbox::{Answer, Fault};

use crate::setting::{World, due_of, place};

/// Twelve rotations that log in as the same user.
fn twelve(world: &World) -> Runner {
    let names = (0..12).map(|n| format!("r{n}"));
    world.runner_of(names.map(|name| world.rotation(&name, &[place(&name)])).collect())
}

async fn class_of(runner: &Runner, rotation: u32) -> String {
    match runner.run(&due_of(rotation)).await {
        Outcome::Failed { class, .. } | Outcome::Refused { class } => class.name().to_owned(),
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_refused_login_is_not_repeated_by_the_other_rotations_of_the_credential() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let runner = twelve(&world);
    for rotation in 0..12 {
        assert_eq!(class_of(&runner, rotation).await, "login_refused");
    }
    assert_eq!(world.logins().attempted, 1);
    for rotation in ["r0", "r11"] {
        assert_eq!(world.bao.notes(rotation).await["tokenferry_refusals"], json!("1"));
    }
    world.clock.forward(15 * 60);
    class_of(&runner, 3).await;
    class_of(&runner, 4).await;
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn a_changed_password_is_tried_at_once() {
    let world = World::new().await;
    world.variables.set("PASSWORD", "wrong");
    let runner = twelve(&world);
    class_of(&runner, 0).await;
    world.variables.set("PASSWORD", "sandbox-password");
    let outcome = runner.run(&due_of(1)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    world.variables.set("PASSWORD", "wrong");
    class_of(&runner, 0).await;
    assert_eq!(world.logins().attempted, 3, "after a success the account counts anew");
}

#[tokio::test]
async fn a_rate_limit_holds_for_all_rotations_of_the_credential_until_its_time() {
    let world = World::new().await;
    let mut answer = Answer::new(429);
    answer.headers.insert("retry-after".to_owned(), "4000".to_owned());
    world.sandbox.control().fault(Fault::answer(answer).times(1));
    let runner = twelve(&world);
    for rotation in 0..12 {
        assert_eq!(class_of(&runner, rotation).await, "rate_limited");
    }
    world.clock.forward(4001);
    let outcome = runner.run(&due_of(7)).await;
    assert!(matches!(outcome, Outcome::Rotated(_)), "{outcome:?}");
    assert_eq!(world.logins().attempted, 2);
}
