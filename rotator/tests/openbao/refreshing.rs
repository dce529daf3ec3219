//! Zenoti's refresh tokens, kept in an entry of their own.

use std::sync::Arc;

use serde_json::{Value, json};
use tokenferry_rotator::rotation::Rotation;
use tokenferry_rotator::runner::Runner;
use tokenferry_sandbox::GrantCounts;
use tokenferry_vault::VaultSettings;

use crate::bao::ROOT;
use crate::proxy::Proxy;
use crate::setting::{World, entry, place, rotated, settings};

const SESSION: &str = "sessions/salon";

fn rotation(world: &World) -> Arc<Rotation> {
    let rotation = Arc::into_inner(world.rotation_of("zenoti", &[], "home", &[place("home")])).unwrap();
    let mut source = Arc::into_inner(rotation.source).unwrap();
    source.session = Some(Box::new(entry(SESSION)));
    Arc::new(Rotation { source: Arc::new(source), ..rotation })
}

fn runner(world: &World) -> Runner {
    runner_at(world, settings(&world.bao.address))
}

fn runner_at(world: &World, settings: VaultSettings) -> Runner {
    world.runner(rotation(world), world.vault_with(settings))
}

fn logins(world: &World) -> (GrantCounts, u64) {
    let counters = world.sandbox.control().counters();
    (counters.all_logins("zenoti"), counters.renewals("zenoti", "sandbox").succeeded)
}

/// Whether the token that readers find is good, and the session is whole.
async fn is_good(world: &World) -> bool {
    let header = world.bao.entry("home").await.0["header_value"].as_str().unwrap().to_owned();
    let url = format!("{}/v1/centers", world.sandbox.zenoti_base_url());
    let answer = crate::bao::http().get(url).header("Authorization", header).send().await.unwrap();
    answer.status().is_success()
}

async fn session(world: &World) -> Value {
    world.bao.entry(SESSION).await.0
}

