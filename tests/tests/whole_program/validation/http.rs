//! Logins to any HTTP service, attribute by attribute.

use serde_json::{Value as Json, json};

use super::readings::both;
use super::table::{Row, Table, flag, positive_duration, row, rows, text, url};

pub(super) fn tables() -> Vec<Table> {
    let kinds = || both("tokenferry_http_token");
    let rows = [terms(), secrets(), target(), fillings(), bodies(), values(), chain()].concat();
    vec![
        Table { kinds: kinds(), good: good(), rows },
        Table { kinds: kinds(), good: preset(), rows: client_credentials() },
    ]
}

/// Two requests, of which the second one uses what the first one gives.
pub(super) fn good() -> Json {
    json!({
        "secrets": { "key": { "env": "KEY" } },
        "request": [
            { "url": "https://host.example/first", "values": { "session": { "header": "X-Session" } } },
            {
                "url": "https://host.example/{{values.session}}",
                "headers": { "X-Api-Key": "{{secrets.key}}" },
                "values": { "token": { "json_pointer": "/token" } },
            },
        ],
    })
}

fn preset() -> Json {
    json!({
        "secrets": { "client_secret": { "file": "/run/secret" } },
        "oauth2_client_credentials": { "token_url": "https://host.example/token", "client_id": "c" },
    })
}

const CLEAR: &str = "say in `secrets`";

fn terms() -> Vec<Row> {
    [
        positive_duration("ttl"),
        rows("header", [(json!("a b"), "header"), (json!("Host"), "header"), (json!(""), "empty")]),
        rows("scheme", [(json!("a b"), "one word"), (json!(""), "empty")]),
        text("account"),
        flag("allow_http"),
        flag("allow_link_local"),
    ]
    .concat()
}

fn secrets() -> Vec<Row> {
    let one_place = "either `env` or `file`";
    vec![
        row("secrets[\"key\"].env", "", "such as `ACME_PASSWORD`"),
        row("secrets[\"key\"].env", "A=B", "Invalid `secrets.key.env`"),
        row("secrets[\"key\"].env", Json::Null, one_place).shown_at("secrets[\"key\"]"),
        row("secrets[\"key\"].file", "/a", one_place).shown_at("secrets[\"key\"]"),
        row("secrets[\"key\"].file", "", "file").with("secrets[\"key\"].env", Json::Null),
        row("secrets[\"key\"].file", Json::Null, one_place)
            .with("secrets[\"key\"].env", Json::Null)
            .shown_at("secrets[\"key\"]"),
        row("secrets[\"1\"].env", "A", "begin with a letter").shown_at("secrets[\"1\"]").anyway(),
    ]
}

fn target() -> Vec<Row> {
    let at = "request[0].url";
    [
        url(at).into_iter().filter(|row| !row.is_of("https://host.example/?a=b")).collect(),
        rows(
            at,
            [
                (Json::Null, "the URL of each request"),
                (json!("https://{{secrets.key}}/"), "fixed"),
                (json!("https://host.example/{{secrets.none}}"), "not declared in `secrets`"),
                (json!("https://host.example/{{values.token}}"), "earlier request"),
                (json!("https://host.example/{{key}}"), "{{secrets.NAME}}"),
                (json!("https://host.example/?password=planted"), CLEAR),
                (json!("https://169.254.169.254/latest"), "allow_link_local"),
                (json!("https://[fe80::1]/"), "allow_link_local"),
            ],
        ),
        rows("request[0].method", [(json!("FETCH"), "\"GET\", \"POST\""), (json!("get"), "\"GET\"")]),
    ]
    .concat()
}

fn fillings() -> Vec<Row> {
    let of = |place: &str| {
        vec![
            row(&format!("request[0].{place}[\"a\"]"), "{{secrets.none}}", "not declared"),
            row(&format!("request[0].{place}[\"a\"]"), "a\nb", "line break"),
            row(&format!("request[0].{place}[\"password\"]"), "planted", CLEAR),
        ]
    };
    let header = |name: &str| format!("request[0].headers[\"{name}\"]");
    [
        of("query"),
        of("headers"),
        of("form"),
        vec![
            row(&header("a b"), "x", "name of a header").anyway(),
            row(&header("Host"), "x", "belongs to the connection").anyway(),
            row(&header("Authorization"), "Bearer planted", CLEAR),
            row(&header("x-tenant"), "x", "another spelling").with(&header("X-Tenant"), "y").anyway(),
            row("request[0].basic_auth.username", "a:b", "colon")
                .with("request[0].basic_auth.password", "{{secrets.key}}"),
            row("request[0].basic_auth.username", "planted", CLEAR),
            row("request[0].basic_auth.password", "planted", CLEAR)
                .with("request[0].basic_auth.username", "a")
                .needed(),
        ],
    ]
    .concat()
}

