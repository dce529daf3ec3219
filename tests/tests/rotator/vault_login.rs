//! How the rotator logs in at OpenBao, and what it does when its login ends.

use serde_json::json;
use tokenferry_tests::openbao::rotator_policy;

use crate::site::{DATA, METADATA, MOUNT, Site, rotation, until, warnings};

#[tokio::test]
async fn a_token_may_come_from_the_environment_or_from_a_file() {
    let mut site = Site::new("token-places").await;
    let token = site.openbao.create_token(&json!({"policies": ["rotator"], "ttl": "20m"})).await;
    site.rotator.write_secret("vault-token", &format!("{token}\n"));
    site.rotator.guard(&token);
    site.configure(|config| {
        TOKEN_FILE.clone_into(&mut config.vault);
    });
    site.rotator.run(&["once"]).await.ok();

    site.configure(|config| config.vault.clear());
    let rotator = site.another().env("VAULT_ADDR", "http://127.0.0.1:1").secret_env("VAULT_TOKEN", &token);
    rotator.run(&["once", "--force"]).await.ok();
    assert_eq!((site.entry().await.unwrap().version, site.vault_logins()), (2, 0));
}

#[tokio::test]
async fn address_and_namespace_may_come_from_the_environment() {
    let site = Site::new("namespace").await;
    let team = site.openbao.create_namespace("team").await;
    team.enable_kv(MOUNT).await;
    team.write_policy("rotator", &rotator_policy(MOUNT, "tokens/*")).await;
    let token = team.create_token(&json!({"policies": ["rotator"]})).await;
    let rotator = site.another();
    let text = std::fs::read_to_string(rotator.directory().join("tokenferry.hcl")).unwrap();
    let (_, rest) = text.split_once("source \"zettelstore\"").unwrap();
    rotator.write("tokenferry.hcl", &format!("source \"zettelstore\"{rest}"));
    let rotator = rotator.env("VAULT_ADDR", site.openbao.url()).env("VAULT_NAMESPACE", "team");

    rotator.secret_env("VAULT_TOKEN", &token).run(&["once"]).await.ok();
    assert!(site.entry().await.is_none());
    let entry = team.entry(MOUNT, crate::site::PATH).await.unwrap();
    assert_eq!(entry.version, 1);
}

#[tokio::test]
async fn a_periodic_token_is_kept_alive_while_nothing_is_to_be_done() {
    let mut site = Site::new("periodic").await;
    let token = site.openbao.create_token(&json!({"policies": ["rotator"], "period": "9s"})).await;
    site.rotator.write_secret("vault-token", &token);
    site.configure(|config| {
        TOKEN_FILE.clone_into(&mut config.vault);
    });
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    until("the second renewal", || site.openbao.count("update", "auth/token/renew-self") >= 2).await;

    let lookup = site.openbao.with_token(token).request("GET", "auth/token/lookup-self", None).await.unwrap();
    assert_eq!(lookup.status, 200);
    assert_eq!(warnings(&daemon), 0);
}

#[tokio::test]
async fn a_batch_token_is_replaced_in_time_since_it_cannot_be_renewed() {
    let mut site = Site::with_life("batch", 14).await;
    site.configure(|config| config.rotation = "renew_before = \"4s\"".to_owned());
    let settings = json!({"token_policies": ["rotator"], "token_ttl": "9s", "token_type": "batch"});
    site.openbao.create_approle("rotator", &settings).await;
    let daemon = site.rotator.start();
    site.version(2).await;
    assert_eq!(site.vault_logins(), 2);
    assert_eq!(warnings(&daemon), 0);
    assert!(
        site.openbao.audited().iter().all(|asked| asked.error.is_none() || asked.path.starts_with("sys/"))
    );
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_by_one_login_for_all() {
    let mut site = Site::with_life("revoked", 12).await;
    site.configure(|config| {
        config.rotation = "renew_before = \"6s\"".to_owned();
        config.more = ["two", "three"].map(rotation).concat();
    });
    let daemon = site.rotator.start();
    for path in ["tokens/notes", "tokens/two", "tokens/three"] {
        site.openbao.entry_that(MOUNT, path, |_| true).await;
    }
    assert_eq!(site.vault_logins(), 1);
    site.revoke_vault_tokens().await;
    for path in ["tokens/notes", "tokens/two", "tokens/three"] {
        site.openbao.entry_that(MOUNT, path, |entry| entry.version == 2).await;
    }
    assert_eq!(site.vault_logins(), 2);
    assert_eq!(warnings(&daemon), 0, "nobody has to know");
}

#[tokio::test]
async fn a_new_secret_id_is_read_for_the_next_login() {
    let mut site = Site::with_life("new-secret-id", 12).await;
    site.configure(|config| config.rotation = "renew_before = \"6s\"".to_owned());
    let _daemon = site.rotator.start();
    site.version(1).await;
    let fresh = site.openbao.create_secret_id("rotator").await;
    site.rotator.write_secret("secret_id", &fresh);
    site.openbao.destroy_secret_id(&site.role).await;
    site.revoke_vault_tokens().await;
    assert_eq!(site.version(2).await.version, 2);
    assert_eq!(site.vault_logins(), 2);
}

#[tokio::test]
async fn a_refused_approle_is_told_and_not_tried_in_a_tight_loop() {
    let site = Site::new("destroyed-secret-id").await;
    site.openbao.destroy_secret_id(&site.role).await;
    let daemon = site.rotator.start();
    let refused = daemon.event(|event| event.field("next_try_in_secs").as_u64() == Some(4)).await;
    let message = refused.message();
    assert!(
        message.contains("logging in to Vault at auth/approle: Vault refused the login (HTTP 400)"),
        "{message}"
    );
    assert!(refused.text("advice").contains("secret_id"), "{}", refused.text("advice"));
    assert_eq!((refused.text("class"), site.vault_logins(), site.logins()), ("vault_login_refused", 1, 0));

    let fresh = site.openbao.create_secret_id("rotator").await;
    site.rotator.write_secret("secret_id", &fresh);
    site.version(1).await;
    assert_eq!(site.vault_logins(), 2);
}

#[tokio::test]
async fn what_the_policy_forbids_is_told_with_path_and_capabilities() {
    let site = Site::new("forbidden").await;
    let policy = format!(
        "path \"{DATA}\" {{ capabilities = [\"read\"] }}\npath \"{METADATA}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n"
    );
    site.openbao.write_policy("rotator", &policy).await;
    let daemon = site.rotator.start();
    let refused = daemon.event(|event| event.text("class") == "vault_forbidden").await;
    let error = refused.text("error");
    assert!(
        error.contains("writing secret/tokens/notes: the policies of the Vault token do not allow it"),
        "{error}"
    );
    let advice = refused.text("advice");
    assert!(advice.contains("`create`, `read` and `update` on secret/data/tokens/notes"), "{advice}");
    site.openbao.write_policy("rotator", &rotator_policy(MOUNT, "tokens/*")).await;
    site.version(1).await;
    assert_eq!((site.vault_logins(), site.logins()), (1, 1), "both logins are good, and none is repeated");
}

#[tokio::test]
async fn a_vault_token_that_is_nowhere_is_told() {
    let mut site = Site::new("no-vault-token").await;
    site.configure(|config| config.vault.clear());
    let said = site.rotator.run(&["once"]).await.failed_with(4).words();
    assert!(
        said.contains("cannot read what to log in to Vault with") && said.contains("VAULT_TOKEN"),
        "{said}"
    );
    assert_eq!(site.logins(), 0);
}

const TOKEN_FILE: &str = "auth \"token\" {\n token = { file = \"vault-token\" }\n }";