#[tokio::test]
async fn the_first_run_logs_in_and_the_next_ones_refresh_also_after_a_restart() {
    let world = World::new().await;
    let first = runner(&world);
    rotated(&first).await;
    let (kept, metadata) = world.bao.entry(SESSION).await;
    assert!(kept["refresh_token"].is_string() && kept["expires_at"].is_string(), "{kept}");
    assert_eq!(kept["source"], "zenoti.home");
    assert_eq!(metadata["custom_metadata"], json!({ "tokenferry_session": "zenoti.home" }));
    rotated(&first).await;
    rotated(&runner(&world)).await;
    let (logins, refreshes) = logins(&world);
    assert_eq!((logins.attempted, refreshes), (1, 2));
    assert!(is_good(&world).await);
    assert_ne!(session(&world).await["refresh_token"], kept["refresh_token"]);
    let metadata = world.bao.root("GET", &format!("secret/metadata/{SESSION}"), Value::Null).await;
    assert_eq!(metadata["data"]["max_versions"], 1);
    assert_eq!(metadata["data"]["versions"].as_object().unwrap().len(), 1, "what is spent is not kept");
    let home = world.bao.entry("home").await.0;
    assert!(!home.to_string().contains(session(&world).await["refresh_token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_refresh_token_that_is_dead_missing_or_over_gives_way_to_a_login() {
    for spoilt in ["spent", "deleted", "gone", "over"] {
        let world = World::new().await;
        rotated(&runner(&world)).await;
        let mut kept = session(&world).await;
        let at = format!("secret/data/{SESSION}");
        match spoilt {
            "spent" => {
                rotated(&runner(&world)).await;
                drop(world.bao.root("POST", &at, json!({ "data": kept })).await);
            }
            "deleted" => drop(world.bao.root("DELETE", &at, Value::Null).await),
            "gone" => {
                drop(world.bao.root("DELETE", &format!("secret/metadata/{SESSION}"), Value::Null).await);
            }
            _ => {
                kept["expires_at"] = json!("2020-01-01T00:00:00Z");
                drop(world.bao.root("POST", &at, json!({ "data": kept })).await);
            }
        }
        let runner = runner(&world);
        rotated(&runner).await;
        let (counts, _) = logins(&world);
        assert_eq!((counts.attempted, counts.succeeded), (2, 2), "{spoilt}");
        assert!(is_good(&world).await, "{spoilt}");
        rotated(&runner).await;
        assert_eq!(logins(&world).0.attempted, 2, "it refreshes again: {spoilt}");
        assert_eq!(
            world.bao.notes(SESSION).await,
            json!({ "tokenferry_session": "zenoti.home" }),
            "{spoilt}"
        );
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_costs_no_token_and_no_refused_login() {
    let world = World::new().await;
    rotated(&runner(&world)).await;
    let policy = r#"path "secret/data/home" { capabilities = ["create", "read", "update"] }
                    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
                    path "secret/data/sessions/*" { capabilities = ["read"] }"#;
    world.variables.set("VAULT_TOKEN", &world.token_with(policy).await);
    let dying = runner(&world);
    assert_eq!(rotated(&dying).await, 2);
    assert!(is_good(&world).await);
    drop(dying);
    world.variables.set("VAULT_TOKEN", ROOT);
    // What is kept is spent by now.
    assert_eq!(rotated(&runner(&world)).await, 3);
    assert!(is_good(&world).await);
    let (counts, refreshes) = logins(&world);
    assert_eq!((counts.attempted, counts.succeeded, refreshes), (2, 2, 1));
}

#[tokio::test]
async fn a_session_of_somebody_else_is_left_alone_and_readers_get_their_token() {
    for notes in
        [json!({}), json!({ "tokenferry_session": "zenoti.other" }), json!({ "tokenferry_rotation": "x" })]
    {
        let world = World::new().await;
        let theirs = json!({ "refresh_token": "theirs" });
        world.bao.root("POST", &format!("secret/data/{SESSION}"), json!({ "data": theirs })).await;
        let metadata = json!({ "custom_metadata": notes });
        world.bao.root("POST", &format!("secret/metadata/{SESSION}"), metadata).await;
        let runner = runner(&world);
        assert_eq!((rotated(&runner).await, rotated(&runner).await), (1, 2));
        let (found, metadata) = world.bao.entry(SESSION).await;
        assert_eq!((&found, &metadata["version"]), (&theirs, &json!(1)));
        assert_eq!(logins(&world).0.attempted, 2);
        assert!(is_good(&world).await);
    }
}

#[tokio::test]
async fn a_deleted_session_of_somebody_else_is_theirs_until_it_is_destroyed() {
    let world = World::new().await;
    let theirs = json!({ "data": { "refresh_token": "theirs" } });
    world.bao.root("POST", &format!("secret/data/{SESSION}"), theirs).await;
    world.bao.root("DELETE", &format!("secret/data/{SESSION}"), Value::Null).await;
    rotated(&runner(&world)).await;
    let metadata = async || world.bao.root("GET", &format!("secret/metadata/{SESSION}"), Value::Null).await;
    assert_eq!(metadata().await["data"]["current_version"], 1);
    let all = json!({ "versions": [1] });
    world.bao.root("PUT", &format!("secret/destroy/{SESSION}"), all).await;
    rotated(&runner(&world)).await;
    assert_eq!(metadata().await["data"]["current_version"], 2);
}

#[tokio::test]
async fn a_write_of_the_session_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let runner = runner_at(&world, settings(&proxy.address));
    for lost in ["POST /v1/secret/data/sessions/salon", "POST /v1/secret/metadata/sessions/salon"] {
        proxy.lose(lost, 1);
        rotated(&runner).await;
        assert_eq!(proxy.take().iter().filter(|seen| *seen == lost).count(), 1, "{lost}");
        drop(world.bao.root("DELETE", &format!("secret/metadata/{SESSION}"), Value::Null).await);
    }
    rotated(&runner).await;
    rotated(&runner).await;
    assert_eq!(logins(&world).1, 1);
    assert!(is_good(&world).await);
}

#[tokio::test]
async fn the_new_refresh_token_is_kept_before_readers_get_their_token() {
    let world = World::new().await;
    rotated(&runner(&world)).await;
    let proxy = Proxy::start(&world.bao.address).await;
    let runner = runner_at(&world, settings(&proxy.address));
    rotated(&runner).await;
    let writes: Vec<String> = proxy.take().into_iter().filter(|seen| seen.starts_with("POST")).collect();
    assert_eq!(writes, ["POST /v1/secret/data/sessions/salon", "POST /v1/secret/data/home"]);
}

#[tokio::test]
async fn a_try_without_writing_spends_nothing() {
    let world = World::new().await;
    rotated(&runner(&world)).await;
    let before = world.bao.entry(SESSION).await;
    rotated(&runner(&world).dry_run(true)).await;
    assert_eq!(world.bao.entry(SESSION).await, before);
    assert_eq!(logins(&world).1, 0);
    assert!(is_good(&world).await);
}