fn bodies() -> Vec<Row> {
    let at = "request[0].json";
    [
        rows(
            at,
            [
                (json!(""), "not JSON"),
                (json!("{ a: 1 }"), "line 1, column 3"),
                (json!(r#"{"password":"planted"}"#), CLEAR),
                (json!(r#"{"a":"{{secrets.none}}"}"#), "not declared"),
                (json!(r#"{"{{secrets.key}}":1}"#), "not for a name"),
            ],
        ),
        vec![
            row(at, "{}", "one body").with("request[0].form[\"a\"]", "b").shown_at("request[0].form"),
            row(at, "{}", "GET has no body").with("request[0].method", "GET").shown_at("request[0].method"),
        ],
    ]
    .concat()
}

fn values() -> Vec<Row> {
    let of = |name: &str| format!("request[1].values[\"token\"].{name}");
    let without = |rows: Vec<Row>| -> Vec<Row> {
        rows.into_iter().map(|row| row.with(&of("json_pointer"), Json::Null).needed()).collect()
    };
    [
        rows(&of("json_pointer"), [(json!("token"), "begin with `/`"), (json!("/a~2"), "`~0`")]),
        vec![
            row(&of("json_pointer"), Json::Null, "`json_pointer`, `header` or `regex`")
                .shown_at("request[1].values[\"token\"]"),
            row(&of("header"), "X-Token", "not from both"),
            row("request[1].values[\"1\"].header", "A", "begin with a letter")
                .shown_at("request[1].values[\"1\"]")
                .anyway(),
        ],
        without(rows(&of("header"), [(json!("a b"), "name of a header"), (json!(""), "empty")])),
        rows(
            &of("regex"),
            [
                (json!("("), "regular expression"),
                (json!("a=.*"), "exactly one group"),
                (json!("(a)=(.*)"), "exactly one group"),
            ],
        ),
    ]
    .concat()
}

fn chain() -> Vec<Row> {
    let second = json!({ "token": { "json_pointer": "/t" }, "session": { "header": "X" } });
    vec![
        row("request", json!([]), "at least one `request`").with("secrets", Json::Null).needed(),
        row("request[1].values", json!({ "other": { "header": "X" } }), "takes the token")
            .shown_at("request")
            .needed(),
        row("request[0].values", second, "takes the token already")
            .shown_at("request[1].values[\"token\"]")
            .needed(),
        row(
            "oauth2_client_credentials",
            json!({ "token_url": "https://a.example", "client_id": "c" }),
            "takes the place",
        ),
        row("ttl", "soon", "as in \"90s\"")
            .with("request[0].url", "nonsense")
            .with("request[1].headers[\"Host\"]", "x")
            .with("secrets[\"key\"].file", "/a")
            .and("request[0].url", "not a URL")
            .and("request[1].headers[\"Host\"]", "belongs to")
            .and("secrets[\"key\"]", "either"),
    ]
}

fn client_credentials() -> Vec<Row> {
    let of = |name: &str| format!("oauth2_client_credentials.{name}");
    let texts = ["scope", "audience", "assertion_audience", "key_id"].map(|name| text(&of(name)));
    [
        url(&of("token_url")).into_iter().filter(|row| !row.is_of("https://host.example/?a=b")).collect(),
        rows(
            &of("token_url"),
            [
                (Json::Null, "`token_url`"),
                (json!("https://host.example/{{secrets.client_secret}}"), "placeholder"),
                (json!("https://169.254.169.254/token"), "allow_link_local"),
            ],
        ),
        rows(&of("client_id"), [(Json::Null, "`client_id`"), (json!(""), "empty")]),
        rows(&of("authentication"), [(json!("none"), "\"basic\", \"body\", \"private_key_jwt\"")]),
        vec![
            row(&of("authentication"), "private_key_jwt", "`private_key`")
                .shown_at("secrets[\"private_key\"]"),
            row("secrets", Json::Null, "`client_secret`").shown_at("secrets[\"client_secret\"]"),
            row(&of("scope"), "", "empty").with("ttl", "soon").and("ttl", "as in"),
        ],
        texts.concat(),
    ]
    .concat()
}
