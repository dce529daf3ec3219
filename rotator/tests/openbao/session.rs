use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokenferry_sources::Reference;
use tokenferry_vault::{Kept, KvPath, Vault, VaultAuth, VaultSettings};
use tokio_util::sync::CancellationToken;

use crate::bao::Bao;
use crate::proxy::Proxy;
use crate::setting::{Turned, World, entry, failed, place, rotated, settings, variables};

const POLICY: &str = r#"
    path "secret/data/*" { capabilities = ["create", "read", "update"] }
    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
"#;

/// Settings to log in by an AppRole of these parameters, through `address`.
async fn app_role(world: &World, address: &str, mut role: Value) -> VaultSettings {
    let bao = &world.bao;
    bao.root("POST", "sys/auth/robots", json!({ "type": "approle" })).await;
    bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": POLICY })).await;
    role["token_policies"] = json!("tests");
    bao.root("POST", "auth/robots/role/rotator", role).await;
    let role_id = bao.root("GET", "auth/robots/role/rotator/role-id", Value::Null).await;
    world.variables.set("SECRET_ID", &secret_id(bao).await);
    VaultSettings {
        auth: VaultAuth::AppRole {
            mount: "robots".to_owned(),
            role_id: Kept::Here(role_id["data"]["role_id"].as_str().unwrap().into()),
            secret_id: Reference::Env("SECRET_ID".to_owned()).into(),
        },
        ..settings(address)
    }
}

async fn secret_id(bao: &Bao) -> String {
    let answer = bao.root("POST", "auth/robots/role/rotator/secret-id", Value::Null).await;
    answer["data"]["secret_id"].as_str().unwrap().to_owned()
}

async fn revoke_all(bao: &Bao) {
    bao.root("PUT", "sys/leases/revoke-prefix/auth/robots/login", json!({ "sync": true })).await;
}

fn count(requests: &[String], request: &str) -> usize {
    requests.iter().filter(|seen| *seen == request).count()
}

const LOGIN: &str = "POST /v1/auth/robots/login";
const RENEW: &str = "POST /v1/auth/token/renew-self";

#[tokio::test]
async fn one_login_serves_all_operations_and_a_dead_token_is_replaced_once() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = app_role(&world, &proxy.address, json!({})).await;
    let runner = world.runner(world.rotation("home", &[place("home")]), world.vault_with(settings));
    rotated(&runner).await;
    rotated(&runner).await;
    assert_eq!(count(&proxy.take(), LOGIN), 1);

    revoke_all(&world.bao).await;
    assert_eq!(rotated(&runner).await, 3);
    assert_eq!(
        proxy.take(),
        ["POST /v1/secret/data/home", "GET /v1/auth/token/lookup-self", LOGIN, "POST /v1/secret/data/home"]
    );
    assert_eq!(world.logins().attempted, 3);
}

#[tokio::test]
async fn a_dead_token_is_replaced_once_for_all_who_find_it_dead() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(app_role(&world, &proxy.address, json!({})).await);
    let at = entry("home");
    vault.read_entry(&at).await.unwrap();
    revoke_all(&world.bao).await;
    proxy.take();
    let reads = futures_util::future::join_all((0..8).map(|_| vault.read_entry(&at))).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert_eq!(count(&proxy.take(), LOGIN), 1);
}

#[tokio::test]
async fn a_policy_that_forbids_it_is_told_from_a_dead_token() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = app_role(&world, &proxy.address, json!({})).await;
    let elsewhere = KvPath { mount: "cubbyhole2".into(), ..entry("home") };
    let vault = world.vault_with(settings);
    let error = vault.read_entry(&elsewhere).await.unwrap_err();
    assert_eq!(error.class(), "vault_forbidden");
    assert!(error.advice().contains("cubbyhole2/data/home"), "{}", error.advice());
    assert!(error.advice().contains("cubbyhole2/metadata/home"), "{}", error.advice());
    assert_eq!(count(&proxy.take(), LOGIN), 1);
}

