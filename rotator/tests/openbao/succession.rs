//! Going on under other settings while the program runs.

use std::time::Duration;

use serde_json::json;
use tokenferry_rotator::run::{Due, Outcome, RotationId, Work as _};
use tokenferry_sources::Reference;
use tokenferry_vault::{Kept, VaultAuth, VaultSettings};

use crate::bao::{Bao, ROOT};
use crate::proxy::Proxy;
use crate::setting::{World, due, entry, failed, place, rotated, settings};

const POLICY: &str = "path \"secret/*\" { capabilities = [\"create\", \"read\", \"update\"] }";
const LOGIN: &str = "POST /v1/auth/approle/login";

async fn app_role(world: &World, address: &str) -> VaultSettings {
    let bao = &world.bao;
    bao.root("POST", "sys/auth/approle", json!({ "type": "approle" })).await;
    bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": POLICY })).await;
    bao.root("POST", "auth/approle/role/rotator", json!({ "token_policies": "tests" })).await;
    let role_id = bao.root("GET", "auth/approle/role/rotator/role-id", json!(null)).await;
    let secret_id = bao.root("POST", "auth/approle/role/rotator/secret-id", json!(null)).await;
    world.variables.set("SECRET_ID", secret_id["data"]["secret_id"].as_str().unwrap());
    VaultSettings {
        auth: VaultAuth::AppRole {
            mount: "approle".to_owned(),
            role_id: Kept::Here(role_id["data"]["role_id"].as_str().unwrap().into()),
            secret_id: Reference::Env("SECRET_ID".to_owned()).into(),
        },
        ..settings(address)
    }
}

#[tokio::test]
async fn a_login_goes_on_as_long_as_it_is_made_in_the_same_way_at_the_same_place() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let by_role = app_role(&world, &proxy.address).await;
    let vault = world.vault_with(by_role.clone());
    vault.read_entry(&entry("home")).await.unwrap();
    let logins = |requests: Vec<String>| requests.iter().filter(|request| *request == LOGIN).count();
    assert_eq!(logins(proxy.take()), 1);

    let more_patient = VaultSettings { timeout: Duration::from_secs(7), ..by_role.clone() };
    let next = vault.successor(more_patient);
    next.read_entry(&entry("home")).await.unwrap();
    assert_eq!(logins(proxy.take()), 0);

    let by_token = next.successor(settings(&proxy.address));
    by_token.read_entry(&entry("home")).await.unwrap();
    let by_role_again = by_token.successor(by_role.clone());
    by_role_again.read_entry(&entry("home")).await.unwrap();
    assert_eq!(logins(proxy.take()), 1, "what was logged in otherwise is not known any longer");
    let elsewhere = VaultSettings { namespace: Some("team".to_owned()), ..by_role };
    assert!(!by_role_again.is_at(&elsewhere));
}

#[tokio::test]
async fn what_was_counted_is_counted_on() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let by_role = app_role(&world, &proxy.address).await;
    let vault = world.vault_with(by_role.clone());
    vault.read_entry(&entry("home")).await.unwrap();
    let next = vault.successor(by_role);
    assert_eq!((next.counts().logins, next.counts().failed_logins), (1, 0));
    // What logs in otherwise goes on with the same counts, too: counters never fall.
    let other = next.successor(settings(&proxy.address));
    other.read_entry(&entry("home")).await.unwrap();
    assert_eq!(other.counts().logins, 2);
}

#[tokio::test]
async fn a_refused_login_stays_refused_for_the_next_settings_until_it_is_changed() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let by_role = app_role(&world, &proxy.address).await;
    let right = world.variables.take("SECRET_ID");
    world.variables.set("SECRET_ID", "planted-wrong-secret-id");
    let vault = world.vault_with(by_role.clone());
    assert_eq!(vault.read_entry(&entry("home")).await.unwrap_err().class(), "vault_login_refused");
    let next = vault.successor(by_role.clone());
    assert_eq!(next.read_entry(&entry("home")).await.unwrap_err().class(), "vault_login_refused");
    assert_eq!(proxy.take(), [LOGIN]);
    world.variables.set("SECRET_ID", &right);
    next.successor(by_role).read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_replaced_where_it_is_kept_is_taken_at_once() {
    let world = World::new().await;
    let token = world.token_with(POLICY).await;
    world.variables.set("VAULT_TOKEN", &token);
    let vault = world.vault();
    vault.read_entry(&entry("home")).await.unwrap();
    // One that Vault does not know is answered like one that may do nothing.
    world.variables.set("VAULT_TOKEN", "not-a-token");
    let error = vault.successor(settings(&world.bao.address)).read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_forbidden");
    vault.read_entry(&entry("home")).await.unwrap();
    world.variables.set("VAULT_TOKEN", ROOT);
    vault.successor(settings(&world.bao.address)).read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn certificates_are_read_anew() {
    let world = World::new().await;
    let (secure, other) = (Bao::start_tls().await, Bao::start_tls().await);
    let ca_cert_file = secure.ca_file().with_file_name("trusted.pem");
    std::fs::copy(other.ca_file(), &ca_cert_file).unwrap();
    let settings = VaultSettings { ca_cert_file: Some(ca_cert_file.clone()), ..settings(&secure.address) };
    let vault = world.vault_with(settings.clone());
    assert_eq!(vault.read_entry(&entry("home")).await.unwrap_err().class(), "vault_tls");
    std::fs::copy(secure.ca_file(), &ca_cert_file).unwrap();
    vault.successor(settings).read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn a_rotation_that_carries_on_reads_nothing_and_stores_what_waits() {
    let world = World::new().await;
    let proxy = Proxy::start(&world.bao.address).await;
    let home = world.rotation("home", &[place("home")]);
    let runner = world.runner(home.clone(), world.vault_with(settings(&proxy.address)));
    rotated(&runner).await;
    proxy.take();
    let rotations = [world.rotation("new", &[place("new")]), home];
    let next = runner.successor(&rotations, &[None, Some(RotationId(0))], runner.vault().clone());
    let run = Due { rotation: RotationId(1), ..due(3600) };
    let outcome = next.run(&run).await;
    assert!(matches!(outcome, Outcome::Rotated(living) if living.version == 2), "{outcome:?}");
    assert_eq!(proxy.take(), ["POST /v1/secret/data/home"]);
}

#[tokio::test]
async fn what_is_gone_is_seen_off_when_its_token_is_stored() {
    let world = World::new().await;
    let runner = world.home();
    assert!(!runner.owes(RotationId(0)));
    let policy = world.token_with("path \"secret/*\" { capabilities = [\"read\"] }").await;
    world.variables.set("VAULT_TOKEN", &policy);
    assert_eq!(failed(&runner).await.0, "vault_forbidden");
    assert!(runner.owes(RotationId(0)));
    world.bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": POLICY })).await;
    runner.see_off(RotationId(0)).await;
    assert!(!runner.owes(RotationId(0)));
    let stored = world.vault().read_entry(&entry("home")).await.unwrap();
    assert_eq!((stored.version, world.logins().succeeded), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_stored_for_good_is_given_up() {
    let world = World::new().await;
    let runner = world.home();
    let policy = world.token_with("path \"secret/*\" { capabilities = [\"read\"] }").await;
    world.variables.set("VAULT_TOKEN", &policy);
    assert_eq!(failed(&runner).await.0, "vault_forbidden");
    runner.see_off(RotationId(0)).await;
    assert!(!runner.owes(RotationId(0)));
    assert_eq!(world.logins().attempted, 1);
}
