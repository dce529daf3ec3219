//! What SIGTERM does.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::rotator::Daemon;

use crate::site::{MOUNT, PROVEN, Site};

#[tokio::test]
async fn an_idle_daemon_ends_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let site = Site::new("idle").await;
        let mut daemon = site.rotator.start();
        daemon.event(|event| event.text("reason") == "expiry").await;
        daemon.process.signal(signal);
        assert_eq!(daemon.exit().await.code(), Some(0));
        daemon.says("stopped").await;
    }
}

#[tokio::test]
async fn a_daemon_that_waits_for_vault_ends_well() {
    let mut site = Site::new("stop-while-waiting").await;
    site.configure(|config| config.rotation = PROVEN.to_owned());
    site.openbao.process.signal(Signal::SIGSTOP);
    let mut daemon = site.rotator.start();
    daemon.says("logging in to Vault").await;
    assert_eq!(daemon.stop().await.code(), Some(0));
    let troubles: Vec<_> = daemon.events().into_iter().filter(|event| event.level() != "info").collect();
    assert!(
        troubles.iter().all(|event| event.level() == "debug"),
        "it waited for its own timeout: {troubles:?}"
    );
    site.openbao.process.signal(Signal::SIGCONT);
}

#[tokio::test]
async fn a_token_that_is_being_issued_is_still_stored() {
    let site = Site::new("stop-during-login").await;
    let mut daemon = daemon_in_login(&site, 3).await;
    assert_eq!(daemon.stop().await.code(), Some(0));
    daemon.says("rotated").await;
    assert_eq!(site.entry().await.unwrap().version, 1);
    assert_eq!(site.logins(), 1);
}

#[tokio::test]
async fn once_stores_what_is_being_issued_too() {
    let site = Site::new("stop-once").await;
    site.issuer.fault(Fault::latency(Duration::from_secs(2)).path(ZETTELSTORE_LOGIN));
    let mut once = site.rotator.spawn(&["once"]);
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    once.signal(Signal::SIGTERM);
    assert_eq!(once.exit(Duration::from_secs(30)).await.code(), Some(0));
    assert_eq!(site.entry().await.unwrap().version, 1);
}

/// On disk, since such a server refuses writes for a moment after it was unsealed.
#[tokio::test]
async fn a_stop_waits_for_a_vault_that_is_unsealed_within_the_grace_period() {
    let site = Site::on_disk("stop-while-sealed", 600).await;
    let mut daemon = daemon_in_login(&site, 1).await;
    site.openbao.seal().await;
    daemon.process.signal(Signal::SIGTERM);
    daemon.event(|event| event.text("class") == "vault_sealed").await;
    site.openbao.unseal().await;
    assert_eq!(daemon.exit().await.code(), Some(0));
    daemon.says("stored the token that was issued before").await;
    site.openbao.kv_ready(MOUNT).await;
    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 1));
}

#[tokio::test]
async fn a_token_that_cannot_be_stored_in_time_is_told() {
    let mut site = Site::new("stop-and-lose").await;
    site.configure(|config| config.top = "grace_period = \"3s\"".to_owned());
    let mut daemon = daemon_in_login(&site, 1).await;
    site.openbao.seal().await;
    assert_eq!(daemon.stop().await.code(), Some(3));
    let lost = daemon.says("a token was issued but could not be stored, and is lost").await;
    assert_eq!((lost.level(), lost.text("rotation")), ("error", "notes"));
    assert!(lost.text("why").contains("Vault is sealed"), "{}", lost.text("why"));
}

#[tokio::test]
async fn a_login_that_takes_longer_than_the_grace_period_is_given_up() {
    let mut site = Site::new("stop-and-give-up").await;
    site.configure(|config| config.top = "grace_period = \"1s\"".to_owned());
    site.issuer.fault(Fault::hang().path(ZETTELSTORE_LOGIN));
    let mut daemon = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    assert_eq!(daemon.stop().await.code(), Some(3));
    assert_eq!(daemon.count(|event| event.message().starts_with("the grace period is over")), 1);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let site = Site::new("stop-twice").await;
    site.issuer.fault(Fault::hang().path(ZETTELSTORE_LOGIN));
    let mut daemon = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    daemon.process.signal(Signal::SIGTERM);
    let stopping = daemon.event(|event| event.message().starts_with("stopping")).await;
    assert_eq!(stopping.text("signal"), "SIGTERM");
    assert!(daemon.process.is_running());
    daemon.process.signal(Signal::SIGINT);
    assert_eq!(daemon.exit().await.code(), Some(143));
}

async fn daemon_in_login(site: &Site, seconds: u64) -> Daemon {
    site.issuer.fault(Fault::latency(Duration::from_secs(seconds)).path(ZETTELSTORE_LOGIN));
    let daemon = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    daemon
}
