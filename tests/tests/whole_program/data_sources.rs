//! Data sources over the wire.

use tfplugin_proto::tfplugin6::schema::{Attribute, Block};
use tfplugin_proto::tfplugin6::{DynamicValue, validate_data_resource_config};
use tokenferry_sandbox::AccountMode;
use tokenferry_tests::issuer::{DEVICE, GENERIC_DEVICE, Issuer};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Reply;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const OTP: &str = "tokenferry_zscaler_otp";

fn otp_of(device: &str) -> Value {
    object([("udid", device.into())])
}

#[tokio::test]
async fn a_zscaler_token_comes_with_its_life_and_the_way_to_send_it() {
    let issuer = Issuer::start("zscaler-token").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let reply = plugin.read(ZSCALER, &object([])).await;
    assert_eq!(reply.text("header_name"), "auth-token");
    assert_eq!(reply.text("header_value"), reply.text("token"));
    assert_eq!(reply.text("issuer").trim_end_matches('/'), issuer.zscaler_url());
    assert_eq!(reply.text("subject"), issuer.planted.api_key);
    assert_eq!(life_in_seconds(reply.ok()), 3600);
    plugin.finish().await;
}

#[tokio::test]
async fn a_zettelstore_token_comes_with_its_life_and_the_way_to_send_it() {
    let issuer = Issuer::start("zettelstore-token").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let reply = plugin.read(ZETTELSTORE, &object([])).await;
    assert_eq!(reply.text("header_name"), "Authorization");
    assert_eq!(reply.text("header_value"), format!("Bearer {}", reply.text("token")));
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(reply.text("subject"), issuer.planted.username);
    assert_eq!(life_in_seconds(reply.ok()), 600);
    plugin.finish().await;
}

