//! Two rotators with the same configuration.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tokenferry_sandbox::Fault;
use tokenferry_tests::http::Page;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::metrics::{sample, until};
use crate::site::{DATA, Site, time};

#[tokio::test]
async fn who_comes_too_late_takes_the_token_of_the_other() {
    let site = Site::new("too-late").await;
    let slow_login = Fault::latency(Duration::from_secs(2)).path(ZETTELSTORE_LOGIN).times(1);
    site.issuer.fault(slow_login);
    let mut slow = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    let other = site.another();
    let mut quick = other.start();
    quick.says("rotated").await;
    let entry = site.entry().await.unwrap();

    let warning = slow.event(|event| event.message().starts_with("another process rotated this")).await;
    assert_eq!((warning.level(), warning.text("writer")), ("warn", entry.text("writer")));
    assert!(entry.text("writer").ends_with(&format!(" {}", quick.process.id())), "{}", entry.text("writer"));
    slow.says("already rotated by another process").await;
    let next = slow.event(|event| event.message() == "next run" && event.text("reason") == "expiry").await;
    let next_of_other = quick.event(|event| event.text("reason") == "expiry").await;
    assert_eq!(next.text("at"), next_of_other.text("at"));
    slow.stop().await;
    quick.stop().await;

    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 2));
    assert_eq!(site.entry().await.unwrap().text("token"), entry.text("token"));
}

#[tokio::test]
async fn two_daemons_write_each_run_once() {
    // A tenth of this life, by which tokens may differ, is far more than the time between two logins at once.
    let mut site = Site::with_life("two-daemons", 120).await;
    site.configure(|config| config.rotation = "renew_before = \"114s\"".to_owned());
    let other = site.another();
    let (mut one, mut two) = (site.rotator.start(), other.start());
    site.version(3).await;
    one.stop().await;
    two.stop().await;

    let last = site.entry().await.unwrap();
    let mut occurrences = BTreeSet::new();
    for version in 1..=last.version {
        let read = site.openbao.read(&format!("{DATA}?version={version}")).await;
        let data = &read["data"]["data"];
        assert_eq!(data["serial"].as_u64(), Some(version), "somebody wrote without looking");
        assert!(
            occurrences.insert(data["occurrence"].as_str().unwrap().to_owned()),
            "one run was written twice"
        );
    }
}

#[tokio::test]
async fn what_once_wrote_beside_the_daemon_is_soon_told_by_it() {
    let site = Site::new("beside").await;
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    let address = daemon.address().await;
    site.another().run(&["once", "--force"]).await.ok();
    let entry = site.entry().await.unwrap();
    let issued = time(&entry, "issued_at").duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let labels = "rotation=\"notes\",source=\"zettelstore.notes\",system=\"zettelstore\"";
    let name = format!("tokenferry_last_success_timestamp_seconds{{{labels}}}");
    let tells = |page: &Page| sample(&page.body, &name) == Some(issued.trunc());
    until(&address, "/metrics", tells).await;
    let news = daemon.says("another process has changed the entry; going on from what stands there").await;
    assert_eq!((news.level(), news.text("rotation")), ("info", "notes"));
    assert_eq!((entry.version, daemon.count(|event| event.message() == "rotated"), site.logins()), (2, 1, 2));
    daemon.stop().await;
}
