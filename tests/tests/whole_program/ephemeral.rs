//! Ephemeral resources over the wire.

use std::time::Duration;

use tokenferry_tests::issuer::{DEVICE, Issuer};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const OTP: &str = "tokenferry_zscaler_otp";
const TOTP: &str = "tokenferry_totp";

fn kinds() -> [(&'static str, Value); 4] {
    let otp = object([("udid", DEVICE.into()), ("purpose", "exit".into()), ("enabled", true.into())]);
    let token = object([("minimum_lifetime", "1m".into())]);
    let totp = object([("secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()), ("period", "5m".into())]);
    [(ZSCALER, token.clone()), (ZETTELSTORE, token), (OTP, otp), (TOTP, totp)]
}

#[tokio::test]
async fn case_41_an_opened_resource_keeps_what_was_set_and_fills_the_rest() {
    let issuer = Issuer::start("case-41").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in kinds() {
        let opened = plugin.open_ephemeral(kind, &config).await;
        for name in config.names() {
            assert_eq!(opened.reply.ok().member(name), config.member(name), "`{name}` of {kind}");
        }
        let secret = match kind {
            OTP => "otp",
            TOTP => "code",
            _ => "token",
        };
        assert!(!opened.reply.text(secret).is_empty());
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_42_no_renewal_is_asked_for() {
    let issuer = Issuer::start("case-42").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in kinds() {
        // Terraform cannot hand out a new value, so renewing would help nobody.
        assert_eq!(plugin.open_ephemeral(kind, &config).await.renew_at, None, "{kind}");
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_43_closing_works_after_renewals_and_twice() {
    let issuer = Issuer::start("case-43").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in kinds() {
        let opened = plugin.open_ephemeral(kind, &config).await;
        let mut private = opened.private.clone();
        for _ in 0..3 {
            let renewed = plugin.renew_ephemeral(kind, private).await;
            renewed.reply.ok();
            assert_eq!(renewed.renew_at, None);
            private = renewed.private;
        }
        plugin.close_ephemeral(kind, opened.private.clone()).await.ok();
        plugin.close_ephemeral(kind, opened.private).await.ok();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_44_renewing_what_has_expired_is_an_error_and_closing_is_not() {
    let issuer = Issuer::with("case-44", |options| {
        options.zscaler.token_lifetime = Duration::from_secs(2);
        options.zettelstore.token_lifetime = Duration::from_secs(2);
    })
    .await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let mut all = Vec::new();
    for kind in [ZSCALER, ZETTELSTORE] {
        let opened = plugin.open_ephemeral(kind, &object([])).await;
        opened.reply.ok();
        all.push((kind, opened));
    }
    // The provider's clock is the real one: both lives are waited for at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for (kind, opened) in all {
        let renewed = plugin.renew_ephemeral(kind, opened.private.clone()).await;
        renewed.reply.error();
        assert_eq!(renewed.renew_at, None);
        plugin.close_ephemeral(kind, opened.private).await.ok();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn the_private_part_of_a_resource_holds_no_secret() {
    let issuer = Issuer::start("private").await;
    issuer.issue_planted();
    let plugin = Plugin::configured(&issuer.config()).await;
    for (kind, config) in
        [(ZSCALER, object([])), (ZETTELSTORE, object([])), (OTP, object([("udid", DEVICE.into())]))]
    {
        let opened = plugin.open_ephemeral(kind, &config).await;
        opened.reply.ok();
        let private = opened.private.unwrap_or_default();
        tokenferry_tests::leak::assert_none(&private, &issuer.planted.secrets(), "the private part");
    }
    plugin.finish().await;
}

#[tokio::test]
async fn renewing_or_closing_any_resource_with_foreign_bytes_does_no_harm() {
    let issuer = Issuer::start("foreign-bytes").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let of_another = br#"{"type":"tokenferry_other","expires_at":null}"#.to_vec();
    for kind in schema::all().await.ephemeral_resource_schemas.keys() {
        for nothing in [None, Some(Vec::new())] {
            plugin.renew_ephemeral(kind, nothing.clone()).await.reply.ok();
            plugin.close_ephemeral(kind, nothing).await.ok();
        }
        for foreign in [vec![0xff; 300], b"{}".to_vec(), vec![b'['; 100_000], of_another.clone()] {
            let renewed = plugin.renew_ephemeral(kind, Some(foreign.clone())).await;
            assert!(renewed.reply.error().says(&["private data"]), "{kind}");
            assert!(plugin.close_ephemeral(kind, Some(foreign)).await.error().says(&["private data"]));
        }
    }
    plugin.renew_ephemeral("tokenferry_no_such_thing", None).await.reply.error();
    plugin.close_ephemeral("tokenferry_no_such_thing", None).await.error();
    plugin.open_ephemeral(ZSCALER, &object([])).await.reply.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn nothing_is_renewed_or_closed_before_the_provider_is_configured() {
    let plugin = Plugin::start().await;
    for kind in [ZSCALER, "tokenferry_no_such_thing"] {
        plugin.renew_ephemeral(kind, None).await.reply.error();
        plugin.close_ephemeral(kind, None).await.error();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_28_opening_an_unknown_type_is_an_error_and_nothing_more() {
    let plugin = Plugin::start().await;
    let reply = plugin.open_raw("tokenferry_no_such_thing", object([]).dynamic()).await.reply;
    assert!(reply.error().says(&["tokenferry_no_such_thing"]));
    plugin.validate_ephemeral(ZSCALER, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn checking_a_block_of_unknowns_asks_nobody() {
    let issuer = Issuer::start("checking").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let unknown = object([
        ("udid", Value::unknown()),
        ("purpose", Value::unknown_with_prefix("zia")),
        ("enabled", Value::unknown()),
        ("minimum_lifetime", Value::unknown()),
    ]);
    plugin.validate_data(OTP, &unknown).await.ok();
    plugin.validate_ephemeral(OTP, &unknown).await.ok();
    let bad = object([("minimum_lifetime", "soon".into())]);
    assert_eq!(plugin.validate_data(ZSCALER, &bad).await.error().path, "minimum_lifetime");
    assert_eq!(plugin.validate_ephemeral(ZSCALER, &bad).await.error().path, "minimum_lifetime");
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}
