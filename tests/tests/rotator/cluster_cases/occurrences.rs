//! Cases 1 and 4: each planned time is run once, however many replicas there are and whoever leads.

use std::collections::BTreeSet;
use std::time::Duration;

use tokenferry_sandbox::{Fault, GrantCounts};
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokio::time::{Instant, sleep};

use super::shop::{Jobs, PATIENCE, Replica, Shop, until};
use super::told::{Told, brought, planned};

#[tokio::test]
async fn case_1_three_replicas_run_each_occurrence_once_and_no_credential_twice_at_once() {
    let jobs = Jobs { of_each: 10, concurrency: 16, ..Jobs::of(200) };
    let shop = Shop::new("case-1", jobs).await;
    // Two with one credential would meet.
    shop.issuer.fault(Fault::latency(Duration::from_millis(100)).path(ZETTELSTORE_LOGIN));
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    shop.success_of(2_000).await;
    for replica in &mut replicas {
        assert_eq!(replica.daemon.stop().await.code(), Some(0));
    }

    let (told, keys) = (shop.told().await, shop.keys().await);
    let of: BTreeSet<&str> = told.iter().map(|told| &*told.replica).collect();
    assert_eq!(of.len(), 3, "all three have worked: {of:?}");
    // Where a machine is too busy for it a session ends, and what it had begun is tried again.
    let given_up = told.iter().filter(|told| told.class == "lock_lost").count();
    assert_eq!((told.len(), keys.len()), (2_000 + given_up, 2_000 + given_up), "{:?}", unusual(&told));
    let logins = shop.issuer.zettelstore_logins();
    assert!((2_000..=2_000 + given_up as u64).contains(&logins.attempted), "{logins:?}");
    if given_up == 0 {
        assert_eq!(brought(&told).len(), 2_000, "{:?}", unusual(&told));
        let ten = GrantCounts { attempted: 10, succeeded: 10, running: 0, peak: 1 };
        assert!((1..=200).all(|user| shop.logins(user) == ten), "{logins:?}");
    }
    shop.assert_no_overlap();
    for name in jobs.names() {
        let entry = shop.entry(&name).await.unwrap();
        assert_eq!((entry.version, entry.text("rotation")), (1, &*name));
    }
}

/// Ten tokens of which one after the other has to be replaced, one each second, while the lead goes round. Whoever leads
/// gives it up in the middle of a login: the next one finds a token that is due, and a row that is there.
#[tokio::test]
async fn case_4_three_schedulers_one_after_the_other_plan_each_second_once_and_lose_nothing() {
    let renewed_after = |user| 8 + user as u64;
    let jobs = Jobs { concurrency: 2, life: 60, renewed_after, ..Jobs::of(10) };
    let shop = Shop::new("case-4", jobs).await;
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    until("the first run of each", PATIENCE, async || shop.told_count().await >= 10).await;
    shop.issuer.fault(Fault::latency(Duration::from_secs(3)).path(ZETTELSTORE_LOGIN));

    let mut found = 0;
    for changes in 1..=6 {
        let place = leader_in_a_login(&shop, &replicas).await;
        let mut left = replicas.remove(place);
        assert_eq!(left.daemon.stop().await.code(), Some(0));
        found += count_found(&left);
        if changes > 1 && found + replicas.iter().map(count_found).sum::<usize>() > 1 {
            break;
        }
        replicas.extend(shop.replicas([left.name]).await);
    }
    for name in jobs.names() {
        shop.version(&name, 2).await;
    }
    for replica in &mut replicas {
        assert_eq!(replica.daemon.stop().await.code(), Some(0));
    }
    found += replicas.iter().map(count_found).sum::<usize>();

    let (told, keys) = (shop.told().await, shop.keys().await);
    assert_eq!(planned(&keys).len(), keys.len(), "a planned time has two rows: {keys:?}");
    let ran_once = |told: &Told| told.kind == "rotated" && told.attempt == 1;
    assert!(told.iter().all(ran_once), "{:?}", unusual(&told));
    assert_eq!(brought(&told).len(), told.len());
    let mut versions = 0;
    for name in jobs.names() {
        versions += shop.entry(&name).await.unwrap().version;
    }
    assert_eq!((versions, shop.issuer.zettelstore_logins().attempted), (told.len() as u64, versions));
    shop.assert_no_overlap();
    assert!(found > 1, "nothing was planned twice");
}

/// The place of the replica that leads, once it has begun a login of its own.
async fn leader_in_a_login(shop: &Shop, replicas: &[Replica]) -> usize {
    let is_running = |user: &usize| shop.logins(*user).running > 0;
    let deadline = Instant::now() + PATIENCE;
    let mut before: BTreeSet<usize> = (1..=shop.jobs.users).filter(is_running).collect();
    while Instant::now() < deadline {
        before.retain(is_running);
        let leader = shop.leader().await;
        for user in (1..=shop.jobs.users).filter(|user| !before.contains(user) && is_running(user)) {
            let holder = shop.holder(&format!("user-{user}-1")).await;
            if holder.is_some() && holder == leader {
                return replicas.iter().position(|replica| Some(replica.name) == holder.as_deref()).unwrap();
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the leader has begun no login");
}

/// How often it planned what was there already.
fn count_found(replica: &Replica) -> usize {
    replica.daemon.count(|event| event.message() == "these were in the queue already")
}

/// What may be the matter.
fn unusual(told: &[Told]) -> Vec<&Told> {
    told.iter().filter(|told| told.kind != "rotated" || told.attempt > 1).collect()
}
