//! What is written where something is read, attribute by attribute.

use serde_json::{Value as Json, json};

use super::http;
use super::table::{Kind, Row, Table, duration, flag, row, rows, text};

pub(super) async fn tables() -> Vec<Table> {
    let mut tables = vec![otp(), profile_passwords(), device(), devices(), rotated_token(), totp()];
    tables.extend(common().await);
    tables
}

/// Both the data source and the ephemeral resource of this name.
pub(super) fn both(name: &str) -> Vec<Kind> {
    vec![Kind::Data(name.to_owned()), Kind::Ephemeral(name.to_owned())]
}

fn otp() -> Table {
    let control = [(json!("a\nb"), "line breaks"), (json!(""), "empty"), (json!(" a:1"), "white space")];
    let rows = [
        rows("udid", control),
        rows("udid", [(json!("a".repeat(257)), "256"), (Json::Null, "required")]),
        rows(
            "purpose",
            [(json!("dinner"), "`zia_disable`"), (json!("unistall"), "did you mean \"uninstall\"? It must")],
        ),
        rows("purpose", [(json!("zia-disable"), "\"zia_disable\"?"), (json!(""), "`generic`")]),
    ];
    Table { kinds: both("tokenferry_zscaler_otp"), good: json!({ "udid": "A:501" }), rows: rows.concat() }
}

fn profile_passwords() -> Table {
    let rows = [
        text("username"),
        vec![row("username", Json::Null, "required"), row("os_type", Json::Null, "required")],
        os_type(),
        rows("purpose", [(json!("Exit Pass"), "`exit`"), (json!(""), "`exit`"), (json!("a\nb"), "`exit`")]),
    ];
    let good = json!({ "username": "anna@example.com", "os_type": "windows" });
    Table { kinds: both("tokenferry_zscaler_profile_passwords"), good, rows: rows.concat() }
}

fn os_type() -> Vec<Row> {
    rows(
        "os_type",
        [(json!("beos"), "`ios`, `android`"), (json!("win"), "\"windows\"?"), (json!("0"), "`linux`")],
    )
}

fn device() -> Table {
    let several = "exactly one of `udid`, `hostname` and `username`";
    let rows = [
        rows("udid", [(json!(""), "empty"), (json!("a\u{7}"), "control")])
            .into_iter()
            .map(|row| row.with("hostname", Json::Null))
            .collect(),
        text("hostname"),
        text("username").into_iter().map(|row| row.with("hostname", Json::Null)).collect(),
        vec![
            row("hostname", Json::Null, several).shown_at("udid"),
            row("udid", Json::Null, several).with("hostname", Json::Null),
            row("username", Json::Null, several).shown_at("udid").with("hostname", Json::Null),
            row("hostname", "h", several).with("udid", "A:501"),
            row("username", "u", several),
        ],
    ];
    let kinds = vec![Kind::Data("tokenferry_zscaler_device".to_owned())];
    Table { kinds, good: json!({ "hostname": "h" }), rows: rows.concat() }
}

fn devices() -> Table {
    let kinds = vec![Kind::Data("tokenferry_zscaler_devices".to_owned())];
    Table { kinds, good: json!({}), rows: [text("username"), os_type()].concat() }
}

fn rotated_token() -> Table {
    let kinds = both("tokenferry_rotated_token");
    Table { kinds, good: json!({ "mount": "kv", "path": "a/b" }), rows: place("") }
}

/// Mount and path of an entry.
fn place(within: &str) -> Vec<Row> {
    let part = |name: &str| {
        let wrong = [
            (json!(""), "empty"),
            (json!("/"), "`a/b`"),
            (json!("a//b"), "write `a/b`"),
            (json!("a/../b"), "`..`"),
            (json!(" a"), "white space"),
            (json!("a\nb"), "control character"),
        ];
        let at = format!("{within}{name}");
        let null = row(&at, Json::Null, &format!("Missing required argument `{at}`"));
        let named = row(&at, "", &format!("Invalid `{at}`"));
        [rows(&at, wrong), vec![null, named]].concat()
    };
    let data = row(&format!("{within}mount"), "secret/data", "without `/data`");
    [part("mount"), part("path"), vec![data]].concat()
}

