//! One login per credential, however many ask; and never across credentials.

use std::time::Duration;

use tokenferry_sandbox::{Fault, ZscalerAccount};
use tokenferry_tests::issuer::{DEVICE, Issuer, ZETTELSTORE_LOGIN, ZSCALER_LOGIN, ZSCALER_OTP};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::{Value, object};
use tokio::task::JoinSet;

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const OTP: &str = "tokenferry_zscaler_otp";
const READS: usize = 64;

#[tokio::test]
async fn case_35_64_concurrent_reads_of_a_zscaler_key_log_in_once() {
    let issuer = Issuer::start("case-35-zscaler").await;
    // All reads arrive while the first login is still under way.
    issuer.fault(Fault::latency(Duration::from_millis(300)).path(ZSCALER_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let tokens = read_at_once(&plugin, ZSCALER).await;
    assert_eq!(tokens.len(), READS);
    assert!(tokens.iter().all(|token| *token == tokens[0] && !token.is_empty()));
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn case_35_64_concurrent_reads_of_a_zettelstore_user_log_in_once() {
    let issuer = Issuer::start("case-35-zettelstore").await;
    issuer.fault(Fault::latency(Duration::from_millis(300)).path(ZETTELSTORE_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let tokens = read_at_once(&plugin, ZETTELSTORE).await;
    assert_eq!(tokens.len(), READS);
    assert!(tokens.iter().all(|token| *token == tokens[0] && !token.is_empty()));
    assert_eq!(issuer.zettelstore_logins().attempted, 1);
    assert!(issuer.counters().connections.accepted <= 10, "{:?}", issuer.counters().connections);
    plugin.finish().await;
}

#[tokio::test]
async fn concurrent_reads_of_one_device_ask_for_its_passwords_once() {
    let issuer = Issuer::start("one-device").await;
    issuer.fault(Fault::latency(Duration::from_millis(200)));
    let plugin = Plugin::configured(&issuer.config()).await;
    let mut reads = JoinSet::new();
    for purpose in ["exit", "logout", "revert", "uninstall"].repeat(4) {
        let connection = plugin.connection.clone();
        let config = object([("udid", DEVICE.into()), ("purpose", purpose.into())]);
        reads.spawn(async move { connection.read(OTP, &config).await.text("otp").to_owned() });
    }
    assert_eq!(reads.join_all().await.len(), 16);
    assert_eq!(issuer.counters().reads("zscaler", DEVICE), 1);
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn concurrent_reads_of_a_refused_key_log_in_once() {
    let issuer = Issuer::with("refused-at-once", |options| options.zscaler.accounts.clear()).await;
    issuer.fault(Fault::latency(Duration::from_millis(200)).path(ZSCALER_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let mut reads = JoinSet::new();
    for _ in 0..READS {
        let connection = plugin.connection.clone();
        reads.spawn(async move { connection.read(ZSCALER, &object([])).await.error().summary.clone() });
    }
    assert_eq!(reads.join_all().await.len(), READS);
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn a_token_that_the_system_forgot_is_fetched_once_more() {
    let issuer = Issuer::start("forgotten").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZSCALER, &object([])).await.ok();
    issuer.fault(Fault::status(401).path("/zscaler/papi/public/").times(1));
    plugin.read(OTP, &object([("udid", DEVICE.into())])).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    plugin.finish().await;
}

#[tokio::test]
async fn a_token_that_is_refused_a_second_time_is_given_up() {
    let issuer = Issuer::start("refused-twice").await;
    issuer.fault(Fault::status(401).path(ZSCALER_OTP));
    let plugin = Plugin::configured(&issuer.config()).await;
    let reply = plugin.read(OTP, &object([("udid", DEVICE.into())])).await;
    assert!(reply.error().says(&["401", "one-time password"]), "{reply:?}");
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    assert_eq!(issuer.counters().requests(ZSCALER_OTP, 401), 2);
    plugin.finish().await;
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again() {
    let issuer = Issuer::with("refused", |options| {
        options.zscaler.accounts = vec![ZscalerAccount::new("planted-other", "planted-other")];
    })
    .await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for _ in 0..3 {
        plugin.read(ZSCALER, &object([])).await.error();
        plugin.read(OTP, &object([("udid", DEVICE.into())])).await.error();
    }
    assert_eq!(issuer.counters().requests(ZSCALER_LOGIN, 401), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn data_source_and_ephemeral_resource_share_a_token() {
    let issuer = Issuer::start("both-kinds").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let read = plugin.read(ZSCALER, &object([])).await;
    let opened = plugin.open_ephemeral(ZSCALER, &object([])).await;
    assert_eq!(read.text("token"), opened.reply.text("token"));
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn case_25_two_aliases_do_not_share_tokens() {
    let second = ZscalerAccount::new("planted-second-key", "planted-second-secret");
    let issuer = Issuer::with("case-25", |options| options.zscaler.accounts.push(second)).await;
    let theirs = object([
        ("api_key", "planted-second-key".into()),
        ("secret_key", "planted-second-secret".into()),
        ("base_url", issuer.zscaler_url().into()),
    ]);
    let one = Plugin::configured(&issuer.config()).await;
    let other = Plugin::configured(&object([("zscaler", theirs)])).await;
    let token = token_of(&one).await;
    assert_ne!(token, token_of(&other).await);
    let logins = |key: &str| issuer.counters().logins("zscaler", key).succeeded;
    assert_eq!((logins(&issuer.planted.api_key), logins("planted-second-key")), (1, 1));
}

#[tokio::test]
async fn a_second_configuration_of_one_process_does_not_reuse_the_first_ones_token() {
    let second = ZscalerAccount::new("planted-second-key", "planted-second-secret");
    let issuer = Issuer::with("reconfigured", |options| options.zscaler.accounts.push(second)).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let first = token_of(&plugin).await;
    let Value::Object(mut settings) = issuer.zscaler() else { panic!("an object") };
    settings.insert("api_key".to_owned(), "planted-second-key".into());
    settings.insert("secret_key".to_owned(), "planted-second-secret".into());
    plugin.configure(&object([("zscaler", Value::Object(settings))])).await.ok();
    let reply = plugin.read(ZSCALER, &object([])).await;
    assert_ne!(reply.text("token"), first);
    assert_eq!(reply.text("subject"), "planted-second-key");
    plugin.finish().await;
}

async fn token_of(plugin: &Plugin) -> String {
    plugin.read(ZSCALER, &object([])).await.text("token").to_owned()
}

async fn read_at_once(plugin: &Plugin, kind: &'static str) -> Vec<String> {
    let mut reads = JoinSet::new();
    for _ in 0..READS {
        let connection = plugin.connection.clone();
        reads.spawn(async move { connection.read(kind, &object([])).await.text("token").to_owned() });
    }
    reads.join_all().await
}
