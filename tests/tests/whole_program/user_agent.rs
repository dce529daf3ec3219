//! Who asks, as each system sees it.

use serde_json::{Value as Json, json};
use tokenferry_tests::launch::Launch;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::recorder::Recorder;
use tokenferry_tests::value::Value;

/// Good enough for most logins.
const ANSWER: &str = r#"{"jwtToken":"a.b.c","access_token":"t","token_type":"Bearer","expires_in":600,"token":"t","credentials":{"access_token":"t"},"data":{}}"#;

fn provider_block(url: &str) -> Value {
    let login = |name: &str| json!({ "username": "u", "password": "p", "base_url": format!("{url}/{name}") });
    let with = |mut object: Json, more: Json| {
        let more = more.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(more);
        object
    };
    Value::from(&json!({
        "zscaler": { "api_key": "k", "secret_key": "s", "base_url": format!("{url}/zscaler") },
        "zetasafe": with(login("zetasafe"), json!({ "admin_client_id": "1" })),
        "zenoti": with(login("zenoti"), json!({ "account_name": "a", "app_id": "i", "app_secret": "s" })),
        "zettelstore": login("zettelstore"),
        "vault": { "address": url, "token": "t" },
    }))
}

fn requests(url: &str) -> [Value; 2] {
    let token = json!({ "token": { "json_pointer": "/token" } });
    let chain = json!({ "request": [{ "url": format!("{url}/chain"), "values": token }] });
    let preset = json!({
        "secrets": { "client_secret": { "env": "CLIENT_SECRET" } },
        "oauth2_client_credentials": { "token_url": format!("{url}/preset"), "client_id": "c" },
    });
    [Value::from(&chain), Value::from(&preset)]
}

async fn read_everything(plugin: &Plugin, url: &str) {
    let nothing = Value::from(&json!({}));
    for system in ["zscaler", "zetasafe", "zenoti", "zettelstore"] {
        drop(plugin.read(&format!("tokenferry_{system}_token"), &nothing).await);
    }
    for request in requests(url) {
        drop(plugin.read("tokenferry_http_token", &request).await);
    }
    drop(plugin.read("tokenferry_zscaler_otp", &Value::from(&json!({ "udid": "A:501" }))).await);
    let entry = json!({ "mount": "kv", "path": "a" });
    drop(plugin.read("tokenferry_rotated_token", &Value::from(&entry)).await);
}

#[tokio::test]
async fn every_request_says_who_asks() {
    let server = Recorder::start(ANSWER).await;
    let launch = Launch::new().env("CLIENT_SECRET", "s").env("TF_APPEND_USER_AGENT", " pipeline/7 ");
    let plugin = launch.start().await;
    plugin.configure(&provider_block(&server.url())).await.ok();
    read_everything(&plugin, &server.url()).await;
    let asked = server.asked();
    let places = [
        "/zscaler/auth",
        "/zscaler/public",
        "/zetasafe",
        "/zenoti",
        "/zettelstore",
        "/chain",
        "/preset",
        "/v1",
    ];
    for place in places {
        assert!(asked.iter().any(|request| request.path.starts_with(place)), "nothing was sent to {place}");
    }
    let expected = format!("tokenferry/{} (terraform 1.11.4) pipeline/7", env!("CARGO_PKG_VERSION"));
    for request in asked {
        assert_eq!(request.header("user-agent"), [expected.as_str()], "{}", request.path);
    }
    plugin.finish().await;
}

#[tokio::test]
async fn what_would_break_the_header_is_refused_before_anything_is_sent() {
    let server = Recorder::start(ANSWER).await;
    let plugin = Launch::new().env("TF_APPEND_USER_AGENT", "a\r\nX-Evil: b").start().await;
    let reply = plugin.configure(&provider_block(&server.url())).await;
    assert!(reply.error().says(&["TF_APPEND_USER_AGENT", "control character"]), "{reply:?}");
    assert!(server.asked().is_empty());
    plugin.finish().await;
}
