//! Cases 1 and 4: each planned time is run once, however many replicas there are and whoever leads.

use std::collections::BTreeSet;
use std::time::Duration;

use tokenferry_sandbox::{Fault, GrantCounts};
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use super::shop::{Jobs, PATIENCE, Shop, until};
use super::told::{Told, brought};

#[tokio::test]
async fn case_1_three_replicas_run_each_occurrence_once_and_no_credential_twice_at_once() {
    let jobs = Jobs { of_each: 10, concurrency: 16, ..Jobs::of(200) };
    let shop = Shop::new("case-1", jobs).await;
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    until("the end of 2,000 runs", PATIENCE, async || shop.told_count().await >= 2_000).await;
    for replica in &mut replicas {
        assert_eq!(replica.daemon.stop().await.code(), Some(0));
    }

    let told = shop.told().await;
    assert!(told.iter().all(|told| told.kind == "rotated" && told.attempt == 1), "{:?}", unusual(&told));
    assert_eq!((told.len(), brought(&told).len()), (2_000, 2_000));
    let of: BTreeSet<&str> = told.iter().map(|told| &*told.replica).collect();
    assert_eq!(of.len(), 3, "all three have worked: {of:?}");
    let ten = GrantCounts { attempted: 10, succeeded: 10, running: 0, peak: 1 };
    assert!((1..=200).all(|user| shop.logins(user) == ten), "{:?}", shop.issuer.zettelstore_logins());
    for name in jobs.names() {
        let entry = shop.entry(&name).await.unwrap();
        assert_eq!((entry.version, entry.text("rotation")), (1, &*name));
    }
}

/// Ten tokens of which one after the other has to be replaced, one each second, while the lead goes round. Logins take
/// their time, so that whoever leads anew finds rows of the one before.
#[tokio::test]
async fn case_4_three_schedulers_one_after_the_other_plan_each_second_once_and_lose_nothing() {
    let renewed_after = |user| 8 + user as u64;
    let jobs = Jobs { concurrency: 2, life: 60, renewed_after, ..Jobs::of(10) };
    let shop = Shop::new("case-4", jobs).await;
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    until("the first run of each", PATIENCE, async || shop.told_count().await >= 10).await;
    shop.issuer.fault(Fault::latency(Duration::from_millis(1_500)).path(ZETTELSTORE_LOGIN));

    for _ in 0..2 {
        let leader = shop.leader().await.unwrap();
        let is_running = async || shop.issuer.zettelstore_logins().running > 0;
        until("a login", PATIENCE, is_running).await;
        let place = replicas.iter().position(|replica| replica.name == leader).unwrap();
        let mut left = replicas.remove(place);
        assert_eq!(left.daemon.stop().await.code(), Some(0));
        let done = shop.told_count().await;
        until("three more runs", PATIENCE, async || shop.told_count().await >= done + 3).await;
    }
    for name in jobs.names() {
        shop.version(&name, 2).await;
    }
    let mut last = replicas.pop().unwrap();
    assert_eq!(shop.leader().await.as_deref(), Some(last.name));
    assert!(last.daemon.count(|event| event.message() == FOUND) > 0, "nothing was planned twice");
    assert_eq!(last.daemon.stop().await.code(), Some(0));

    let told = shop.told().await;
    let brought = brought(&told);
    assert!(brought.values().all(|times| *times == 1), "{brought:?}");
    assert!(told.iter().all(|told| told.attempt == 1 && told.class.is_empty()), "{:?}", unusual(&told));
    assert_eq!(told.len(), brought.len(), "no planned time has two rows: {:?}", unusual(&told));
    let mut versions = 0;
    for name in jobs.names() {
        versions += shop.entry(&name).await.unwrap().version;
    }
    assert_eq!((versions, shop.issuer.zettelstore_logins().attempted), (told.len() as u64, versions));
    shop.assert_no_overlap();
}

/// What may be the matter.
fn unusual(told: &[Told]) -> Vec<&Told> {
    told.iter().filter(|told| told.kind != "rotated" || told.attempt > 1).collect()
}

const FOUND: &str = "these were in the queue already";
