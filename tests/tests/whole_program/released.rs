//! Tokens that are to end and that nobody closes: Terraform 1.11 forgets to, after a failure and after Ctrl-C.

use std::time::Duration;

use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::{Launch, Reattachable};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::object;
use tokio::time::timeout;

use crate::revoke_on_close::{LOGIN, REVOKE, ZENOTI, issuer, revocations, revoking};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn case_47_shutdown_without_close_revokes_each_token_once() {
    let (issuer, config) = issuer("case-47").await;
    let plugin = Plugin::configured(&config).await;
    let first = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    let second = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    assert_eq!(first.reply.text("token"), second.reply.text("token"));
    ended_within_two_seconds(plugin).await;
    assert_eq!(revocations(&issuer), 1);
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
}

#[tokio::test]
async fn case_47_what_was_closed_is_not_revoked_again_and_what_is_to_live_on_is_not_revoked() {
    let (issuer, config) = issuer("case-47-closed").await;
    let plugin = Plugin::configured(&config).await;
    let opened = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    plugin.close_ephemeral(ZENOTI, opened.private).await.ok();
    plugin.open_ephemeral(ZENOTI, &object([])).await.reply.ok();
    plugin.read(ZENOTI, &object([])).await.ok();
    ended_within_two_seconds(plugin).await;
    assert_eq!(revocations(&issuer), 1);
}

#[tokio::test]
async fn case_47_an_issuer_that_hangs_does_not_hold_up_the_end() {
    let (issuer, config) = issuer("case-47-hangs").await;
    let plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    issuer.fault(Fault::hang().path(REVOKE));
    ended_within_two_seconds(plugin).await;
    assert_eq!(revocations(&issuer), 1, "it was not even asked");
}

#[tokio::test]
async fn a_login_under_way_at_shutdown_leaves_no_token_behind() {
    let (issuer, config) = issuer("shutdown-login").await;
    issuer.fault(Fault::latency(SECOND / 4).path(LOGIN));
    let plugin = Plugin::configured(&config).await;
    let connection = plugin.connection.clone();
    let open = tokio::spawn(async move { connection.open_ephemeral(ZENOTI, &revoking()).await });
    issuer.asked(LOGIN).await;
    ended_within_two_seconds(plugin).await;
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
    // Whether it was answered on the way out is left to the provider.
    drop(open.await);
}

#[tokio::test]
async fn a_login_that_hangs_at_shutdown_does_not_hold_up_the_end() {
    let (issuer, config) = issuer("shutdown-hangs").await;
    issuer.fault(Fault::hang().path(LOGIN));
    let plugin = Plugin::configured(&config).await;
    let connection = plugin.connection.clone();
    let open = tokio::spawn(async move { connection.open_ephemeral(ZENOTI, &revoking()).await });
    issuer.asked(LOGIN).await;
    ended_within_two_seconds(plugin).await;
    drop(open.await);
}

#[tokio::test]
async fn a_revocation_that_fails_once_is_tried_again_before_the_end() {
    let (issuer, config) = issuer("shutdown-503").await;
    let plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    issuer.fault(Fault::status(503).path(REVOKE).times(1));
    ended_within_two_seconds(plugin).await;
    assert_eq!((issuer.counters().requests(REVOKE, 503), issuer.counters().requests(REVOKE, 200)), (1, 1));
}

#[tokio::test]
async fn a_login_that_hangs_does_not_keep_an_open_token_alive() {
    let (issuer, config) = issuer("shutdown-hangs-beside").await;
    let plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    issuer.fault(Fault::hang().path(LOGIN).times(1));
    let connection = plugin.connection.clone();
    // No token lives that long: there is another login.
    let longer = object([("revoke_on_close", true.into()), ("minimum_lifetime", "100h".into())]);
    let open = tokio::spawn(async move { connection.open_ephemeral(ZENOTI, &longer).await });
    issuer.asked_times(LOGIN, 2).await;
    ended_within_two_seconds(plugin).await;
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
    drop(open.await);
}

