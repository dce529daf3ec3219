//! What is decided during apply only: taken when it is configured, and named by whoever needs it.

use serde_json::{Value as Json, json};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Reply;
use tokenferry_tests::value::{Value, object};

/// A system, an attribute of it that is not known, and what is read.
fn cases(url: &str) -> Vec<(Json, &'static str, &'static str, Json)> {
    let user = || json!({ "username": "u", "password": "p", "base_url": url, "admin_client_id": "1" });
    let without_client = json!({ "username": "u", "password": "p", "base_url": url });
    let zenoti = json!({ "username": "u", "password": "p", "account_name": "a", "app_id": "i", "app_secret": "s",
        "base_url": url });
    let zscaler = json!({ "api_key": "k", "secret_key": "s", "base_url": url });
    let one_api = json!({ "client_id": "k", "client_secret": "s", "base_url": url, "token_url": url });
    let otp = || json!({ "udid": "A:501" });
    let entry = || json!({ "mount": "kv", "path": "a" });
    let nobody = "http://127.0.0.1:8200";
    let role = json!({ "role_id": "r", "secret_id": "s" });
    vec![
        (json!({ "zscaler": zscaler }), "zscaler.base_url", "tokenferry_zscaler_token", json!({})),
        (json!({ "zscaler": zscaler }), "zscaler.secret_key", "tokenferry_zscaler_otp", otp()),
        (json!({ "zscaler": zscaler }), "zscaler", "tokenferry_zscaler_otp", otp()),
        (json!({ "zscaler": one_api }), "zscaler.token_url", "tokenferry_zscaler_token", json!({})),
        (json!({ "zetasafe": user() }), "zetasafe.base_url", "tokenferry_zetasafe_token", json!({})),
        (json!({ "zetasafe": user() }), "zetasafe.admin_client_id", "tokenferry_zetasafe_token", json!({})),
        (json!({ "zenoti": zenoti }), "zenoti.app_secret", "tokenferry_zenoti_token", json!({})),
        (
            json!({ "zettelstore": without_client }),
            "zettelstore.base_url",
            "tokenferry_zettelstore_token",
            json!({}),
        ),
        (
            json!({ "vault": { "address": nobody, "token": "t" } }),
            "vault.address",
            "tokenferry_rotated_token",
            entry(),
        ),
        (
            json!({ "vault": { "address": nobody, "approle": role } }),
            "vault.approle.secret_id",
            "tokenferry_rotated_token",
            entry(),
        ),
        (
            json!({ "vault": { "address": nobody, "token": "t" } }),
            "vault",
            "tokenferry_rotated_token",
            entry(),
        ),
        (json!({ "zettelstore": without_client }), "timeout", "tokenferry_zettelstore_token", json!({})),
        (json!({ "zettelstore": without_client }), "ca_cert_file", "tokenferry_zettelstore_token", json!({})),
    ]
}

#[tokio::test]
async fn case_19_whatever_is_not_known_yet_is_named_by_reads_and_openings() {
    let issuer = Issuer::start("case-19-all").await;
    for (block, at, kind, arguments) in cases(&issuer.zettelstore_url()) {
        for unknown in [Value::unknown(), Value::unknown_with_prefix("h")] {
            let mut config = Value::from(&block);
            put(&mut config, at, unknown);
            let plugin = Plugin::start().await;
            plugin.validate_provider(&config).await.ok();
            plugin.configure(&config).await.ok();
            let arguments = Value::from(&arguments);
            named(&plugin.read(kind, &arguments).await, at);
            named(&plugin.open_ephemeral(kind, &arguments).await.reply, at);
            plugin.finish().await;
        }
    }
    assert_eq!(issuer.connections(), 0);
}

fn named(reply: &Reply, at: &str) {
    let error = reply.error();
    assert_eq!(error.path, at, "{error:?}");
    assert!(error.says(&["known", "apply", "`-target`", "variable", at]), "{error:?}");
}

#[tokio::test]
async fn case_30_a_number_means_the_same_in_each_of_its_forms() {
    let plugin = Plugin::configured(&object([])).await;
    let config = |number: Value| {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        object([("secret", secret.into()), ("period", "1h".into()), ("minimum_seconds", number)])
    };
    for number in [Value::Int(0), Value::Float(0.0), "0".into(), "0.0".into()] {
        plugin.validate_ephemeral("tokenferry_totp", &config(number.clone())).await.ok();
        plugin.open_ephemeral("tokenferry_totp", &config(number)).await.reply.ok();
    }
    for number in [Value::Float(1.5), "1.5".into(), Value::Int(-1), Value::Float(-1.0), "-1".into()] {
        let checked = plugin.validate_ephemeral("tokenferry_totp", &config(number.clone())).await;
        let opened = plugin.open_ephemeral("tokenferry_totp", &config(number)).await.reply;
        for reply in [checked, opened] {
            assert_eq!(reply.error().path, "minimum_seconds");
        }
    }
    plugin.finish().await;
}

fn put(config: &mut Value, at: &str, value: Value) {
    let mut here = config;
    for step in at.split('.') {
        let Value::Object(members) = here else { panic!("no object at {at}") };
        here = members.entry(step.to_owned()).or_insert(Value::Null);
    }
    *here = value;
}
