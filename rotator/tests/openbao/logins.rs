//! Logging in with a name and a password, with a service account, and in another namespace.

use std::sync::Arc;

use serde_json::{Value, json};
use tokenferry_sources::Reference;
use tokenferry_vault::{
    DEFAULT_KUBERNETES_MOUNT, DEFAULT_USERPASS_MOUNT, Kept, KvPath, ROOT_NAMESPACE, Vault, VaultAuth,
    VaultSettings,
};

use crate::authority::Authority;
use crate::proxy::Proxy;
use crate::setting::{World, entry, settings};
use crate::token_review::TokenReview;

const POLICY: &str = r#"path "secret/*" { capabilities = ["create", "read", "update"] }"#;

/// Enables a method where it always is, and makes the policy that its logins get.
async fn enable(world: &World, method: &str) {
    world.bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": POLICY })).await;
    world.bao.root("POST", &format!("sys/auth/{method}"), json!({ "type": method })).await;
}

async fn revoke_all(world: &World, login: &str) {
    let path = format!("sys/leases/revoke-prefix/{login}");
    world.bao.root("PUT", &path, json!({ "sync": true })).await;
}

fn kept(variable: &str) -> Kept {
    Reference::Env(variable.to_owned()).into()
}

async fn by_password(world: &World, address: &str) -> Arc<Vault> {
    enable(world, "userpass").await;
    let user = json!({ "password": "pass-of-rotator", "token_policies": "tests", "token_ttl": "90s" });
    world.bao.root("POST", "auth/userpass/users/rotator", user).await;
    let (mount, username) = (DEFAULT_USERPASS_MOUNT.to_owned(), Kept::Here("rotator".into()));
    let auth = VaultAuth::Userpass { mount, username, password: kept("USERPASS") };
    world.vault_with(VaultSettings { auth, ..settings(address) })
}

fn count(requests: &[String], request: &str) -> usize {
    requests.iter().filter(|seen| *seen == request).count()
}

const BY_PASSWORD: &str = "POST /v1/auth/userpass/login/rotator";
const BY_ACCOUNT: &str = "POST /v1/auth/kubernetes/login";

#[tokio::test]
async fn a_password_logs_in_once_is_renewed_and_read_again_for_the_next_login() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = by_password(&world, &proxy.address).await;
    world.variables.set("USERPASS", "pass-of-rotator");
    for _ in 0..5 {
        vault.read_entry(&entry("home")).await.unwrap();
    }
    world.clock.forward(60);
    vault.care().await.unwrap();
    let requests = proxy.take();
    assert_eq!(count(&requests, BY_PASSWORD), 1);
    assert_eq!(count(&requests, "POST /v1/auth/token/renew-self"), 1);

    world
        .bao
        .root("POST", "auth/userpass/users/rotator/password", json!({ "password": "another-pass" }))
        .await;
    world.variables.set("USERPASS", "another-pass");
    revoke_all(&world, "auth/userpass/login").await;
    vault.read_entry(&entry("home")).await.unwrap();
    assert_eq!(count(&proxy.take(), BY_PASSWORD), 1);
}

#[tokio::test]
async fn a_wrong_password_never_locks_the_account() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = by_password(&world, &proxy.address).await;
    world.variables.set("USERPASS", "wrong-pass");
    // OpenBao locks an account after five.
    for _ in 0..20 {
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_login_refused");
        assert!(error.advice().contains("`username`, `password`"), "{}", error.advice());
        assert!(!format!("{error} {error:?}").contains("wrong-pass"));
    }
    assert_eq!(count(&proxy.take(), BY_PASSWORD), 1);
    world.variables.set("USERPASS", "pass-of-rotator");
    vault.read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn a_user_name_leads_nowhere_else() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    by_password(&world, &proxy.address).await;
    world.variables.set("USERPASS", "pass-of-rotator");
    for name in ["..", "rotator/../../token/create", "a/b"] {
        world.variables.set("NAME", name);
        let (mount, username) = (DEFAULT_USERPASS_MOUNT.to_owned(), kept("NAME"));
        let auth = VaultAuth::Userpass { mount, username, password: kept("USERPASS") };
        let vault = world.vault_with(VaultSettings { auth, ..settings(&proxy.address) });
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_credential", "{name}");
        assert_eq!(proxy.take(), [""; 0]);
    }
}

