//! Provider blocks: what is checked, when, and where the blame is put.

use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::Launch;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Reply;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";

#[tokio::test]
async fn case_17_configure_may_be_the_very_first_call() {
    let issuer = Issuer::start("case-17").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZSCALER, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_18_a_provider_block_of_unknowns_is_valid() {
    let schemas = schema::all().await;
    let block = schemas.provider.as_ref().unwrap().block.as_ref().unwrap();
    let unknown = |names: Vec<&str>| {
        Value::Object(names.into_iter().map(|name| (name.to_owned(), Value::unknown())).collect())
    };
    let outside = unknown(block.attributes.iter().map(|attribute| attribute.name.as_str()).collect());
    let mut inside = outside.clone();
    for attribute in &block.attributes {
        if let (Some(nested), Value::Object(members)) = (&attribute.nested_type, &mut inside) {
            let names = nested.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            members.insert(attribute.name.clone(), unknown(names));
        }
    }
    let plugin = Plugin::start().await;
    for config in [outside, inside] {
        plugin.validate_provider(&config).await.ok();
        plugin.configure(&config).await.ok();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_19_an_unknown_url_is_taken_and_the_read_names_it() {
    let issuer = Issuer::start("case-19").await;
    for unknown in [Value::unknown(), Value::unknown_with_prefix("http://")] {
        let plugin = Plugin::start().await;
        let config = with(&issuer.config(), "zscaler", "base_url", unknown.clone());
        let config = with(&config, "zettelstore", "base_url", unknown);
        plugin.validate_provider(&config).await.ok();
        plugin.configure(&config).await.ok();
        for kind in [ZSCALER, ZETTELSTORE] {
            assert!(plugin.read(kind, &object([])).await.error().says(&["base_url", "known"]));
            assert!(plugin.open_ephemeral(kind, &object([])).await.reply.error().says(&["base_url"]));
        }
        plugin.finish().await;
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn an_unknown_secret_is_named_by_the_read_that_needs_it_and_no_other() {
    let issuer = Issuer::start("unknown-secret").await;
    let plugin = Plugin::start().await;
    let config = with(&issuer.config(), "zscaler", "secret_key", Value::unknown());
    plugin.configure(&config).await.ok();
    assert!(plugin.read(ZSCALER, &object([])).await.error().says(&["secret_key", "known"]));
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn an_unknown_system_is_one_problem_not_one_for_each_of_its_settings() {
    let issuer = Issuer::start("unknown-system").await;
    let plugin = Plugin::start().await;
    let Value::Object(mut block) = issuer.config() else { panic!("a block is an object") };
    block.insert("zscaler".to_owned(), Value::unknown());
    let config = Value::Object(block);
    plugin.validate_provider(&config).await.ok();
    plugin.configure(&config).await.ok();
    let reply = plugin.read(ZSCALER, &object([])).await;
    assert_eq!(reply.error().path, "zscaler");
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_20_null_means_unset_and_an_empty_text_does_not() {
    let issuer = Issuer::start("case-20").await;
    let plugin = Launch::new().env("ZCC_CLIENT_ID", &*issuer.planted.api_key).start().await;
    let null = with(&issuer.config(), "zscaler", "api_key", Value::Null);
    plugin.validate_provider(&null).await.ok();
    plugin.configure(&null).await.ok();
    plugin.read(ZSCALER, &object([])).await.ok();
    for (system, attribute) in [
        ("zscaler", "api_key"),
        ("zscaler", "secret_key"),
        ("zscaler", "base_url"),
        ("zettelstore", "username"),
        ("zettelstore", "password"),
        ("zettelstore", "base_url"),
    ] {
        let reply = plugin.validate_provider(&with(&issuer.config(), system, attribute, "".into())).await;
        assert_eq!(reply.error().path, format!("{system}.{attribute}"));
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_21_the_environment_counts_only_where_the_block_says_nothing() {
    let ours = Issuer::start("case-21-block").await;
    let theirs = Issuer::start("case-21-environment").await;
    let launch = || {
        Launch::new()
            .env("ZETTELSTORE_BASE_URL", theirs.zettelstore_url())
            .env("ZETTELSTORE_USERNAME", &*theirs.planted.username)
            .env("ZETTELSTORE_PASSWORD", &*theirs.planted.password)
    };
    let plugin = launch().start().await;
    plugin.configure(&ours.config()).await.ok();
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    assert_eq!((ours.zettelstore_logins().succeeded, theirs.zettelstore_logins().attempted), (1, 0));

    let plugin = launch().start().await;
    plugin.configure(&object([])).await.ok();
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    assert_eq!((ours.zettelstore_logins().attempted, theirs.zettelstore_logins().succeeded), (1, 1));
}

#[tokio::test]
async fn zscaler_credentials_may_come_from_the_environment() {
    let issuer = Issuer::start("environment").await;
    let plugin = Launch::new()
        .env("ZCC_CLIENT_ID", &*issuer.planted.api_key)
        .env("ZCC_CLIENT_SECRET", &*issuer.planted.secret_key)
        .start()
        .await;
    let url = object([("base_url", issuer.zscaler_url().into())]);
    let reply = plugin.configure(&object([("zscaler", url)])).await;
    reply.ok();
    let read = plugin.read(ZSCALER, &object([])).await;
    read.ok();
    let warning = reply.problems.iter().chain(&read.problems).find(|problem| !problem.is_error);
    assert!(
        warning.is_some_and(|warning| warning.says(&["ZCC_CLIENT_SECRET", "127.0.0.1"])),
        "{reply:?} {read:?}"
    );
}

#[tokio::test]
async fn a_url_that_comes_with_its_secret_needs_no_warning_and_no_block() {
    let issuer = Issuer::start("override").await;
    let plugin = Launch::new()
        .env("ZCC_CLIENT_ID", &*issuer.planted.api_key)
        .env("ZCC_CLIENT_SECRET", &*issuer.planted.secret_key)
        .env("ZCC_OVERRIDE_URL", issuer.zscaler_url())
        .start()
        .await;
    let configured = plugin.configure(&object([])).await;
    let read = plugin.read(ZSCALER, &object([])).await;
    assert!(configured.problems.is_empty() && read.problems.is_empty(), "{configured:?} {read:?}");
}

#[tokio::test]
async fn case_22_each_missing_credential_is_reported_where_it_belongs() {
    let issuer = Issuer::start("case-22").await;
    let plugin = Plugin::start().await;
    let config = object([
        ("zscaler", object([("base_url", issuer.zscaler_url().into())])),
        ("zettelstore", object([("base_url", issuer.zettelstore_url().into())])),
    ]);
    plugin.validate_provider(&config).await.ok();
    plugin.configure(&config).await.ok();
    let reply = plugin.read(ZSCALER, &object([])).await;
    assert_eq!(error_paths(&reply), ["zscaler.api_key", "zscaler.secret_key"]);
    assert!(reply.errors().iter().any(|error| error.says(&["ZCC_CLIENT_SECRET"])), "{reply:?}");
    let opened = plugin.open_ephemeral(ZETTELSTORE, &object([])).await;
    assert_eq!(error_paths(&opened.reply), ["zettelstore.password", "zettelstore.username"]);
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

#[tokio::test]
async fn case_22_a_login_of_which_there_is_nothing_is_one_problem_that_names_all_of_it() {
    let issuer = Issuer::start("case-22-nothing").await;
    let zenoti = object([("zenoti", object([("base_url", issuer.zenoti_url().into())]))]);
    for (config, system, names) in [
        (
            object([]),
            "zscaler",
            ["`api_key` (ZCC_CLIENT_ID)", "`secret_key`", "`cloud` (ZCC_CLOUD) or `base_url`"],
        ),
        (zenoti, "zenoti", ["`account_name`", "`password` (ZENOTI_PASSWORD)", "`app_secret`"]),
        (object([]), "zetasafe", ["`username`", "`password`", "`admin_client_id`"]),
    ] {
        let plugin = Plugin::configured(&config).await;
        let reply = plugin.read(&format!("tokenferry_{system}_token"), &object([])).await;
        assert!(
            reply.error().path.starts_with(&format!("{system}.")) && reply.error().says(&names),
            "{reply:?}"
        );
        plugin.finish().await;
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn case_22_the_secret_of_another_id_is_not_used() {
    let issuer = Issuer::start("case-22-conflict").await;
    let plugin = Launch::new()
        .env("ZCC_CLIENT_ID", "planted-other-key")
        .env("ZCC_CLIENT_SECRET", &*issuer.planted.secret_key)
        .start()
        .await;
    let config = with(&issuer.config(), "zscaler", "secret_key", Value::Null);
    let reply = plugin.configure(&config).await;
    assert!(reply.error().says(&[&issuer.planted.api_key, "planted-other-key"]), "{reply:?}");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn case_23_a_bad_url_is_reported_when_the_block_is_checked() {
    let issuer = Issuer::start("case-23").await;
    let plugin = Plugin::start().await;
    for url in
        ["nonsense", "ftp://example.com/", "http://example.com/", "https://me:planted-word@example.com/"]
    {
        for system in ["zscaler", "zettelstore"] {
            let reply =
                plugin.validate_provider(&with(&issuer.config(), system, "base_url", url.into())).await;
            let error = reply.error();
            assert_eq!(error.path, format!("{system}.base_url"), "for {url}");
            assert!(!error.text().contains("planted-word"), "{error:?}");
        }
    }
    plugin.finish().await;
}

#[tokio::test]
async fn other_bad_settings_are_reported_when_the_block_is_checked() {
    let issuer = Issuer::start("bad-settings").await;
    let plugin = Plugin::start().await;
    for (attribute, text) in
        [("timeout", "soon"), ("timeout", "-1s"), ("max_wait", "30"), ("ca_cert_file", "")]
    {
        let reply = plugin.validate_provider(&object([(attribute, text.into())])).await;
        assert_eq!(reply.error().path, attribute, "for {text}");
    }
    for (system, attribute, text) in [("zscaler", "ttl", "long"), ("zettelstore", "method", "digest")] {
        let reply = plugin.validate_provider(&with(&issuer.config(), system, attribute, text.into())).await;
        assert_eq!(reply.error().path, format!("{system}.{attribute}"), "for {text}");
    }
    plugin.finish().await;
}

#[tokio::test]
async fn all_bad_settings_are_reported_at_once() {
    let issuer = Issuer::start("all-at-once").await;
    let plugin = Plugin::start().await;
    let config = with(&issuer.config(), "zscaler", "base_url", "nonsense".into());
    let config = with(&config, "zettelstore", "method", "digest".into());
    let reply = plugin.validate_provider(&config).await;
    assert_eq!(error_paths(&reply), ["zettelstore.method", "zscaler.base_url"]);
    plugin.finish().await;
}

fn error_paths(reply: &Reply) -> Vec<&str> {
    let mut paths: Vec<&str> = reply.errors().iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    paths
}

/// `config` with one attribute of one system replaced.
fn with(config: &Value, system: &str, attribute: &str, value: Value) -> Value {
    let (Value::Object(mut outer), Value::Object(mut inner)) =
        (config.clone(), config.member(system).clone())
    else {
        panic!("no `{system}` in the configuration");
    };
    inner.insert(attribute.to_owned(), value);
    outer.insert(system.to_owned(), Value::Object(inner));
    Value::Object(outer)
}
