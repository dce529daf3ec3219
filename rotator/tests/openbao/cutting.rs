//! A process that ends at every request boundary: before what it asked for is done, or after.

use std::sync::Arc;

use serde_json::{Value, json};
use tokenferry_rotator::rotation::{Destination, Rotation};
use tokenferry_rotator::run::{Due, Reason, RotationId, Work};
use tokenferry_vault::FieldNames;

use crate::proxy::Proxy;
use crate::setting::{World, due_of, place, settings};

const ID: RotationId = RotationId(0);

fn rotation(world: &World) -> Arc<Rotation> {
    let names = FieldNames::new([("token", "access_token".to_owned())]).unwrap();
    world.rotation("home", &[place("one"), Destination { fields: names, ..place("two") }])
}

/// One life of a process: it looks what is there, and rotates. Whether it came to its end, and how many requests it made.
async fn life(world: &World, cut: Option<(usize, bool)>) -> (bool, usize) {
    let proxy = Proxy::start(&world.bao.address).await;
    if let Some((after, is_done)) = cut {
        proxy.end_after(after, is_done);
    }
    let runner = world.runner(rotation(world), world.vault_with(settings(&proxy.address)));
    let reason = match runner.standing(ID).await {
        Ok(standing) if standing.living.is_none() => Reason::NoToken,
        Ok(_) => Reason::Schedule,
        Err(_) => return (false, proxy.take().len()),
    };
    // A process that is gone does nothing more: what it still would try fails, too.
    let outcome = runner.run(&Due { reason, ..due_of(0) }).await;
    (matches!(outcome, tokenferry_rotator::run::Outcome::Rotated(_)), proxy.take().len())
}

async fn tokens(world: &World) -> Vec<Value> {
    let mut tokens = Vec::new();
    for (path, name) in [("one", "token"), ("two", "access_token")] {
        let url = format!("{}/v1/secret/data/{path}", world.bao.address);
        let http = crate::bao::http();
        let answer = http.get(url).header("X-Vault-Token", crate::bao::ROOT).send().await.unwrap();
        let found: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let data = &found["data"]["data"];
        if data.is_object() {
            assert_eq!(data["header_value"], format!("Bearer {}", data[name].as_str().unwrap()), "{path}");
            assert_eq!(data["serial"], found["data"]["metadata"]["version"], "{path}");
            tokens.push(data[name].clone());
        }
    }
    tokens
}

/// For each boundary, twice: on fresh paths, and where tokens stand already.
#[tokio::test]
async fn whatever_request_is_the_last_one_the_next_process_makes_it_whole() {
    for stands in [false, true] {
        let mut boundary = 0;
        loop {
            let mut came_to_its_end = false;
            for is_done in [false, true] {
                let world = World::new().await;
                let foreign = json!({ "data": { "password": "theirs" } });
                world.bao.root("POST", "secret/data/theirs", foreign).await;
                if stands {
                    assert!(life(&world, None).await.0);
                }
                let logins = world.logins().attempted;
                came_to_its_end = life(&world, Some((boundary, is_done))).await.0;
                let told = format!("boundary {boundary}, done {is_done}, stands {stands}");
                tokens(&world).await;
                assert!(life(&world, None).await.0, "{told}");
                let tokens = tokens(&world).await;
                assert!(tokens.len() == 2 && tokens[0] == tokens[1], "{told}");
                let counts = world.logins();
                assert_eq!(counts.attempted, counts.succeeded, "{told}");
                assert!(counts.attempted - logins <= 2, "{told}: {counts:?}");
                for path in ["one", "two"] {
                    assert_eq!(world.bao.notes(path).await["tokenferry_rotation"], "home", "{told}");
                }
                assert_eq!(world.bao.entry("theirs").await.1["version"], 1);
            }
            if came_to_its_end {
                break;
            }
            boundary += 1;
        }
        assert!(boundary >= 2, "nothing was cut");
    }
}