const WRITE_ONLY: &str = r#"
    path "secret/data/*" { capabilities = ["create", "update"] }
    path "secret/metadata/*" { capabilities = ["create", "read", "update"] }
"#;

#[tokio::test]
async fn a_login_that_may_not_look_itself_up_is_not_taken_for_dead() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault =
        world.vault_with(app_role(&world, &proxy.address, json!({ "token_no_default_policy": true })).await);
    world.bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": WRITE_ONLY })).await;
    for n in 0..10 {
        vault.read_entry(&entry(&format!("p{n}"))).await.unwrap();
    }
    let requests = proxy.take();
    assert_eq!(count(&requests, LOGIN), 1);
    assert_eq!(count(&requests, "GET /v1/auth/token/lookup-self"), 1);
}

#[tokio::test]
async fn a_login_that_may_not_look_itself_up_is_replaced_at_most_once_after_it_served() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault =
        world.vault_with(app_role(&world, &proxy.address, json!({ "token_no_default_policy": true })).await);
    vault.read_entry(&entry("home")).await.unwrap();
    world.bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": WRITE_ONLY })).await;
    for _ in 0..10 {
        vault.read_entry(&entry("home")).await.unwrap();
    }
    assert_eq!(count(&proxy.take(), LOGIN), 2);
}

#[tokio::test]
async fn a_token_that_may_not_look_itself_up_still_writes() {
    let world = World::new().await;
    world.bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": WRITE_ONLY })).await;
    let body = json!({ "policies": ["tests"], "no_default_policy": true });
    let answer = world.bao.root("POST", "auth/token/create", body).await;
    world.variables.set("VAULT_TOKEN", answer["auth"]["client_token"].as_str().unwrap());
    assert_eq!(rotated(&world.home()).await, 1);
}

#[tokio::test]
async fn a_refused_secret_id_is_not_tried_again_at_once() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = app_role(&world, &proxy.address, json!({})).await;
    world.variables.set("SECRET_ID", "wrong");
    let vault = world.vault_with(settings);
    for _ in 0..3 {
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_login_refused");
        assert!(!format!("{error} {error:?}").contains("wrong"));
    }
    assert_eq!(count(&proxy.take(), LOGIN), 1);
}

#[tokio::test]
async fn a_token_is_renewed_when_two_thirds_of_its_lease_are_over() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let role = json!({ "token_ttl": "90s", "token_max_ttl": "1h" });
    let vault = world.vault_with(app_role(&world, &proxy.address, role).await);
    assert_eq!(vault.care().await.unwrap(), None, "there is nothing to renew yet");
    vault.read_entry(&entry("home")).await.unwrap();
    let pause = vault.care().await.unwrap().unwrap();
    assert!(pause <= Duration::from_mins(1) && pause > Duration::from_secs(30), "{pause:?}");

    world.clock.forward(60);
    proxy.take();
    let pause = vault.care().await.unwrap().unwrap();
    assert!(pause > Duration::from_secs(30), "{pause:?}");
    assert_eq!(proxy.take(), [RENEW]);
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_put_the_renewal_off() {
    let world = World::new().await;
    let role = json!({ "token_period": "30s" });
    let vault = world.vault_with(app_role(&world, &world.bao.address, role).await);
    vault.read_entry(&entry("home")).await.unwrap();
    world.clock.forward(-3600);
    let pause = vault.care().await.unwrap().unwrap();
    assert!(pause <= Duration::from_secs(20), "{pause:?}");
}

#[tokio::test]
async fn a_token_near_its_longest_life_is_replaced() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let role = json!({ "token_ttl": "90s", "token_max_ttl": "1h" });
    let vault = world.vault_with(app_role(&world, &proxy.address, role).await);
    vault.read_entry(&entry("home")).await.unwrap();
    // From now on a renewal gives next to nothing.
    let role = json!({ "token_policies": "tests", "token_ttl": "90s", "token_max_ttl": "91s" });
    world.bao.root("POST", "auth/robots/role/rotator", role).await;
    world
        .bao
        .root("POST", "auth/robots/role/rotator", json!({ "token_ttl": "10s", "token_max_ttl": "30s" }))
        .await;
    world.clock.forward(60);
    proxy.take();
    vault.care().await.unwrap().unwrap();
    assert_eq!(proxy.take(), [RENEW, LOGIN]);
}