fn totp() -> Table {
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let uri = |rest: &str| json!(format!("otpauth://totp/Example:anna?secret={SECRET}{rest}"));
    let by_uri = |rows: Vec<Row>| -> Vec<Row> {
        rows.into_iter().map(|row| row.with("secret", Json::Null).needed()).collect()
    };
    let number =
        [(json!(-1), "negative"), (json!(31), "30 s"), (json!(0.5), "whole number"), (json!("x"), "number")];
    let rows = [
        rows("secret", [(json!(""), "empty"), (json!("not base32!"), "base32"), (Json::Null, "`uri`")]),
        by_uri(rows(
            "uri",
            [
                (json!("https://example.com"), "`otpauth:`"),
                (json!("otpauth://totp/x"), "Invalid `uri`"),
                (json!("otpauth://totp/x"), "has no `secret`"),
                (json!("otpauth://hotp/x?secret=GEZDGNBV&counter=1"), "Invalid `uri`"),
                (uri("&digits=9"), "digits"),
                (uri("&algorithm=MD5"), "algorithm"),
                (uri("&period=0"), "period"),
            ],
        )),
        vec![
            row("uri", uri(""), "has the secret in it"),
            row("digits", "8", "").with("secret", Json::Null).with("uri", uri("&digits=6")),
        ],
        rows("algorithm", [(json!("MD5"), "\"SHA1\", \"SHA256\", \"SHA512\"")]),
        rows(
            "digits",
            [(json!("5"), "digits`: it must be one of \"6\", \"7\", \"8\""), (json!("9"), "\"8\"")],
        ),
        duration("period"),
        rows("period", [(json!("0s"), "as in \"30s\"")]),
        duration("max_wait"),
        rows("minimum_seconds", number),
        flag("enabled"),
    ];
    let kinds = vec![Kind::Ephemeral("tokenferry_totp".to_owned())];
    Table { kinds, good: json!({ "secret": SECRET }), rows: rows.concat() }
}

/// What every read has, and every ephemeral token.
async fn common() -> Vec<Table> {
    let mut tables = Vec::new();
    for kind in Kind::all().await {
        let block = kind.block().await;
        let has = |name: &str| block.attributes.iter().any(|attribute| attribute.name == name);
        let mut rows = Vec::new();
        if has("minimum_lifetime") {
            rows.extend([flag("enabled"), duration("minimum_lifetime")].concat());
        }
        if has("prefer_rotated") {
            rows.extend(prefer_rotated());
        }
        if has("revoke_on_close") {
            let rotated = json!({ "mount": "kv", "path": "a" });
            rows.extend(flag("revoke_on_close"));
            rows.push(row("revoke_on_close", true, "`prefer_rotated`").with("prefer_rotated", rotated));
        }
        if !rows.is_empty() {
            tables.push(Table { good: good(&kind), kinds: vec![kind], rows });
        }
    }
    tables
}

fn prefer_rotated() -> Vec<Row> {
    let on_miss =
        [(json!("ignore"), "\"login\", \"error\""), (json!(""), "Invalid `prefer_rotated.on_miss`")];
    let rows = [place("prefer_rotated."), rows("prefer_rotated.on_miss", on_miss)].concat();
    let rotated = json!({ "mount": "kv", "path": "a" });
    rows.into_iter().map(|row| row.with("prefer_rotated", rotated.clone())).collect()
}

/// What has to be there.
fn good(kind: &Kind) -> Json {
    let (Kind::Data(name) | Kind::Ephemeral(name)) = kind else { return json!({}) };
    match name.as_str() {
        "tokenferry_http_token" => http::good(),
        "tokenferry_rotated_token" => json!({ "mount": "kv", "path": "a/b" }),
        "tokenferry_zscaler_device" => json!({ "hostname": "h" }),
        "tokenferry_zscaler_otp" => json!({ "udid": "A:501" }),
        "tokenferry_zscaler_profile_passwords" => json!({ "username": "u", "os_type": "ios" }),
        _ => json!({}),
    }
}