#[tokio::test]
async fn a_service_account_logs_in_once_and_its_token_is_read_again_for_the_next_login() {
    let (world, kubernetes) = (World::new().await, TokenReview::start().await);
    enable(&world, "kubernetes").await;
    let folder = tempfile::tempdir().unwrap();
    let ca = std::fs::read_to_string(Authority::new(folder.path()).ca_file).unwrap();
    let config = json!({
        "kubernetes_host": kubernetes.url, "kubernetes_ca_cert": ca, "disable_local_ca_jwt": true,
    });
    world.bao.root("POST", "auth/kubernetes/config", config).await;
    let role = json!({
        "bound_service_account_names": "rotator", "bound_service_account_namespaces": "tokens",
        "audience": "vault", "token_policies": "tests",
    });
    world.bao.root("POST", "auth/kubernetes/role/rotator", role).await;
    let proxy = Proxy::start(&world.bao.address).await;
    let (mount, role) = (DEFAULT_KUBERNETES_MOUNT.to_owned(), "rotator".to_owned());
    let auth = VaultAuth::Kubernetes { mount, role, jwt: kept("ACCOUNT") };
    let vault = world.vault_with(VaultSettings { auth, ..settings(&proxy.address) });
    let first = kubernetes.issue(1);
    world.variables.set("ACCOUNT", &first);
    for _ in 0..5 {
        vault.read_entry(&entry("home")).await.unwrap();
    }
    assert_eq!(count(&proxy.take(), BY_ACCOUNT), 1);

    let second = kubernetes.issue(2);
    revoke_all(&world, "auth/kubernetes/login").await;
    for _ in 0..3 {
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_login_refused");
        assert!(error.advice().contains("service account"), "{}", error.advice());
        assert!(!format!("{error} {error:?}").contains(&first));
    }
    assert_eq!(count(&proxy.take(), BY_ACCOUNT), 1, "a token that is over is not shown again");
    world.variables.set("ACCOUNT", &second);
    vault.read_entry(&entry("home")).await.unwrap();
    assert_eq!(count(&proxy.take(), BY_ACCOUNT), 1);
}

#[tokio::test]
async fn a_login_may_be_in_another_namespace_than_the_entries() {
    let world = World::new().await;
    let bao = &world.bao;
    bao.root("POST", "sys/namespaces/team", Value::Null).await;
    bao.root_in("team", "POST", "sys/mounts/kv", json!({ "type": "kv", "options": { "version": "2" } }))
        .await;
    enable(&world, "userpass").await;
    let policy = r#"path "team/kv/*" { capabilities = ["create", "read", "update"] }"#;
    bao.root("PUT", "sys/policies/acl/team", json!({ "policy": policy })).await;
    let user = json!({ "password": "pass-of-rotator", "token_policies": "team", "token_ttl": "90s" });
    bao.root("POST", "auth/userpass/users/rotator", user).await;
    world.variables.set("USERPASS", "pass-of-rotator");
    let in_namespaces = |entries: &str, login: Option<&str>| {
        let (mount, username) = (DEFAULT_USERPASS_MOUNT.to_owned(), Kept::Here("rotator".into()));
        let auth = VaultAuth::Userpass { mount, username, password: kept("USERPASS") };
        let namespace = Some(entries.to_owned());
        let auth_namespace = login.map(str::to_owned);
        world.vault_with(VaultSettings { auth, namespace, auth_namespace, ..settings(&bao.address) })
    };
    let at = KvPath::new("kv", "home");
    let vault = in_namespaces("team", Some(ROOT_NAMESPACE));
    assert_eq!(vault.write_entry(&at, 0, serde_json::Map::new()).await.unwrap().version, 1);
    world.clock.forward(60);
    assert!(vault.care().await.unwrap().is_some(), "it is renewed where it was made");
    revoke_all(&world, "auth/userpass/login").await;
    assert_eq!(vault.write_entry(&at, 1, serde_json::Map::new()).await.unwrap().version, 2);

    let error = in_namespaces("team", None).read_entry(&at).await.unwrap_err();
    assert_eq!(error.class(), "vault_login_refused", "there is no such method: {error}");
    assert!(error.advice().contains("`namespace`"), "{}", error.advice());
    let error = in_namespaces("team", Some("nobody")).read_entry(&at).await.unwrap_err();
    assert_eq!(error.class(), "vault_missing_namespace", "{error}");
}
