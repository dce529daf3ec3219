//! Zenoti's refresh tokens, kept in an entry of their own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokenferry_rotator::rotation::{Destination, Rotation};
use tokenferry_rotator::run::{Aftermath, Living, Outcome, RotationId, Work as _};
use tokenferry_rotator::runner::{Runner, SessionState};
use tokenferry_rotator::source::{Reference, Setting};
use tokenferry_sandbox::{Answer, Fault, GrantCounts};
use tokenferry_sources::{Timestamp, rfc3339};
use tokenferry_vault::VaultSettings;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::bao::ROOT;
use crate::proxy::Proxy;
use crate::setting::{World, entry, failed, place, rotated, run, settings};

const SESSION: &str = "sessions/salon";
const SESSION_WRITE: &str = "POST /v1/secret/data/sessions/salon";

fn rotation(world: &World) -> Arc<Rotation> {
    rotation_into(world, &[place("home")])
}

fn rotation_into(world: &World, destinations: &[Destination]) -> Arc<Rotation> {
    rotation_of(world, "zenoti.home", destinations)
}

fn rotation_of(world: &World, name: &str, destinations: &[Destination]) -> Arc<Rotation> {
    let password = ("password", Setting::Reference(Reference::Env("PASSWORD".to_owned())));
    let rotation = Arc::into_inner(world.rotation_of("zenoti", &[password], "home", destinations)).unwrap();
    let mut source = Arc::into_inner(rotation.source).unwrap();
    source.session = Some(Box::new(entry(SESSION)));
    source.name = name.into();
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
    assert_eq!(writes, [SESSION_WRITE, SESSION_WRITE, "POST /v1/secret/data/home"]);
    assert_eq!(session(&world).await.get("refreshing_since"), None);
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

/// The token of which a process that starts now believes that readers find it.
async fn believed(world: &World) -> Option<Living> {
    let runner = runner(world);
    let seen = runner.see(RotationId(0), 0).await.unwrap().living;
    let living = runner.standing(RotationId(0)).await.unwrap().living;
    let seen = seen.filter(|seen| seen.expires_at > Some(Timestamp::from(SystemTime::now())));
    assert_eq!(seen, living);
    living
}

/// A run that is killed when it sends this to Vault for the given time.
async fn killed_at(world: &World, request: &'static str, times: usize) {
    let proxy = Arc::new(Proxy::start(&world.bao.address).await);
    let runner = runner_at(world, settings(&proxy.address));
    let reached = Arc::new(Notify::new());
    hold(&proxy, request, times, Arc::clone(&reached));
    tokio::select! {
        outcome = run(&runner) => panic!("{outcome:?}"),
        () = reached.notified() => {}
    }
}

fn hold(proxy: &Arc<Proxy>, request: &'static str, times: usize, reached: Arc<Notify>) {
    let held = Arc::clone(proxy);
    proxy.before(request, async move {
        if times > 1 {
            return hold(&held, request, times - 1, reached);
        }
        reached.notify_one();
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn whoever_comes_after_a_kill_knows_that_a_refresh_has_ended_the_token() {
    // Before the new refresh token is kept, and before readers get the new token.
    for (request, times) in [(SESSION_WRITE, 2), ("POST /v1/secret/data/home", 1)] {
        let world = World::new().await;
        rotated(&runner(&world)).await;
        assert!(believed(&world).await.is_some());
        killed_at(&world, request, times).await;
        assert!(!is_good(&world).await, "{request}");
        assert_eq!(believed(&world).await, None, "{request}");
        rotated(&runner(&world)).await;
        assert!(is_good(&world).await && believed(&world).await.is_some(), "{request}");
    }
}

const NO_UPDATE: &str = r#"
    path "secret/data/home" { capabilities = ["create", "read"] }
    path "secret/data/*" { capabilities = ["create", "read", "update"] }
    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
"#;

#[tokio::test]
async fn a_token_that_was_refreshed_is_over_as_long_as_the_new_one_is_not_stored_everywhere() {
    for destinations in [vec![place("home")], vec![place("home"), place("more")]] {
        let world = World::new().await;
        let runner = world.runner(rotation_into(&world, &destinations), world.vault());
        rotated(&runner).await;
        assert_eq!(
            runner.aftermath(RotationId(0)),
            Aftermath { logins: 1, ended_token: false, keeps_token: false }
        );
        world.variables.set("VAULT_TOKEN", &world.token_with(NO_UPDATE).await);
        let barred = world.runner(rotation_into(&world, &destinations), world.vault());
        assert_eq!(failed(&barred).await, ("vault_forbidden".to_owned(), false));
        assert!(!is_good(&world).await);
        assert_eq!(
            barred.aftermath(RotationId(0)),
            Aftermath { logins: 1, ended_token: true, keeps_token: true }
        );
        assert_eq!(barred.standing(RotationId(0)).await.unwrap().living, None);
        world.token_with("path \"secret/*\" { capabilities = [\"create\", \"read\", \"update\"] }").await;
        rotated(&barred).await;
        assert_eq!(
            barred.aftermath(RotationId(0)),
            Aftermath { logins: 0, ended_token: false, keeps_token: false }
        );
        assert!(is_good(&world).await);
        assert!(barred.standing(RotationId(0)).await.unwrap().living.is_some());
    }
}

#[tokio::test]
async fn what_a_run_that_is_cut_off_leaves_behind_is_its_own() {
    let (world, nothing) = (World::new().await, Aftermath { logins: 0, ..Aftermath::default() });
    let runner = runner(&world);
    rotated(&runner).await;
    world.sandbox.control().fault(Fault::hang().times(1));
    let is_sent = async {
        while world.sandbox.control().counters().renewals("zenoti", "sandbox").attempted == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let mut refreshing = Box::pin(run(&runner));
    tokio::select! {
        outcome = &mut refreshing => panic!("{outcome:?}"),
        () = is_sent => {}
    }
    let left = Aftermath { logins: 1, ended_token: true, keeps_token: false };
    assert_eq!(runner.aftermath(RotationId(0)), left);
    // Another one waits until that has ended.
    assert!(timeout(Duration::ZERO, run(&runner)).await.is_err());
    assert_eq!(runner.aftermath(RotationId(0)), nothing);
    drop(refreshing);
}

#[tokio::test]
async fn no_login_follows_a_refresh_that_met_a_rate_limit_and_it_has_ended_nothing() {
    let world = World::new().await;
    let runner = runner(&world);
    rotated(&runner).await;
    let before = session(&world).await;
    let mut answer = Answer::new(429);
    answer.headers.insert("retry-after".to_owned(), "600".to_owned());
    world.sandbox.control().fault(Fault::answer(answer).times(1));
    assert_eq!(failed(&runner).await, ("rate_limited".to_owned(), false));
    assert_eq!(
        runner.aftermath(RotationId(0)),
        Aftermath { logins: 1, ended_token: false, keeps_token: false }
    );
    assert_eq!(failed(&runner).await.0, "rate_limited", "that holds");
    assert_eq!(logins(&world).0.attempted, 1);
    assert_eq!(session(&world).await, before);
    assert!(is_good(&world).await && believed(&world).await.is_some());
    world.clock.forward(601);
    rotated(&runner).await;
    assert_eq!((logins(&world).0.attempted, logins(&world).1), (1, 1));
}

#[tokio::test]
async fn a_refresh_and_the_login_that_follows_it_count_as_two() {
    for fault in [Fault::status(500), Fault::status(400), Fault::cut()] {
        let world = World::new().await;
        let runner = runner(&world);
        rotated(&runner).await;
        world.sandbox.control().fault(fault.times(1));
        rotated(&runner).await;
        assert_eq!(
            runner.aftermath(RotationId(0)),
            Aftermath { logins: 2, ended_token: false, keeps_token: false }
        );
        assert_eq!(runner.tally().logins()[0].total, 3);
        assert_eq!(logins(&world).0.attempted, 2);
        assert!(is_good(&world).await && believed(&world).await.is_some());
    }
}

#[tokio::test]
async fn a_refresh_of_which_nobody_knows_what_it_did_may_have_ended_the_token() {
    for (fault, is_over) in [(Fault::cut_after(5), true), (Fault::status(400), false)] {
        let world = World::new().await;
        let runner = runner(&world);
        rotated(&runner).await;
        world.variables.set("PASSWORD", "wrong");
        world.sandbox.control().fault(fault.times(1));
        let outcome = run(&runner).await;
        assert_eq!(matches!(outcome, Outcome::Refused { .. }), !is_over, "{outcome:?}");
        assert_eq!(
            runner.aftermath(RotationId(0)),
            Aftermath { logins: 2, ended_token: is_over, keeps_token: false }
        );
        assert_eq!((is_good(&world).await, believed(&world).await.is_none()), (!is_over, is_over));
    }
}

#[tokio::test]
async fn a_rotation_whose_session_cannot_be_read_is_unread_and_its_token_not_taken_for_alive() {
    const NO_SESSION: &str = r#"path "secret/+/home" { capabilities = ["create", "read", "update"] }"#;
    const NO_DATA: &str = r#"path "secret/+/home" { capabilities = ["create", "read", "update"] }
        path "secret/metadata/sessions/*" { capabilities = ["read"] }"#;
    for policy in [NO_SESSION, NO_DATA] {
        let world = World::new().await;
        rotated(&runner(&world)).await;
        killed_at(&world, SESSION_WRITE, 2).await;
        let token = world.token_with(policy).await;
        world.variables.set("VAULT_TOKEN", &token);
        let barred = runner(&world);
        let error = barred.standing(RotationId(0)).await.unwrap_err();
        assert_eq!(error.class(), "vault_forbidden");
        assert!(error.to_string().contains(SESSION), "{error}");
        assert_eq!(barred.see(RotationId(0), 0).await.unwrap_err().class(), "vault_forbidden");
        world.token_with(r#"path "secret/*" { capabilities = ["read"] }"#).await;
        assert_eq!(barred.standing(RotationId(0)).await.unwrap().living, None, "it is read again");
    }
}

#[tokio::test]
async fn where_data_cannot_be_read_it_is_told_by_their_age_whether_a_refresh_has_ended_the_token() {
    const NO_READ: &str = r#"path "secret/data/home" { capabilities = ["create", "update"] }
        path "secret/data/*" { capabilities = ["create", "read", "update"] }
        path "secret/metadata/*" { capabilities = ["create", "read", "update"] }"#;
    let world = World::new().await;
    world.variables.set("VAULT_TOKEN", &world.token_with(NO_READ).await);
    rotated(&runner(&world)).await;
    assert!(believed(&world).await.is_some());
    rotated(&runner(&world)).await;
    assert!(believed(&world).await.is_some());
    // Nobody can turn the clock of Vault.
    tokio::time::sleep(Duration::from_secs(5)).await;
    note_refresh(&world, &rfc3339(Timestamp::from(SystemTime::now()))).await;
    assert_eq!(believed(&world).await, None);
}

/// As if a refresh had been sent then, and nobody had heard what came of it.
async fn note_refresh(world: &World, since: &str) {
    let mut kept = session(world).await;
    kept["refreshing_since"] = json!(since);
    drop(world.bao.root("POST", &format!("secret/data/{SESSION}"), json!({ "data": kept })).await);
}

#[tokio::test]
async fn a_refresh_ends_the_token_that_it_was_made_with_wherever_the_clocks_stand() {
    // By the clock of whoever noted it, the refresh came long before the token, or long after its end.
    for since in ["2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
        let world = World::new().await;
        let first = runner(&world);
        rotated(&first).await;
        note_refresh(&world, since).await;
        assert_eq!(believed(&world).await, None, "{since}");
        assert_eq!(first.standing(RotationId(0)).await.unwrap().living, None);
        // A token that was issued by a login since then lives.
        world.clock.forward(2);
        world.variables.set("VAULT_TOKEN", &world.token_with(KEEP_NO_SESSION).await);
        rotated(&runner(&world)).await;
        world.variables.set("VAULT_TOKEN", ROOT);
        assert!(believed(&world).await.is_some(), "{since}");
        assert!(is_good(&world).await);
    }
}

const KEEP_NO_SESSION: &str = r#"
    path "secret/data/home" { capabilities = ["create", "read", "update"] }
    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
    path "secret/data/sessions/*" { capabilities = ["read"] }
"#;

#[tokio::test]
async fn a_source_that_is_renamed_keeps_its_session_and_what_it_tells() {
    let world = World::new().await;
    rotated(&runner(&world)).await;
    killed_at(&world, SESSION_WRITE, 2).await;
    let renamed = rotation_of(&world, "zenoti.renamed", &[place("home")]);
    let renamed = world.runner(renamed, world.vault());
    assert_eq!(renamed.standing(RotationId(0)).await.unwrap().living, None);
    rotated(&renamed).await;
    assert_eq!(world.bao.notes(SESSION).await, json!({ "tokenferry_session": "zenoti.renamed" }));
    rotated(&renamed).await;
    assert!(is_good(&world).await);
    assert_eq!(logins(&world).0.attempted, 2, "the refresh token was spent once, and refreshes go on");
}

#[tokio::test]
async fn a_refused_login_stops_no_refresh_and_is_not_repeated_by_one_that_fails() {
    let world = World::new().await;
    let first = runner(&world);
    rotated(&first).await;
    world.variables.set("PASSWORD", "wrong");
    for runner in [first, runner(&world)] {
        world.sandbox.control().fault(Fault::status(503).times(1));
        drop(runner.standing(RotationId(0)).await.unwrap());
        let outcome = run(&runner).await;
        assert!(
            matches!(&outcome, Outcome::Failed { class, .. } if class.name() == "server_error"),
            "{outcome:?}"
        );
        assert_eq!(logins(&world).0.attempted, 2, "one that was refused");
    }
    let last = runner(&world);
    let noted = last.standing(RotationId(0)).await.unwrap().failure.unwrap();
    assert_eq!((noted.class.name(), noted.lasting, noted.refusals), ("server_error", false, 0));
    rotated(&last).await;
    assert!(is_good(&world).await);
    assert_eq!((logins(&world).0.attempted, logins(&world).1), (2, 1));
}

#[tokio::test]
async fn no_login_follows_a_refresh_whose_system_asks_to_come_back_later() {
    let world = World::new().await;
    let runner = runner(&world);
    rotated(&runner).await;
    let mut answer = Answer::new(503);
    answer.headers.insert("retry-after".to_owned(), "600".to_owned());
    world.sandbox.control().fault(Fault::answer(answer).times(1));
    let outcome = run(&runner).await;
    assert!(
        matches!(&outcome, Outcome::Failed { class, retry_at: Some(_) } if class.name() == "server_error"),
        "{outcome:?}"
    );
    assert_eq!(logins(&world).0.attempted, 1);
}

#[tokio::test]
async fn whoever_only_looks_sees_how_a_session_stands() {
    let world = World::new().await;
    let see = async |runner: &Runner| runner.session(RotationId(0)).await.unwrap().unwrap().1;
    assert_eq!(see(&runner(&world)).await, SessionState::Empty);
    rotated(&runner(&world)).await;
    assert_eq!(see(&runner(&world)).await, SessionState::Kept);
    let mut kept = session(&world).await;
    kept["expires_at"] = json!("2020-01-01T00:00:00Z");
    let at = format!("secret/data/{SESSION}");
    drop(world.bao.root("POST", &at, json!({ "data": kept })).await);
    assert_eq!(see(&runner(&world)).await, SessionState::Over);
    drop(world.bao.root("DELETE", &at, Value::Null).await);
    assert_eq!(see(&runner(&world)).await, SessionState::Deleted);
    let renamed = rotation_of(&world, "zenoti.renamed", &[place("home")]);
    let foreign = see(&world.runner(renamed, world.vault())).await;
    let SessionState::Foreign(advice) = foreign else { panic!("{foreign:?}") };
    let command = "`bao kv metadata patch -mount=secret -custom-metadata=tokenferry_session=zenoti.renamed sessions/salon`";
    assert!(advice.contains("\"zenoti.home\" was renamed") && advice.contains(command), "{advice}");
}
