//! OpenBao is sealed, killed, and comes back.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::site::{MOUNT, Site, warnings};

#[tokio::test]
async fn a_token_that_was_issued_while_vault_was_sealed_is_written_later() {
    let site = Site::new("sealed-meanwhile").await;
    site.issuer.fault(Fault::latency(Duration::from_secs(1)).path(ZETTELSTORE_LOGIN));
    let daemon = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    site.openbao.seal().await;
    let failed = daemon.event(|event| event.text("class") == "vault_sealed").await;
    assert!(
        failed.text("error").contains("secret/tokens/notes: Vault is sealed"),
        "{}",
        failed.text("error")
    );
    site.openbao.unseal().await;

    daemon.says("rotated").await;
    assert_eq!(site.entry().await.unwrap().version, 1);
    assert_eq!(site.logins(), 1);
}

#[tokio::test]
async fn a_sealed_vault_makes_no_storm_of_logins_and_readers_keep_the_old_token() {
    let mut site = Site::on_disk("sealed-between", 14).await;
    site.configure(|config| config.rotation = "renew_before = \"9s\"".to_owned());
    let daemon = site.rotator.start();
    let old = site.version(1).await;
    site.openbao.seal().await;
    daemon.event(|event| event.text("class") == "vault_sealed").await;
    site.openbao.unseal().await;
    site.openbao.kv_ready(MOUNT).await;
    assert_eq!(site.entry().await.unwrap().text("token"), old.text("token"));

    let new = site.version(2).await;
    assert_eq!((new.version, new.data["serial"].as_u64()), (2, Some(2)));
    assert!(site.logins() <= 3, "{} logins", site.logins());
}

/// It may have been done: it is looked up, and done again only if it was not.
#[tokio::test]
async fn a_write_whose_answer_does_not_come_is_not_done_twice() {
    let mut site = Site::new("no-answer").await;
    site.configure(|config| config.vault = format!("timeout = \"1s\"\n {}", config.vault));
    site.rotator.run(&["once"]).await.ok();
    site.issuer.fault(Fault::latency(Duration::from_secs(1)).path(ZETTELSTORE_LOGIN));
    let mut once = site.rotator.spawn(&["once", "--force"]);
    site.issuer.asked_times(ZETTELSTORE_LOGIN, 2).await;
    site.openbao.process.signal(Signal::SIGSTOP);
    let timed_out = once.stderr.line_that(PATIENCE, |line| line.contains("no answer within 1 s")).await;
    site.openbao.process.signal(Signal::SIGCONT);

    assert!(timed_out.unwrap().contains("class=vault_timed_out"));
    let status = once.exit(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}{}", once.stdout.text(), once.stderr.text());
    let new = site.entry().await.unwrap();
    assert_eq!((new.version, new.data["serial"].as_u64(), site.logins()), (2, Some(2), 2));
}

#[tokio::test]
async fn a_vault_that_was_killed_and_started_again_is_used_again() {
    let mut site = Site::on_disk("killed", 12).await;
    site.configure(|config| config.rotation = "renew_before = \"6s\"".to_owned());
    let mut daemon = site.rotator.start();
    site.version(1).await;
    site.openbao.kill().await;
    let failed = daemon
        .event(|event| event.message().contains("published") && event.text("class") == "vault_unreachable")
        .await;
    let error = failed.text("error");
    assert!(error.contains(&format!("{} cannot be reached", site.openbao.url())), "{error}");
    site.openbao.start().await;
    site.openbao.unseal().await;
    site.openbao.kv_ready(MOUNT).await;

    let new = site.version(2).await;
    assert_eq!(new.data["serial"].as_u64(), Some(2));
    assert!(daemon.process.is_running());
    assert!(site.logins() <= 3, "{} logins", site.logins());
}

#[tokio::test]
async fn an_unreachable_vault_is_tried_at_growing_intervals_with_one_line_each() {
    let mut site = Site::on_disk("unreachable", 600).await;
    site.openbao.kill().await;
    let daemon = site.rotator.start();
    let tried = daemon.event(|event| event.field("next_try_in_secs").as_u64() == Some(4)).await;
    assert_eq!((tried.level(), tried.text("class")), ("warn", "vault_unreachable"));
    assert!(tried.text("advice").starts_with("Check `address`"), "{}", tried.text("advice"));
    let pauses: Vec<u64> =
        daemon.events().iter().filter_map(|event| event.field("next_try_in_secs").as_u64()).collect();
    assert_eq!(pauses, [1, 2, 4]);
    assert_eq!(warnings(&daemon), 3);

    site.openbao.start().await;
    site.openbao.unseal().await;
    site.version(1).await;
    assert_eq!(site.logins(), 1);
}

const PATIENCE: Duration = Duration::from_mins(1);