#[tokio::test]
async fn an_expiry_that_the_system_does_not_tell_is_null() {
    let issuer = Issuer::with("no-expiry", |options| {
        let account = options.zscaler.accounts.remove(0).mode(AccountMode::NoExpiry);
        options.zscaler.accounts.push(account);
    })
    .await;
    let plugin = Plugin::configured(&issuer.config()).await;
    assert_eq!(*plugin.read(ZSCALER, &object([])).await.ok().member("expires_at"), Value::Null);
    let reply = plugin.read(ZSCALER, &object([("minimum_lifetime", "5m".into())])).await;
    assert!(reply.error().says(&["ttl"]), "{reply:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn a_token_with_less_life_than_asked_for_is_an_error_with_both_numbers() {
    let issuer = Issuer::start("minimum").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let reply = plugin.read(ZETTELSTORE, &object([("minimum_lifetime", "20m".into())])).await;
    assert!(reply.error().says(&["minimum_lifetime"]), "{reply:?}");
    assert!(["1200", "20m"].iter().any(|number| reply.error().text().contains(number)), "{reply:?}");
    plugin.read(ZETTELSTORE, &object([("minimum_lifetime", "5m".into())])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn one_time_passwords_come_by_purpose() {
    let issuer = Issuer::start("otps").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let all = plugin.read(OTP, &otp_of(DEVICE)).await;
    let otps = all.ok().member("otps");
    let purposes =
        ["exit", "logout", "revert", "uninstall", "zdp_disable", "zdx_disable", "zia_disable", "zpa_disable"];
    assert_eq!(otps.names(), purposes);
    assert_eq!(*all.ok().member("otp"), Value::Null, "the device has no generic password");
    for purpose in purposes {
        let one = plugin.read(OTP, &object([("udid", DEVICE.into()), ("purpose", purpose.into())])).await;
        assert_eq!(one.ok().member("otp"), otps.member(purpose));
    }
    let generic = plugin.read(OTP, &otp_of(GENERIC_DEVICE)).await;
    assert_eq!(generic.ok().member("otps").names(), ["generic"]);
    assert_eq!(generic.ok().member("otp"), generic.ok().member("otps").member("generic"));
    plugin.finish().await;
}

#[tokio::test]
async fn a_purpose_that_the_device_lacks_is_an_error_that_names_those_it_has() {
    let issuer = Issuer::start("purposes").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let config = object([("udid", GENERIC_DEVICE.into()), ("purpose", "logout".into())]);
    assert!(plugin.read(OTP, &config).await.error().says(&["generic"]));
    let config = object([("udid", DEVICE.into()), ("purpose", "dinner".into())]);
    let reply = plugin.validate_data(OTP, &config).await;
    assert_eq!(reply.error().path, "purpose");
    assert!(reply.error().says(&["uninstall"]), "{reply:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn what_is_not_enabled_is_null_and_asks_nobody() {
    let issuer = Issuer::start("disabled").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in [(ZSCALER, object([])), (ZETTELSTORE, object([])), (OTP, otp_of(DEVICE))] {
        let Value::Object(mut members) = config else { panic!("an object") };
        members.insert("enabled".to_owned(), false.into());
        let config = Value::Object(members);
        let reply = plugin.read(kind, &config).await;
        let opened = plugin.open_ephemeral(kind, &config).await;
        assert_only_inputs(reply.ok(), &config);
        assert_only_inputs(opened.reply.ok(), &config);
    }
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

fn assert_only_inputs(result: &Value, config: &Value) {
    for name in result.names() {
        assert_eq!(result.member(name), config.member(name), "`{name}`");
    }
}

#[tokio::test]
async fn case_26_a_result_has_exactly_the_attributes_of_the_schema() {
    let issuer = Issuer::start("case-26").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in [(ZSCALER, object([])), (ZETTELSTORE, object([])), (OTP, otp_of(DEVICE))] {
        let reply = plugin.read(kind, &config).await;
        assert_eq!(reply.ok().names(), names_of(schema::data(kind).await));
        let opened = plugin.open_ephemeral(kind, &config).await;
        assert_eq!(opened.reply.ok().names(), names_of(schema::ephemeral(kind).await));
        for optional in ["enabled", "minimum_lifetime"] {
            assert_eq!(*reply.value.member(optional), Value::Null, "`{optional}` was not set");
        }
    }
    plugin.finish().await;
}

fn names_of(block: &Block) -> Vec<&str> {
    let attributes = block.attributes.iter().map(|attribute| attribute.name.as_str());
    let blocks = block.block_types.iter().map(|block| block.type_name.as_str());
    let mut names: Vec<&str> = attributes.chain(blocks).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn case_27_inputs_come_back_unchanged() {
    let issuer = Issuer::start("case-27").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let config = object([("enabled", true.into()), ("minimum_lifetime", "90s".into())]);
    for kind in [ZSCALER, ZETTELSTORE] {
        let reply = plugin.read(kind, &config).await;
        assert_eq!(*reply.ok().member("enabled"), true.into());
        assert_eq!(reply.text("minimum_lifetime"), "90s");
    }
    let composed = "Gerät-Ü\u{e9}-0000:501";
    let config = object([("udid", composed.into()), ("purpose", "exit".into()), ("enabled", false.into())]);
    let reply = plugin.read(OTP, &config).await;
    assert_eq!((reply.text("udid"), reply.text("purpose")), (composed, "exit"));
    plugin.finish().await;
}

#[tokio::test]
async fn case_28_an_unknown_type_is_an_error_and_nothing_more() {
    let plugin = Plugin::start().await;
    let empty = object([]).dynamic();
    let reply = plugin.read_raw("tokenferry_no_such_thing", empty).await;
    assert!(reply.error().says(&["tokenferry_no_such_thing"]));
    plugin.read_raw("", object([]).dynamic()).await.error();
    let request = validate_data_resource_config::Request {
        type_name: "tokenferry_no_such_thing".to_owned(),
        config: Some(object([]).dynamic()),
    };
    let reply = plugin.provider().validate_data_resource_config(request).await.expect("status OK");
    assert!(Reply::of_diagnostics(&reply.into_inner().diagnostics).error().says(&["no_such_thing"]));
    plugin.validate_data(ZSCALER, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_29_attributes_too_many_or_too_few_do_no_harm() {
    let issuer = Issuer::start("case-29").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let extra =
        object([("enabled", Value::Null), ("minimum_lifetime", Value::Null), ("surprise", "boo".into())]);
    plugin.read_raw(ZSCALER, extra.dynamic()).await.error();
    let missing = plugin.read_raw(ZSCALER, object([]).dynamic()).await;
    assert!(missing.errors().len() == 1 || !missing.text("token").is_empty());
    let required = plugin.read_raw(OTP, object([]).dynamic()).await;
    assert!(required.error().says(&["udid"]), "{required:?}");
    plugin.read(ZSCALER, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_31_bytes_that_are_no_object_are_an_error() {
    let issuer = Issuer::start("case-31").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let whole = schema::complete_data(OTP, &otp_of(DEVICE)).await.encode();
    let mut cases = vec![
        ("truncated", whole[..whole.len() - 1].to_vec()),
        ("a text", Value::from("text").encode()),
        ("a list", Value::List(vec![Value::Null]).encode()),
        ("a wrong type", object([("udid", Value::List(Vec::new()))]).encode()),
        ("a list said to be huge", vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
        ("a map said to be huge", vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        ("a text said to be huge", vec![0xdb, 0xff, 0xff, 0xff, 0xff]),
        ("not MessagePack", vec![0xc1]),
    ];
    cases.push(("very deep", vec![0x91; 200_000]));
    for (what, bytes) in cases {
        let value = DynamicValue { msgpack: bytes, json: Vec::new() };
        let reply = plugin.read_raw(OTP, value.clone()).await;
        assert!(!reply.errors().is_empty(), "{what} was read");
        assert!(!plugin.open_raw(OTP, value.clone()).await.reply.errors().is_empty(), "{what} was opened");
        let reply = plugin.configure_raw(value).await;
        assert!(!reply.errors().is_empty(), "{what} was taken for a configuration");
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_38_secrets_are_marked_as_such() {
    let secret = ["code", "header_value", "otp", "otps", "password", "passwords", "secret", "token", "uri"];
    let schemas = schema::all().await;
    for (kind, schema) in schemas.data_source_schemas.iter().chain(&schemas.ephemeral_resource_schemas) {
        for Attribute { name, sensitive, .. } in &schema.block.as_ref().unwrap().attributes {
            assert_eq!(*sensitive, secret.contains(&name.as_str()), "{kind}.{name}");
        }
    }
    let provider = schema::all().await.provider.as_ref().unwrap().block.as_ref().unwrap();
    let mut found = Vec::new();
    sensitive_within(&provider.attributes, "", &mut found);
    let secrets =
        ["app_secret", "client_secret", "jwt", "password", "private_key", "secret_id", "secret_key", "token"];
    for name in found {
        let last = name.rsplit('.').next().unwrap();
        assert!(secrets.contains(&last) || name == "zenoti.api_key", "{name} is no secret");
    }
}

/// The names of all sensitive attributes; those that sound secret have to be among them.
fn sensitive_within(attributes: &[Attribute], place: &str, found: &mut Vec<String>) {
    for attribute in attributes {
        let name = format!("{place}{}", attribute.name);
        match &attribute.nested_type {
            Some(object) => sensitive_within(&object.attributes, &format!("{name}."), found),
            None if attribute.sensitive => found.push(name),
            None => {
                assert!(!["secret", "password", "private"].iter().any(|word| name.contains(word)), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn case_39_nothing_is_deferred_and_nothing_stays_unknown() {
    let issuer = Issuer::start("case-39").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    // Every reply is held against this rule as it is read; here are those that could tempt.
    for kind in [ZSCALER, ZETTELSTORE] {
        plugin.read(kind, &object([])).await.ok();
        plugin.open_ephemeral(kind, &object([])).await.reply.ok();
        let reply = plugin.read(kind, &object([("enabled", Value::unknown())])).await;
        assert_eq!(reply.error().path, "enabled");
    }
    assert!(!plugin.read(OTP, &object([("udid", Value::unknown())])).await.errors().is_empty());
    plugin.finish().await;
}

#[tokio::test]
async fn case_40_the_same_question_has_the_same_answer() {
    let issuer = Issuer::start("case-40").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in [(ZSCALER, object([])), (ZETTELSTORE, object([])), (OTP, otp_of(DEVICE))] {
        let first = plugin.read(kind, &config).await;
        assert_eq!(first.ok(), plugin.read(kind, &config).await.ok());
        let description = schema::data(kind).await.description.to_lowercase();
        assert!(description.contains("state") && description.contains("ephemeral"), "{kind}: {description}");
    }
    assert_eq!(issuer.counters().reads("zscaler", DEVICE), 1);
    for block in [schema::data(OTP).await, schema::ephemeral(OTP).await] {
        assert!(block.description.contains("does not make a new one"), "{}", block.description);
    }
    plugin.finish().await;
}

fn life_in_seconds(result: &Value) -> i64 {
    let time = |name: &str| {
        let text = result.member(name).text().unwrap_or_else(|| panic!("no `{name}`"));
        assert!(text.ends_with('Z'), "`{name}` = {text} is not in UTC");
        text.parse::<prost_types::Timestamp>().unwrap().seconds
    };
    time("expires_at") - time("issued_at")
}