#[tokio::test]
async fn a_batch_token_is_replaced_and_never_renewed() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let role = json!({ "token_ttl": "90s", "token_type": "batch" });
    let vault = world.vault_with(app_role(&world, &proxy.address, role).await);
    vault.read_entry(&entry("home")).await.unwrap();
    world.clock.forward(60);
    proxy.take();
    assert!(vault.care().await.unwrap().unwrap() > Duration::from_secs(30));
    assert_eq!(proxy.take(), [LOGIN]);
}

#[tokio::test]
async fn a_token_from_elsewhere_is_looked_up_only_to_keep_it_alive() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let token = world.token_with(POLICY).await;
    world.variables.set("VAULT_TOKEN", &format!(" {token} "));
    let vault = world.vault_with(settings(&proxy.address));
    vault.read_entry(&entry("home")).await.unwrap();
    assert_eq!(proxy.take(), ["GET /v1/secret/data/home", "GET /v1/secret/metadata/home"]);
    assert!(vault.care().await.unwrap().is_some());
    assert_eq!(proxy.take(), ["GET /v1/auth/token/lookup-self"]);
}

#[tokio::test]
async fn a_new_token_from_elsewhere_is_read_when_the_old_one_is_dead() {
    let world = World::new().await;
    let token = world.token_with(POLICY).await;
    world.variables.set("VAULT_TOKEN", &token);
    let runner = world.home();
    rotated(&runner).await;
    world.bao.root("POST", "auth/token/revoke", json!({ "token": token })).await;
    assert_eq!(failed(&runner).await, ("vault_forbidden".to_owned(), false));
    let error = world.vault().read_entry(&entry("home")).await.unwrap_err();
    assert!(error.to_string().contains("or the token has ended"), "{error}");
    assert!(error.advice().contains("lookup-self"), "{}", error.advice());
    world.variables.set("VAULT_TOKEN", &world.token_with(POLICY).await);
    assert_eq!(rotated(&runner).await, 2);
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_an_error_and_no_panic() {
    let world = World::new().await;
    for token in [" \n", "a\u{1}b"] {
        world.variables.set("VAULT_TOKEN", token);
        let error = world.vault().read_entry(&entry("home")).await.unwrap_err();
        assert!(matches!(error.class(), "vault_bad_token" | "vault_credential"), "{error}");
    }
}

#[tokio::test]
async fn namespaces_mounts_and_engines_that_are_not_there_are_told_apart() {
    let world = World::new().await;
    world.bao.root("POST", "sys/namespaces/team", Value::Null).await;
    let kv = json!({ "type": "kv", "options": { "version": "2" } });
    world.bao.root_in("team", "POST", "sys/mounts/kv", kv).await;
    world.bao.root("POST", "sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } })).await;
    let in_namespace = |namespace: &str| {
        let namespace = Some(namespace.to_owned());
        world.vault_with(VaultSettings { namespace, ..settings(&world.bao.address) })
    };
    let kv = KvPath { mount: "kv".into(), ..entry("home") };
    let old = KvPath { mount: "old".into(), ..entry("home") };
    let class = async |vault: &Vault, at: &KvPath| {
        vault.write_entry(at, 0, serde_json::Map::new()).await.unwrap_err().class().to_owned()
    };
    assert_eq!(in_namespace("team").write_entry(&kv, 0, serde_json::Map::new()).await.unwrap().version, 1);
    assert_eq!(class(&in_namespace("nobody"), &kv).await, "vault_missing_namespace");
    assert_eq!(class(&world.vault(), &kv).await, "vault_missing_mount");
    assert_eq!(class(&world.vault(), &old).await, "vault_wrong_engine");
}

#[tokio::test]
async fn notes_that_are_too_many_are_told_as_such() {
    let world = World::new().await;
    let notes = (0..65).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let error = world.vault().set_custom_metadata(&entry("home"), &notes).await.unwrap_err();
    assert_eq!(error.class(), "vault_bad_request");
    assert!(error.advice().contains("64 keys"), "{}", error.advice());
}

#[tokio::test]
async fn a_redirect_is_followed_to_listed_addresses_only() {
    let world = World::new().await;
    let standby = Proxy::start(&world.bao.address).await;
    let location = format!("307 Temporary Redirect\r\nlocation: {}/v1/secret/data/home", world.bao.address);
    standby.answer_instead(&location, "");
    let alone = world.vault_with(settings(&standby.address));
    let error = alone.write_entry(&entry("home"), 0, serde_json::Map::new()).await.unwrap_err();
    assert_eq!(error.class(), "vault_redirected");
    assert!(error.to_string().contains(&world.bao.address), "{error}");
    assert!(error.advice().contains("`addresses`"), "{}", error.advice());

    let mut listed = settings(&standby.address);
    listed.addresses.push(world.bao.address.parse().unwrap());
    let both = world.vault_with(listed);
    assert_eq!(both.write_entry(&entry("home"), 0, serde_json::Map::new()).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    proxy.answer_instead("429 Too Many Requests\r\nretry-after: 120", "{}");
    let vault = world.vault_with(settings(&proxy.address));
    let error = vault.read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_rate_limited");
    assert!(error.retry_at().is_some());
}

#[tokio::test(start_paused = true)]
async fn trouble_with_a_renewal_never_becomes_a_tight_loop() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let vault = Vault::new(settings(&address), Arc::new(variables()), Arc::new(Turned::default()));
    let seen = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&seen);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    vault.read_entry(&entry("home")).await.unwrap_err();
    let stop = CancellationToken::new();
    let hour = tokio::time::timeout(Duration::from_hours(1), vault.keep_alive(stop.clone()));
    assert!(hour.await.is_err());
    let tries = seen.load(Ordering::Relaxed);
    assert!((10..=25).contains(&tries), "{tries}");
    stop.cancel();
    vault.keep_alive(stop).await;
}

#[tokio::test]
async fn a_tls_connection_is_trusted_by_the_configured_certificates_only() {
    let world = World::new().await;
    let secure = Bao::start_tls().await;
    let with = |ca_cert_file: Option<PathBuf>| {
        world.vault_with(VaultSettings { ca_cert_file, ..settings(&secure.address) })
    };
    let at = entry("home");
    with(Some(secure.ca_file())).read_entry(&at).await.unwrap();
    let error = with(None).read_entry(&at).await.unwrap_err();
    assert_eq!(error.class(), "vault_tls", "{error}");
    let error = with(Some("no-such-file.pem".into())).read_entry(&at).await.unwrap_err();
    assert_eq!(error.class(), "vault_ca_file");
    let plain = world.bao.address.replace("http:", "https:");
    let error = world.vault_with(VaultSettings { ca_cert_file: Some(secure.ca_file()), ..settings(&plain) });
    let error = error.read_entry(&at).await.unwrap_err();
    assert_eq!(error.class(), "vault_tls", "{error}");
}

#[tokio::test]
async fn an_address_with_a_path_is_refused() {
    let world = World::new().await;
    let vault = world.vault_with(settings(&format!("{}/vault", world.bao.address)));
    let error = vault.read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_bad_address");
}

#[tokio::test]
async fn a_vault_that_is_not_there_is_unreachable() {
    let world = World::new().await;
    let vault = world.vault_with(settings("http://127.0.0.1:1"));
    let error = vault.read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_unreachable");
    assert!(error.to_string().ends_with("refused (os error 111)"), "{error}");
}
