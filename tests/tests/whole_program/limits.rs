//! Slow, endless and very large: what the provider bounds, and what it must not bound.

use std::time::Duration;

use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::{DEVICE, Issuer, ZETTELSTORE_LOGIN, ZSCALER_LOGIN, ZSCALER_OTP};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::object;
use tokio::time::timeout;

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const OTP: &str = "tokenferry_zscaler_otp";
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn case_33_a_slow_system_is_given_up_within_a_second_after_the_timeout() {
    let issuer = Issuer::start("case-33").await;
    issuer.fault(Fault::hang());
    let plugin = Plugin::configured(&issuer.config_with_timeout("1s")).await;
    for kind in [ZSCALER, ZETTELSTORE] {
        let reply =
            timeout(2 * SECOND, plugin.read(kind, &object([]))).await.expect("an answer in two seconds");
        assert!(reply.error().says(&["timeout"]), "{reply:?}");
    }
    plugin.finish().await;
}

#[tokio::test]
async fn case_33_a_slow_answer_body_is_given_up_too() {
    let issuer = Issuer::start("case-33-otp").await;
    issuer.fault(Fault::hang().path(ZSCALER_OTP));
    let plugin = Plugin::configured(&issuer.config_with_timeout("1s")).await;
    let config = object([("udid", DEVICE.into())]);
    let reply = timeout(2 * SECOND, plugin.read(OTP, &config)).await.expect("an answer in two seconds");
    assert!(reply.error().says(&["timeout"]), "{reply:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn case_34_an_endless_answer_is_refused_without_taking_memory() {
    for announced in [true, false] {
        let issuer = Issuer::start("case-34").await;
        issuer.fault(Fault::large_body(announced));
        let plugin = Plugin::configured(&issuer.config()).await;
        let before = plugin.process.peak_memory_kib();
        for kind in [ZSCALER, ZETTELSTORE] {
            assert!(plugin.read(kind, &object([])).await.error().says(&["larg"]));
        }
        let growth = plugin.process.peak_memory_kib() - before;
        assert!(growth < 20 * 1024, "grew by {growth} KiB");
        plugin.finish().await;
    }
}

#[tokio::test]
async fn case_34_large_answers_to_concurrent_reads_take_no_memory_either() {
    let issuer = Issuer::start("case-34-concurrent").await;
    issuer.fault(Fault::large_body(false).path(ZSCALER_OTP));
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZSCALER, &object([])).await.ok();
    let before = plugin.process.peak_memory_kib();
    let config = object([("udid", DEVICE.into())]);
    let (one, two) = tokio::join!(plugin.read(OTP, &config), plugin.read(OTP, &config));
    assert!(one.error().says(&["larg"]) && two.error().says(&["larg"]));
    assert!(plugin.process.peak_memory_kib() - before < 20 * 1024);
    plugin.finish().await;
}

#[tokio::test]
async fn case_37_a_system_that_hangs_does_not_hold_up_the_others() {
    let issuer = Issuer::start("case-37").await;
    issuer.fault(Fault::hang().path(ZSCALER_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let hanging = tokio::spawn(async move { connection.read(ZSCALER, &object([])).await });
    issuer.asked(ZSCALER_LOGIN).await;
    let other = timeout(2 * SECOND, plugin.read(ZETTELSTORE, &object([]))).await.expect("no waiting");
    other.ok();
    assert_eq!(issuer.counters().requests(ZETTELSTORE_LOGIN, 200), 1);
    assert!(!hanging.is_finished());
    plugin.stop_provider().await;
    hanging.await.unwrap().error();
    plugin.finish().await;
}

#[tokio::test]
async fn case_54_a_message_of_20_mb_is_decoded() {
    let issuer = Issuer::start("case-54").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let long = "u".repeat(20_000_000);
    let config = object([("udid", long.as_str().into()), ("enabled", false.into())]);
    let reply = plugin.read(OTP, &config).await;
    // Whether so long an id is refused is another question; that the call is answered is this one.
    assert!(reply.errors().len() == 1 || reply.text("udid") == long);
    plugin.finish().await;
}

#[tokio::test]
async fn many_reads_leave_no_files_open() {
    let issuer = Issuer::start("many-reads").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZSCALER, &object([])).await.ok();
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    let before = plugin.process.open_files();
    for _ in 0..200 {
        plugin.read(ZSCALER, &object([])).await.ok();
        plugin.read(ZETTELSTORE, &object([])).await.ok();
    }
    assert!(plugin.process.open_files() <= before, "{} after {before}", plugin.process.open_files());
    assert_eq!((issuer.zscaler_logins().attempted, issuer.zettelstore_logins().attempted), (1, 1));
    plugin.finish().await;
}
