//! The provider block, attribute by attribute.

use serde_json::json;
use tokenferry_sandbox::ExampleKey;

use super::table::{Kind, Row, Table, duration, flag, positive_duration, row, rows, secret, text, url};

pub(super) fn tables() -> Vec<Table> {
    let rows = [
        general(),
        zscaler(),
        zscaler_logins(),
        zetasafe(),
        zenoti(),
        zettelstore(),
        vault(),
        vault_logins(),
    ];
    vec![Table { kinds: vec![Kind::Provider], good: json!({}), rows: rows.concat() }]
}

fn general() -> Vec<Row> {
    [text("ca_cert_file"), positive_duration("timeout"), duration("max_wait")].concat()
}

fn zscaler() -> Vec<Row> {
    let cloud = [
        (json!("zscaler.com"), "base_url"),
        (json!("zscalrtwo"), "did you mean \"zscalertwo\"?"),
        (json!("a b"), "name of a cloud"),
        (json!("-"), "cloud"),
    ];
    let long = json!("a".repeat(64));
    let vanity = [(json!("acme.zslogin.net"), "\"acme\""), (json!("-acme"), "\"acme\""), (long, "\"acme\"")];
    [
        rows("zscaler.method", [(json!("digest"), "\"legacy\", \"oneapi\""), (json!(""), "empty")]),
        text("zscaler.api_key"),
        secret("zscaler.secret_key"),
        text("zscaler.client_id"),
        secret("zscaler.client_secret"),
        rows("zscaler.private_key", [(json!(""), "empty"), (json!("/etc/key.pem"), "not its path")]),
        rows("zscaler.vanity_domain", vanity),
        rows("zscaler.cloud", cloud),
        url("zscaler.base_url"),
        url("zscaler.token_url"),
        text("zscaler.partner_id"),
        rows("zscaler.partner_id", [(json!("ä"), "ASCII")]),
        positive_duration("zscaler.ttl"),
        flag("zscaler.allow_http"),
        vec![
            row("zscaler.base_url", "nonsense", "not a URL")
                .with("zscaler.cloud", "a b")
                .and("zscaler.cloud", "name of a cloud"),
        ],
    ]
    .concat()
}

fn zscaler_logins() -> Vec<Row> {
    let both = "only one of them";
    vec![
        row("zscaler.client_id", "b", both).with("zscaler.api_key", "a"),
        row("zscaler.client_secret", "b", both).with("zscaler.secret_key", "a"),
        row("zscaler.vanity_domain", "b", both).with("zscaler.api_key", "a"),
        row("zscaler.token_url", "https://b.example", both).with("zscaler.api_key", "a"),
        row("zscaler.private_key", ExampleKey::new().pkcs8_pem(), "only one")
            .with("zscaler.client_secret", "a"),
    ]
}

fn zetasafe() -> Vec<Row> {
    let no_meaning = "has no meaning with `token_kind";
    let names =
        ["username", "admin_client_id", "role_id", "client_id"].map(|name| format!("zetasafe.{name}"));
    [
        names.iter().flat_map(|name| text(name)).collect(),
        secret("zetasafe.password"),
        rows("zetasafe.token_kind", [(json!("admin"), "\"user_client\", \"role\"")]),
        rows("zetasafe.environment", [(json!("staging"), "\"production\", \"development\"")]),
        url("zetasafe.base_url"),
        rows("zetasafe.base_url", [(json!("https://api.zetasafe.net/dev/ext/"), "leave that out")]),
        positive_duration("zetasafe.ttl"),
        flag("zetasafe.allow_http"),
        vec![
            row("zetasafe.admin_client_id", "1", no_meaning).with("zetasafe.token_kind", "role"),
            row("zetasafe.role_id", "1", no_meaning).with("zetasafe.token_kind", "user_client"),
            row("zetasafe.client_id", "1", no_meaning).with("zetasafe.token_kind", "user_client"),
            row("zetasafe.role_id", "1", "`admin_client_id`").with("zetasafe.admin_client_id", "1"),
        ],
    ]
    .concat()
}

