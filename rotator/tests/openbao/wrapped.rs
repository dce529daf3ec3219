//! Logging in with a secret_id that was handed over in a wrapping token.

use serde_json::{Value, json};
use tokenferry_sources::Reference;
use tokenferry_vault::{Kept, VaultAuth, VaultError, VaultSettings};

use crate::bao::Bao;
use crate::proxy::Proxy;
use crate::setting::{World, entry, settings};

/// Settings to log in by AppRole with the wrapping token in the variable.
async fn wrapped(world: &World, address: &str, role: Value) -> VaultSettings {
    let bao = &world.bao;
    bao.root("POST", "sys/auth/robots", json!({ "type": "approle" })).await;
    let policy = r#"path "secret/*" { capabilities = ["create", "read", "update"] }"#;
    bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": policy })).await;
    bao.root("POST", "auth/robots/role/rotator", role).await;
    let role_id = bao.root("GET", "auth/robots/role/rotator/role-id", Value::Null).await;
    VaultSettings {
        auth: VaultAuth::WrappedAppRole {
            mount: "robots".to_owned(),
            role_id: Kept::Here(role_id["data"]["role_id"].as_str().unwrap().into()),
            wrapping_token: Reference::Env("WRAPPED".to_owned()).into(),
        },
        ..settings(address)
    }
}

async fn wrap(bao: &Bao, path: &str, body: Value) -> String {
    bao.wrapped(path, body).await["wrap_info"]["token"].as_str().unwrap().to_owned()
}

async fn wrapped_secret_id(bao: &Bao) -> String {
    wrap(bao, "auth/robots/role/rotator/secret-id", json!({})).await
}

async fn revoke_all(bao: &Bao) {
    bao.root("PUT", "sys/leases/revoke-prefix/auth/robots/login", json!({ "sync": true })).await;
}

const LOGIN: &str = "POST /v1/auth/robots/login";
const LOOKUP: &str = "POST /v1/sys/wrapping/lookup";
const UNWRAP: &str = "POST /v1/sys/wrapping/unwrap";

fn count(requests: &[String], request: &str) -> usize {
    requests.iter().filter(|seen| *seen == request).count()
}

#[tokio::test]
async fn a_secret_id_is_unwrapped_once_and_serves_all_logins_until_the_wrapping_token_changes() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(wrapped(&world, &proxy.address, json!({ "token_policies": "tests" })).await);
    world.variables.set("WRAPPED", &format!("{}\n", wrapped_secret_id(&world.bao).await).trim_end());
    for _ in 0..3 {
        vault.read_entry(&entry("home")).await.unwrap();
    }
    let requests = proxy.take();
    assert_eq!(requests[..3], [LOOKUP, UNWRAP, LOGIN]);
    assert_eq!(count(&requests, LOGIN), 1);

    revoke_all(&world.bao).await;
    vault.read_entry(&entry("home")).await.unwrap();
    let requests = proxy.take();
    assert_eq!([LOOKUP, UNWRAP, LOGIN].map(|request| count(&requests, request)), [0, 0, 1]);

    revoke_all(&world.bao).await;
    world.variables.set("WRAPPED", &wrapped_secret_id(&world.bao).await);
    vault.read_entry(&entry("home")).await.unwrap();
    let requests = proxy.take();
    assert_eq!([LOOKUP, UNWRAP, LOGIN].map(|request| count(&requests, request)), [1, 1, 1]);
}

#[tokio::test]
async fn a_wrapping_token_that_was_removed_after_its_use_is_not_missed() {
    let world = World::new().await;
    let vault =
        world.vault_with(wrapped(&world, &world.bao.address, json!({ "token_policies": "tests" })).await);
    world.variables.set("WRAPPED", &wrapped_secret_id(&world.bao).await);
    vault.read_entry(&entry("home")).await.unwrap();
    world.variables.set("WRAPPED", "");
    revoke_all(&world.bao).await;
    vault.read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn a_used_up_wrapping_token_is_told_with_what_it_may_mean_and_asked_about_once() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = wrapped(&world, &proxy.address, json!({ "token_policies": "tests" })).await;
    let token = wrapped_secret_id(&world.bao).await;
    world.variables.set("WRAPPED", &token);
    world.vault_with(settings.clone()).read_entry(&entry("home")).await.unwrap();
    proxy.take();

    let restarted = world.vault_with(settings);
    for _ in 0..3 {
        let error = restarted.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_wrapping_token_over");
        assert!(error.to_string().contains("auth/robots"), "{error}");
        let advice = error.advice();
        assert!(advice.contains("somebody else may have unwrapped it"), "{advice}");
        assert!(advice.starts_with("Put a new one there"), "{advice}");
        assert!(!format!("{error} {error:?} {advice}").contains(&token));
    }
    assert_eq!(proxy.take(), [LOOKUP]);
    world.variables.set("WRAPPED", &wrapped_secret_id(&world.bao).await);
    restarted.read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn what_was_wrapped_elsewhere_is_left_unopened_and_may_mean_interception() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = wrapped(&world, &proxy.address, json!({ "token_policies": "tests" })).await;
    world.bao.root("POST", "sys/auth/approle", json!({ "type": "approle" })).await;
    world.bao.root("POST", "auth/approle/role/rotator", json!({})).await;
    let made_up = json!({ "secret_id": "planted-by-somebody" });
    for (path, body) in [
        ("sys/wrapping/wrap", made_up),
        ("auth/approle/role/rotator/secret-id", json!({})),
        ("auth/robots/role/rotator/custom-secret-id", json!({ "secret_id": "chosen-by-somebody" })),
    ] {
        let token = wrap(&world.bao, path, body).await;
        world.variables.set("WRAPPED", &token);
        let error = world.vault_with(settings.clone()).read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_wrapped_elsewhere");
        assert!(error.to_string().contains(path), "{error}");
        assert!(error.advice().contains("intercepted"), "{}", error.advice());
        assert!(error.advice().contains("auth/robots/role/NAME/secret-id"), "{}", error.advice());
        assert_eq!(proxy.take(), [LOOKUP], "it is left as it was");
        world.bao.root("POST", "sys/wrapping/lookup", json!({ "token": token })).await;
    }
}

#[tokio::test]
async fn a_login_that_fails_for_a_while_does_not_cost_the_secret_id() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(wrapped(&world, &proxy.address, json!({ "token_policies": "tests" })).await);
    world.variables.set("WRAPPED", &wrapped_secret_id(&world.bao).await);
    proxy.lose(LOGIN, 1);
    let error = vault.read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_broken_answer");
    vault.read_entry(&entry("home")).await.unwrap();
    let requests = proxy.take();
    assert_eq!([LOOKUP, UNWRAP, LOGIN].map(|request| count(&requests, request)), [1, 1, 2]);
}

#[tokio::test]
async fn a_secret_id_that_serves_once_is_refused_later_and_told_as_that() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let role = json!({ "token_policies": "tests", "secret_id_num_uses": 1 });
    let vault = world.vault_with(wrapped(&world, &proxy.address, role).await);
    world.variables.set("WRAPPED", &wrapped_secret_id(&world.bao).await);
    vault.read_entry(&entry("home")).await.unwrap();
    revoke_all(&world.bao).await;
    for _ in 0..3 {
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert!(matches!(error, VaultError::LoginRefused { .. }), "{error}");
        assert!(error.advice().contains("been used up"), "{}", error.advice());
    }
    assert_eq!(count(&proxy.take(), LOGIN), 2);
}
