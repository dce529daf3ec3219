//! What the other tests take for granted about the servers that they start.

use serde_json::json;
use tokenferry_tests::openbao::{OpenBao, rotator_policy};

#[tokio::test]
async fn an_entry_is_written_and_read_with_its_history() {
    let openbao = OpenBao::in_memory().await;
    openbao.enable_kv("team").await;
    assert!(openbao.entry("team", "a/b").await.is_none());
    openbao.write_entry("team", "a/b", &json!({"token": "one"})).await;
    openbao.set_custom_metadata("team", "a/b", &json!({"owner": "me"})).await;
    assert_eq!(openbao.write_entry("team", "a/b", &json!({"token": "two"})).await, 2);

    let entry = openbao.entry_that("team", "a/b", |entry| entry.version == 2).await;
    assert_eq!((entry.text("token"), entry.custom_metadata["owner"].as_str()), ("two", "me"));
    let versions = openbao.versions("team", "a/b").await;
    assert_eq!(versions.len(), 2);
    assert!(versions[0].created < versions[1].created && versions[1].created == entry.created);

    openbao.delete_latest("team", "a/b").await;
    assert!(openbao.entry("team", "a/b").await.is_none() && openbao.versions("team", "a/b").await[1].deleted);
    openbao.undelete("team", "a/b", 2).await;
    assert_eq!(openbao.entry("team", "a/b").await.unwrap().text("token"), "two");
    openbao.remove_entry("team", "a/b").await;
    assert!(openbao.versions("team", "a/b").await.is_empty());
}

#[tokio::test]
async fn a_sealed_server_refuses_and_an_unsealed_one_remembers() {
    let openbao = OpenBao::in_memory().await;
    openbao.write_entry("secret", "a", &json!({"token": "one"})).await;
    openbao.seal().await;
    let answer = openbao.request("GET", "secret/data/a", None).await.unwrap();
    assert_eq!(answer.status, 503);
    openbao.unseal().await;
    assert_eq!(openbao.entry("secret", "a").await.unwrap().text("token"), "one");
}

#[tokio::test]
async fn a_server_on_disk_keeps_its_data_over_a_sudden_death() {
    let mut openbao = OpenBao::raft().await;
    openbao.enable_kv("secret").await;
    openbao.write_entry("secret", "a", &json!({"token": "one"})).await;
    openbao.kill().await;
    assert!(openbao.request("GET", "secret/data/a", None).await.is_err());
    openbao.start().await;
    assert_eq!(openbao.request("GET", "secret/data/a", None).await.unwrap().status, 503);
    openbao.unseal().await;
    assert_eq!(openbao.entry("secret", "a").await.unwrap().text("token"), "one");
    assert_eq!(openbao.write_entry("secret", "a", &json!({"token": "two"})).await, 2);
}

#[tokio::test]
async fn an_approle_may_do_what_its_policy_says_and_its_requests_are_counted() {
    let openbao = OpenBao::in_memory().await;
    openbao.enable_audit().await;
    openbao.write_policy("rotator", &rotator_policy("secret", "tokens/a")).await;
    let settings = json!({"token_policies": ["rotator"], "token_ttl": "20m"});
    let role = openbao.create_approle("rotator", &settings).await;

    let rotator = openbao.with_token(openbao.login(&role).await);
    for token in ["one", "two", "three"] {
        rotator.write_entry("secret", "tokens/a", &json!({"token": token})).await;
    }
    rotator.set_custom_metadata("secret", "tokens/a", &json!({"owner": "me"})).await;
    let refused = rotator.request("GET", "secret/data/tokens/b", None).await.unwrap();

    assert_eq!(refused.status, 403);
    let written = ["create", "update"].map(|operation| openbao.count(operation, "secret/data/tokens/a"));
    assert_eq!(written, [1, 2]);
    let audited = openbao.audited();
    assert!(audited.last().unwrap().error.as_ref().unwrap().contains("permission denied"));
    assert_eq!(audited.last().unwrap().display_name.as_deref(), Some("approle"));
}

/// The first failure of a rotation is noted before there is a token.
#[tokio::test]
async fn metadata_of_a_path_without_entry_needs_the_right_to_create() {
    let openbao = OpenBao::in_memory().await;
    let rights = |metadata: &str| {
        format!(
            "path \"secret/data/*\" {{ capabilities = [\"create\"] }}\n\
             path \"secret/metadata/*\" {{ capabilities = [{metadata}] }}\n"
        )
    };
    let body = json!({"custom_metadata": {"owner": "me"}});
    let mut statuses = Vec::new();
    for (name, metadata) in [("without", "\"update\""), ("with", "\"create\", \"update\"")] {
        openbao.write_policy(name, &rights(metadata)).await;
        let token = openbao.create_token(&json!({"policies": [name]})).await;
        let answer = openbao.with_token(token).request("POST", "secret/metadata/a", Some(&body)).await;
        statuses.push(answer.unwrap().status);
    }
    assert_eq!(statuses, [403, 204]);
    assert_eq!(openbao.custom_metadata("secret", "a").await["owner"], "me");
    assert!(openbao.entry("secret", "a").await.is_none());
}

#[tokio::test]
async fn a_revoked_secret_id_or_token_is_refused() {
    let openbao = OpenBao::in_memory().await;
    let role = openbao.create_approle("rotator", &json!({"token_policies": ["default"]})).await;
    let token = openbao.login(&role).await;
    openbao.revoke_token(&token).await;
    openbao.destroy_secret_id(&role).await;
    let lookup = openbao.with_token(token).request("GET", "auth/token/lookup-self", None).await.unwrap();
    let login = json!({"role_id": role.role_id, "secret_id": role.secret_id});
    let login = openbao.request("POST", "auth/approle/login", Some(&login)).await.unwrap();
    assert_eq!((lookup.status, login.status), (403, 400));
}

#[tokio::test]
async fn a_namespace_has_entries_of_its_own() {
    let openbao = OpenBao::in_memory().await;
    let team = openbao.create_namespace("team").await;
    team.enable_kv("secret").await;
    team.write_entry("secret", "a", &json!({"token": "one"})).await;
    assert!(openbao.entry("secret", "a").await.is_none());
    assert_eq!(team.entry("secret", "a").await.unwrap().version, 1);
}

#[tokio::test]
async fn servers_stand_beside_each_other() {
    let (first, second) = tokio::join!(OpenBao::in_memory(), OpenBao::in_memory());
    first.write_entry("secret", "a", &json!({"token": "one"})).await;
    assert!(second.entry("secret", "a").await.is_none());
}
