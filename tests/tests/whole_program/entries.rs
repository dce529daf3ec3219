//! Entries as the rotator leaves them, in a real OpenBao, and those who may read them.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use serde_json::{Value as Json, json};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::openbao::{Api, OpenBao};
use tokenferry_tests::value::{Value, object};

/// Where the entries of these tests are.
pub(crate) const PATH: &str = "tokens/notes";

/// What stands in them; nothing else looks like it.
pub(crate) const TOKEN: &str = "planted-token-that-is-rotated";

/// An entry with a token of Zettelstore's planted user that lives for another `left` seconds, by the rotator's clock.
pub(crate) fn entry(issuer: &Issuer, left: i64) -> Json {
    json!({
        "token": TOKEN,
        "token_type": "Stranger",
        "header_name": "X-Stranger",
        "header_value": format!("Stranger {TOKEN}"),
        "issued_at": in_seconds(left - 600),
        "expires_at": in_seconds(left),
        "refresh_after": in_seconds(left - 60),
        "ttl": 600,
        "system": "zettelstore",
        "issuer": issuer.zettelstore_url(),
        "subject": issuer.planted.username,
        "source": "zettelstore.notes",
        "rotation": "notes",
        "occurrence": in_seconds(left - 600),
        "serial": 7,
        "writer": "somewhere/1",
        "schema": 1,
    })
}

/// The same without an end.
pub(crate) fn endless(issuer: &Issuer) -> Json {
    let mut entry = entry(issuer, 600);
    for name in ["expires_at", "refresh_after", "ttl"] {
        entry.as_object_mut().unwrap().remove(name);
    }
    entry
}

/// A server with this entry at `secret`, and an account of what it is asked.
pub(crate) async fn server(entry: &Json) -> OpenBao {
    let server = OpenBao::in_memory().await;
    server.write_entry("secret", PATH, entry).await;
    server.enable_audit().await;
    server
}

/// A token that may read one entry, and nothing else.
pub(crate) async fn reader(server: &Api, path: &str) -> String {
    server.write_policy("reader", &format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n")).await;
    server.create_token(&json!({"policies": ["reader"], "no_default_policy": true})).await
}

/// The provider's attribute `vault`.
pub(crate) fn vault(server: &Api, token: &str) -> Value {
    object([("address", server.url().into()), ("token", token.into())])
}

/// `mount` and `path`.
pub(crate) fn place() -> Value {
    object([("mount", "secret".into()), ("path", PATH.into())])
}

/// A time so many seconds from now, as the rotator writes it.
pub(crate) fn in_seconds(left: i64) -> String {
    let offset = Duration::from_secs(left.unsigned_abs());
    let now = SystemTime::now();
    let time = Timestamp::from(if left < 0 { now - offset } else { now + offset });
    Timestamp { nanos: 0, ..time }.to_string()
}