fn zenoti() -> Vec<Row> {
    let both = "only one of them";
    let names = ["account_name", "username", "app_id", "device_id"].map(|name| format!("zenoti.{name}"));
    [
        rows("zenoti.method", [(json!("token"), "\"password\", \"api_key\"")]),
        names.iter().flat_map(|name| text(name)).collect(),
        secret("zenoti.password"),
        secret("zenoti.app_secret"),
        secret("zenoti.api_key"),
        positive_duration("zenoti.ttl"),
        rows("zenoti.api_key", [(json!("a\u{7}b"), "header")]),
        rows(
            "zenoti.api_key_expires_at",
            [(json!("2027-01-31"), "2027-01-31T00:00:00Z"), (json!(""), "empty")],
        ),
        url("zenoti.base_url"),
        rows("zenoti.base_url", [(json!("https://api.zenoti.com/v1"), "leave that out")]),
        rows("zenoti.account_name", [(json!("acme.zenoti.com"), "\"acme\" of")]),
        flag("zenoti.allow_http"),
        vec![
            row("zenoti.api_key", "b", both).with("zenoti.username", "a"),
            row("zenoti.api_key", "b", both).with("zenoti.app_secret", "a"),
        ],
    ]
    .concat()
}

fn zettelstore() -> Vec<Row> {
    [
        url("zettelstore.base_url"),
        text("zettelstore.username"),
        secret("zettelstore.password"),
        rows("zettelstore.method", [(json!("digest"), "\"basic\", \"form\"")]),
        flag("zettelstore.require_authentication"),
        flag("zettelstore.allow_http"),
    ]
    .concat()
}

fn vault() -> Vec<Row> {
    let names = ["namespace", "ca_cert_file", "token_file"].map(|name| format!("vault.{name}"));
    let example = "https://vault.example:8200";
    let address = [
        (json!(""), "empty"),
        (json!("vault.example:8200"), example),
        (json!("https:///"), example),
        (json!("ftp://vault.example"), example),
        (json!("https://vault.example:99999"), example),
        (json!("http://vault.example"), "allow_http"),
        (json!("https://planted:word@vault.example"), "user name or password"),
        (json!("https://vault.example/?a"), "`?`"),
        (json!("https://vault.example/#a"), "`#`"),
        (json!("https://proxy.example/vault"), "path"),
    ];
    [
        rows("vault.address", address),
        names.iter().flat_map(|name| text(name)).collect(),
        flag("vault.allow_http"),
        secret("vault.token"),
        rows("vault.token", [(json!("s.a b"), "no Vault token")]),
    ]
    .concat()
}

fn vault_logins() -> Vec<Row> {
    let role = json!({ "role_id": "r", "secret_id": "s" });
    let jwt = json!({ "role": "r", "jwt": "j" });
    let both = "one way to log in";
    let approle: Vec<Row> = [
        text("vault.approle.role_id"),
        secret("vault.approle.secret_id"),
        rows(
            "vault.approle.mount",
            [(json!(""), "empty"), (json!("a//b"), "empty step"), (json!("../a"), "`..`")],
        ),
        vec![
            row("vault.approle.role_id", json!(null), "role_id"),
            row("vault.approle.secret_id", json!(null), "secret_id"),
            row("vault.approle", json!({}), "role_id")
                .shown_at("vault.approle.role_id")
                .and("vault.approle.secret_id", "secret_id"),
        ],
    ]
    .concat();
    let by_jwt: Vec<Row> = [
        text("vault.jwt.role"),
        secret("vault.jwt.jwt"),
        rows("vault.jwt.mount", [(json!("/"), "empty"), (json!("./a"), "`..`")]),
        vec![row("vault.jwt.role", json!(null), "role"), row("vault.jwt.jwt", json!(null), "jwt")],
    ]
    .concat();
    let beside = |rows: Vec<Row>, at: &str, good: &serde_json::Value| -> Vec<Row> {
        rows.into_iter().map(|row| row.with(at, good.clone())).collect()
    };
    [
        beside(approle, "vault.approle", &role),
        beside(by_jwt, "vault.jwt", &jwt),
        vec![
            row("vault.token_file", "/t", both).with("vault.token", "a"),
            row("vault.approle", role.clone(), both).with("vault.token_file", "/t"),
            row("vault.jwt", jwt, both).with("vault.approle", role),
            row("vault.address", "nonsense", "https://vault.example:8200")
                .with("vault.token", "a")
                .with("vault.token_file", "/t")
                .and("vault.token_file", both),
        ],
    ]
    .concat()
}