#[tokio::test]
async fn stopping_revokes_what_is_open_and_closing_it_afterwards_is_fine() {
    let (issuer, config) = issuer("stop-open").await;
    let plugin = Plugin::configured(&config).await;
    let opened = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    assert_eq!(timeout(2 * SECOND, plugin.stop_provider()).await.expect("an answer"), "");
    assert_eq!(plugin.stop_provider().await, "");
    assert_eq!(revocations(&issuer), 1);
    plugin.close_ephemeral(ZENOTI, opened.private.clone()).await.ok();
    let next = plugin.open_ephemeral(ZENOTI, &object([])).await;
    assert_ne!(next.reply.text("token"), opened.reply.text("token"), "what is over is handed out");
    plugin.finish().await;
    assert_eq!(revocations(&issuer), 1);
}

#[tokio::test]
async fn stopping_while_a_login_is_under_way_leaves_no_token_behind() {
    let (issuer, config) = issuer("stop-login").await;
    issuer.fault(Fault::latency(SECOND / 4).path(LOGIN));
    let plugin = Plugin::configured(&config).await;
    let connection = plugin.connection.clone();
    let open = tokio::spawn(async move { connection.open_ephemeral(ZENOTI, &revoking()).await });
    issuer.asked(LOGIN).await;
    assert_eq!(plugin.stop_provider().await, "");
    let opened = timeout(SECOND, open).await.expect("the opening returns within a second").unwrap();
    assert!(opened.reply.error().says(&["stop"]), "{opened:?}");
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
    plugin.finish().await;
    assert_eq!((revocations(&issuer), issuer.counters().all_logins("zenoti").attempted), (1, 1));
}

#[tokio::test]
async fn a_token_that_could_not_be_revoked_in_time_is_tried_once_more_at_the_end() {
    let (issuer, config) = issuer("stop-hangs").await;
    let plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    issuer.fault(Fault::hang().path(REVOKE));
    assert_eq!(timeout(2 * SECOND, plugin.stop_provider()).await.expect("an answer"), "");
    issuer.control().clear_faults();
    ended_within_two_seconds(plugin).await;
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
}

#[tokio::test]
async fn a_connection_that_ends_takes_its_tokens_with_it_and_no_others() {
    let (issuer, config) = issuer("connection-ends").await;
    let (other_issuer, other_config) = crate::revoke_on_close::issuer("connection-stays").await;
    let mut server = Reattachable::start(Launch::by_hand()).await;
    let (ends, stays) = (server.connect().await, server.connect().await);
    ends.configure(&config).await.ok();
    stays.configure(&other_config).await.ok();
    ends.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    let opened = stays.open_ephemeral(ZENOTI, &revoking()).await;
    opened.reply.ok();
    drop(ends);
    issuer.asked(REVOKE).await;
    assert_eq!(revocations(&other_issuer), 0);
    stays.close_ephemeral(ZENOTI, opened.private).await.ok();
    assert_eq!((revocations(&issuer), revocations(&other_issuer)), (1, 1));
    assert!(server.process.is_running());
}

#[tokio::test]
async fn a_configuration_that_is_replaced_takes_its_tokens_with_it() {
    let (issuer, config) = issuer("replaced").await;
    let plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    plugin.configure(&config).await.ok();
    issuer.asked(REVOKE).await;
    plugin.finish().await;
    assert_eq!(revocations(&issuer), 1);
}

#[tokio::test]
async fn a_host_that_hangs_up_leaves_no_token_behind() {
    let (issuer, config) = issuer("hangs-up").await;
    let mut plugin = Plugin::configured(&config).await;
    plugin.open_ephemeral(ZENOTI, &revoking()).await.reply.ok();
    plugin.connection = Plugin::start().await.connection;
    issuer.asked(REVOKE).await;
    assert_eq!(plugin.process.exit(10 * SECOND).await.code(), Some(0));
}

#[tokio::test]
async fn case_47_systems_without_revocation_are_left_alone() {
    let issuer = Issuer::start("case-47-abandoned").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for kind in ["tokenferry_zscaler_token", "tokenferry_zettelstore_token"] {
        plugin.open_ephemeral(kind, &object([])).await.reply.ok();
    }
    let before = issuer.control().requests().len();
    ended_within_two_seconds(plugin).await;
    assert_eq!(issuer.control().requests().len(), before);
}

/// Two seconds after Shutdown the host kills.
async fn ended_within_two_seconds(mut plugin: Plugin) {
    let started = tokio::time::Instant::now();
    timeout(2 * SECOND, plugin.shutdown()).await.expect("an answer to Shutdown");
    assert_eq!(plugin.process.exit((2 * SECOND).saturating_sub(started.elapsed())).await.code(), Some(0));
}
