//! Other names for the fields of an entry.

use serde_json::json;
use tokenferry_rotator::rotation::Destination;
use tokenferry_rotator::run::RotationId;
use tokenferry_rotator::runner::Runner;
use tokenferry_vault::FieldNames;

use crate::proxy::Proxy;
use crate::setting::{World, entry, place, rotated, settings};

const ID: RotationId = RotationId(0);

fn named(renamed: &[(&'static str, &str)]) -> Destination {
    let names = renamed.iter().map(|(field, name)| (*field, (*name).to_owned()));
    Destination { fields: FieldNames::new(names).unwrap(), ..place("home") }
}

fn runner(world: &World, renamed: &[(&'static str, &str)]) -> Runner {
    world.runner(world.rotation("home", &[named(renamed)]), world.vault())
}

const ALL: [(&str, &str); 6] = [
    ("token", "access_token"),
    ("expires_at", "exp"),
    ("schema", "v"),
    ("serial", "n"),
    ("rotation", "who"),
    ("issued_at", "iat"),
];

#[tokio::test]
async fn readers_find_the_names_that_they_look_for_and_so_does_a_restart() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let runner =
        world.runner(world.rotation("home", &[named(&ALL)]), world.vault_with(settings(&proxy.address)));
    assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
    assert_eq!(proxy.take().last().unwrap(), "POST /v1/secret/data/home", "names cost no request");
    let (found, metadata) = world.bao.entry("home").await;
    assert!(found["access_token"].is_string() && found["exp"].is_string() && found["token"].is_null());
    assert_eq!((&found["n"], &found["v"], &found["who"]), (&json!(2), &json!(1), &json!("home")));
    assert!(metadata["custom_metadata"]["tokenferry_fields"].as_str().unwrap().contains("access_token"));

    let again = self::runner(&world, &ALL);
    let living = again.standing(ID).await.unwrap().living.unwrap();
    assert_eq!((living.version, living.expires_at.is_some()), (2, true));
    assert_eq!(rotated(&again).await, 3);
    assert_eq!(world.bao.entry("home").await.0["n"], 3);
}

#[tokio::test]
async fn an_entry_under_former_names_gets_its_new_ones_without_a_login() {
    let world = World::new().await;
    rotated(&runner(&world, &[])).await;
    let before = world.bao.entry("home").await.0;
    let mut version = 1;
    for names in [&ALL[..], &[("token", "secret")], &[], &[("expires_at", "end")], &[("subject", "user")]] {
        let runner = runner(&world, names);
        let standing = runner.standing(ID).await.unwrap();
        assert_eq!(standing.living, None, "readers find nothing by these names yet: {names:?}");
        version += 1;
        assert_eq!(rotated(&runner).await, version, "{names:?}");
        let (found, metadata) = world.bao.entry("home").await;
        let named = named(names).fields;
        assert_eq!(found[named.of("token")], before["token"], "{names:?}");
        assert_eq!(found[named.of("expires_at")], before["expires_at"], "{names:?}");
        assert_eq!(found[named.of("serial")], version, "{names:?}");
        assert_eq!(
            metadata["custom_metadata"]["tokenferry_fields"].is_string(),
            !names.is_empty(),
            "{names:?}"
        );
        for (field, _) in named.renamed() {
            assert!(found[field].is_null(), "{field} is still there");
        }
    }
    assert_eq!(world.logins().attempted, 1);
}

#[tokio::test]
async fn a_dead_token_under_former_names_is_replaced_by_a_login() {
    let world = World::new().await;
    rotated(&runner(&world, &[])).await;
    world.clock.forward(700);
    world.sandbox.control().fault(tokenferry_sandbox::Fault::clock_skew(700));
    assert_eq!(rotated(&runner(&world, &ALL)).await, 2);
    assert_eq!(world.bao.entry("home").await.0["n"], 2);
    assert_eq!(world.logins().attempted, 2);
}

#[tokio::test]
async fn an_unmarked_entry_under_other_names_is_nobodys() {
    let world = World::new().await;
    rotated(&runner(&world, &ALL)).await;
    world.bao.root("POST", "secret/metadata/home", json!({ "custom_metadata": {} })).await;
    let failed = crate::setting::failed(&runner(&world, &[])).await;
    assert_eq!(failed, ("foreign_entry".to_owned(), true));
    assert_eq!(rotated(&runner(&world, &ALL)).await, 2);
}

#[tokio::test]
async fn a_reader_of_plain_entries_is_told_which_field_is_renamed() {
    let world = World::new().await;
    rotated(&runner(&world, &[("token", "access_token")])).await;
    let error = world.vault().read_rotated(&entry("home")).await.unwrap_err();
    let said = format!("{error} {}", error.advice());
    assert!(said.contains("no usable field `token`") && said.contains("`fields`"), "{said}");
}
