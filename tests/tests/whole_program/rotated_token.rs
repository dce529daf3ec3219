//! Reading what the rotator has left in Vault.

use std::time::Duration;

use serde_json::json;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::Launch;
use tokenferry_tests::leak;
use tokenferry_tests::openbao::OpenBao;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::{Value, object};
use tokio::task::JoinSet;

use crate::entries::{PATH, TOKEN, endless, entry, place, reader, server, vault};

const ROTATED: &str = "tokenferry_rotated_token";
const DATA: &str = "secret/data/tokens/notes";

fn with_minimum(minimum: &str) -> Value {
    object([("mount", "secret".into()), ("path", PATH.into()), ("minimum_lifetime", minimum.into())])
}

async fn provider(server: &OpenBao, token: &str) -> Plugin {
    Plugin::configured(&object([("vault", vault(server, token))])).await
}

#[tokio::test]
async fn an_entry_is_read_whole_and_its_issuer_is_not_asked() {
    let issuer = Issuer::start("rotated").await;
    let server = server(&entry(&issuer, 600)).await;
    let plugin = provider(&server, &reader(&server, DATA).await).await;
    for reply in [plugin.read(ROTATED, &place()).await, plugin.open_ephemeral(ROTATED, &place()).await.reply]
    {
        for (name, expected) in [
            ("token", TOKEN),
            ("header_name", "X-Stranger"),
            ("system", "zettelstore"),
            ("subject", issuer.planted.username.as_str()),
            ("source", "zettelstore.notes"),
            ("rotation", "notes"),
            ("writer", "somewhere/1"),
        ] {
            assert_eq!(reply.text(name), expected, "{name}");
        }
        assert!(reply.text("expires_at") > reply.text("issued_at"));
        assert!(
            matches!(reply.ok().member("serial"), Value::Int(7))
                || reply.ok().member("serial").text() == Some("7")
        );
        leak::assert_none(format!("{:?}", reply.problems).as_bytes(), &[TOKEN], "the diagnostics");
    }
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

#[tokio::test]
async fn many_reads_cost_one_login_and_one_read_of_each_entry() {
    let issuer = Issuer::start("rotated-many").await;
    let server = server(&entry(&issuer, 600)).await;
    server.write_policy("reader", &format!("path \"{DATA}\" {{ capabilities = [\"read\"] }}\n")).await;
    let role = server.create_approle("provider", &json!({"token_policies": ["reader"]})).await;
    let approle = object([
        ("role_id", role.role_id.as_str().into()),
        ("secret_id", role.secret_id.as_str().into()),
        ("mount", Value::Null),
    ]);
    let vault = object([("address", server.url().into()), ("approle", approle)]);
    let plugin = Plugin::configured(&object([("vault", vault)])).await;
    assert_eq!(server.audited().len(), 0, "configuring asked Vault");
    let mut reads = JoinSet::new();
    for _ in 0..32 {
        let connection = plugin.connection.clone();
        reads.spawn(async move { connection.read(ROTATED, &place()).await.text("token").to_owned() });
    }
    assert!(reads.join_all().await.iter().all(|token| token == TOKEN));
    plugin.open_ephemeral(ROTATED, &place()).await.reply.ok();
    assert_eq!(server.count("update", "auth/approle/login"), 1);
    assert_eq!(server.count("read", DATA), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn what_does_not_live_long_enough_is_refused_with_its_rotation() {
    let issuer = Issuer::start("rotated-old").await;
    let cases = [
        (entry(&issuer, -90), place(), "path", ["has expired", "notes", "tokenferry status"]),
        (entry(&issuer, 60), with_minimum("10m"), "minimum_lifetime", ["600 s", "notes", "renew_before"]),
        (
            endless(&issuer),
            with_minimum("1s"),
            "minimum_lifetime",
            ["does not say", "`ttl`", "zettelstore.notes"],
        ),
    ];
    let server = server(&entry(&issuer, 600)).await;
    for (entry, config, path, words) in cases {
        server.write_entry("secret", PATH, &entry).await;
        let plugin = provider(&server, server.token()).await;
        let reply = plugin.read(ROTATED, &config).await;
        assert!(reply.error().says(&words), "{:?}", reply.error());
        assert_eq!(reply.error().path, path);
        leak::assert_none(reply.error().text().as_bytes(), &[TOKEN, server.token()], "the error");
        plugin.finish().await;
    }
    server.write_entry("secret", PATH, &endless(&issuer)).await;
    let plugin = provider(&server, server.token()).await;
    assert_eq!(plugin.read(ROTATED, &place()).await.ok().member("expires_at"), &Value::Null);
    plugin.finish().await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_read_is_told_apart() {
    let issuer = Issuer::start("rotated-trouble").await;
    let server = server(&entry(&issuer, 600)).await;
    let elsewhere = object([("mount", "secret".into()), ("path", "tokens/none".into())]);
    let foreign = object([("mount", "secret".into()), ("path", "foreign".into())]);
    server.write_entry("secret", "foreign", &json!({"password": "planted-foreign-secret"})).await;

    let plugin = provider(&server, server.token()).await;
    let absent = plugin.read(ROTATED, &elsewhere).await.error().clone();
    let not_ours = plugin.read(ROTATED, &foreign).await.error().clone();
    leak::assert_none(not_ours.text().as_bytes(), &["planted-foreign-secret"], "the error");
    plugin.finish().await;
    let plugin = provider(&server, &reader(&server, "secret/data/other").await).await;
    let forbidden = plugin.read(ROTATED, &place()).await.error().clone();
    plugin.finish().await;
    let plugin = provider(&server, "planted-bad-token").await;
    let refused = plugin.read(ROTATED, &place()).await.error().clone();
    // Whether a token is over or may just not look itself up is not told.
    assert!(refused.says(&["the token has ended"]), "{refused:?}");
    plugin.finish().await;
    server.seal().await;
    let plugin = provider(&server, server.token()).await;
    let sealed = plugin.read(ROTATED, &place()).await.error().clone();
    plugin.finish().await;

    assert_eq!(
        (absent.path.as_str(), not_ours.path.as_str(), forbidden.path.as_str()),
        ("path", "path", "path")
    );
    assert!(sealed.says(&["sealed"]) && sealed.path == "vault", "{sealed:?}");
    let problems = [absent, not_ours, forbidden, sealed];
    let summaries: std::collections::BTreeSet<_> = problems.iter().map(|problem| &problem.summary).collect();
    assert_eq!(summaries.len(), problems.len(), "{summaries:?}");
}

#[tokio::test]
async fn a_kv_engine_of_version_1_is_read_too() {
    let issuer = Issuer::start("rotated-kv1").await;
    let server = OpenBao::in_memory().await;
    server.write("sys/mounts/old", &json!({"type": "kv", "options": {"version": "1"}})).await;
    server.write(&format!("old/{PATH}"), &entry(&issuer, 600)).await;
    let plugin = provider(&server, &reader(&server, &format!("old/{PATH}")).await).await;
    let config = object([("mount", "old/".into()), ("path", PATH.into())]);
    assert_eq!(plugin.read(ROTATED, &config).await.text("token"), TOKEN);
    plugin.finish().await;
}

#[tokio::test]
async fn the_environment_says_where_vault_is_and_cannot_switch_verification_off() {
    let issuer = Issuer::start("rotated-environment").await;
    let server = server(&entry(&issuer, 600)).await;
    let launch = || Launch::new().env("VAULT_ADDR", server.url()).env("VAULT_TOKEN", server.token());
    let plugin = launch().start().await;
    plugin.configure(&object([])).await.ok();
    assert_eq!(plugin.read(ROTATED, &place()).await.text("token"), TOKEN);
    plugin.finish().await;
    let plugin = launch().env("VAULT_SKIP_VERIFY", "1").start().await;
    plugin.configure(&object([])).await.ok();
    assert!(plugin.read(ROTATED, &place()).await.error().says(&["VAULT_SKIP_VERIFY"]));
    plugin.finish().await;
}

#[tokio::test]
async fn the_vault_block_is_checked_without_asking_anybody() {
    let plugin = Plugin::start().await;
    let provider = |vault: Value| object([("vault", vault)]);
    let address = || ("address", Value::from("https://vault.invalid:8200"));
    let jwt = object([("role", "ci".into()), ("jwt", Value::unknown())]);
    for good in [
        object([]),
        object([address(), ("jwt", jwt)]),
        object([("address", Value::unknown_with_prefix("https://")), ("token", Value::unknown())]),
        Value::unknown(),
    ] {
        plugin.validate_provider(&provider(good)).await.ok();
    }
    for (bad, path) in [
        (object([("address", "http://vault.invalid".into())]), "vault.address"),
        (object([address(), ("token", "x".into()), ("token_file", "/x".into())]), "vault.token_file"),
        (object([address(), ("approle", object([("role_id", "r".into())]))]), "vault.approle.secret_id"),
    ] {
        assert_eq!(plugin.validate_provider(&provider(bad)).await.error().path, path);
    }
    plugin.configure(&provider(Value::unknown())).await.ok();
    assert_eq!(plugin.read(ROTATED, &place()).await.error().path, "vault");
    plugin.finish().await;
}

#[tokio::test]
async fn a_vault_that_cannot_be_reached_fails_within_the_timeout() {
    let vault = object([("address", "http://127.0.0.1:1".into()), ("token", "planted".into())]);
    let plugin = Plugin::configured(&object([("vault", vault), ("timeout", "2s".into())])).await;
    let read = tokio::time::timeout(Duration::from_secs(20), plugin.read(ROTATED, &place())).await;
    assert!(read.unwrap().error().says(&["cannot be reached"]));
    plugin.finish().await;
}
