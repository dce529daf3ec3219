//! Cases 2 and 5: what a killed replica had begun is done by others, and what PostgreSQL lost is done once it is back.

use std::time::Duration;

use tokenferry_sandbox::Fault;
use tokenferry_tests::http;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokio::time::{Instant, sleep};

use super::shop::{Jobs, LIMIT, PATIENCE, Replica, Shop, until};
use super::told::brought;

#[tokio::test]
async fn case_2_what_a_killed_leader_had_begun_is_done_by_another_in_time() {
    what_a_killed_replica_had_begun_is_done_by_another("case-2-leader", true).await;
}

#[tokio::test]
async fn case_2_what_another_killed_replica_had_begun_is_done_by_another_in_time() {
    what_a_killed_replica_had_begun_is_done_by_another("case-2-other", false).await;
}

/// Logins hang until one of three replicas dies in the middle of one.
async fn what_a_killed_replica_had_begun_is_done_by_another(test: &str, kills_leader: bool) {
    let jobs = Jobs { concurrency: 1, life: 60, renewed_after: |_| 10, is_hasty: true, ..Jobs::of(3) };
    let shop = Shop::new(test, jobs).await;
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    until("the first run of each", PATIENCE, async || shop.told_count().await >= 3).await;
    shop.issuer.fault(Fault::hang().path(ZETTELSTORE_LOGIN));
    let (place, begun) = victim(&shop, &replicas, kills_leader).await;
    let mut killed = replicas.remove(place);
    let deadline = Instant::now() + LIMIT + Duration::from_secs(3);
    killed.daemon.kill().await;
    shop.issuer.control().clear_faults();
    let entry = shop.version(&begun, 2).await;
    assert!(Instant::now() < deadline, "{begun} was taken over too late");
    assert!(!entry.text("writer").ends_with(&killed.name), "{}", entry.text("writer"));
    let leader = shop.leader().await.unwrap();
    let leader = replicas.iter().find(|replica| replica.name == leader).unwrap();
    let told = leader.daemon.says("what a replica had begun and did not end is run again").await;
    assert_eq!(told.text("replica"), killed.name);

    for name in jobs.names() {
        shop.version(&name, 2).await;
    }
    for replica in &mut replicas {
        assert_eq!(replica.daemon.stop().await.code(), Some(0));
    }
    let told = shop.told().await;
    assert!(brought(&told).values().all(|times| *times == 1), "{told:?}");
    let keys = shop.keys().await;
    assert!(!keys.iter().any(|key| key.contains('~')), "what was begun has another row: {keys:?}");
    assert_eq!(shop.issuer.zettelstore_logins().succeeded, brought(&told).len() as u64);
    shop.assert_no_overlap();
}

/// The place of a replica that has a login under way, and of which rotation.
async fn victim(shop: &Shop, replicas: &[Replica], is_leader: bool) -> (usize, String) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let leader = shop.leader().await;
        for name in shop.jobs.names() {
            let Some(holder) = shop.holder(&name).await else { continue };
            let is_running = shop.issuer.zettelstore_logins().running > 0;
            if is_running && (leader.as_ref() == Some(&holder)) == is_leader {
                return (replicas.iter().position(|replica| replica.name == holder).unwrap(), name);
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("no such replica has begun anything");
}

#[tokio::test]
async fn case_5_after_a_crash_of_postgresql_all_is_done_once_and_nobody_has_ended() {
    let jobs = Jobs { of_each: 10, ..Jobs::of(40) };
    let mut shop = Shop::new("case-5", jobs).await;
    shop.issuer.fault(Fault::latency(Duration::from_millis(150)).path(ZETTELSTORE_LOGIN));
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    let mut addresses = Vec::new();
    for replica in &replicas {
        addresses.push(replica.daemon.address().await);
    }
    // The middle of the work.
    shop.success_of(100).await;

    shop.postgres.crash().await;
    let crashed = Instant::now();
    let are_ready = async |wanted: u16| {
        for address in &addresses {
            if http::get(address, "/readyz").await.status != wanted {
                return false;
            }
        }
        true
    };
    until("everybody's 503", Duration::from_secs(4), async || are_ready(503).await).await;
    // Nobody goes on without the lock of its credential.
    let is_quiet = async || shop.issuer.zettelstore_logins().running == 0;
    until("the end of all logins", Duration::from_secs(2), is_quiet).await;
    // What was on its way to the issuer when its run was cut off arrives a moment later.
    sleep(Duration::from_secs(2).saturating_sub(crashed.elapsed())).await;
    let logins = shop.issuer.zettelstore_logins();
    sleep(Duration::from_secs(4).saturating_sub(crashed.elapsed())).await;
    assert_eq!(shop.issuer.zettelstore_logins(), logins, "nothing was begun meanwhile");
    let done_before = done(&shop).await;
    assert!((100..400).contains(&done_before), "it was not the middle of the work: {done_before}");

    shop.postgres.restart().await;
    until("everybody's 200", PATIENCE, async || are_ready(200).await).await;
    until("the end of all runs", PATIENCE, async || {
        brought(&shop.told().await).len() >= 400 || done(&shop).await == 400
    })
    .await;
    for replica in &mut replicas {
        assert!(replica.daemon.process.is_running(), "{} has ended", replica.name);
        assert_eq!(replica.daemon.stop().await.code(), Some(0));
    }
    for name in jobs.names() {
        let entry = shop.entry(&name).await.unwrap();
        let user = name.rsplit_once('-').unwrap().0;
        let facts = ["rotation", "subject", "source"].map(|name| entry.text(name).to_owned());
        assert_eq!(facts, [name.clone(), user.to_owned(), format!("zettelstore.{user}")]);
        assert_eq!((entry.version, entry.data["serial"].as_u64()), (1, Some(1)), "{name}");
    }
    assert!(brought(&shop.told().await).values().all(|times| *times == 1));
    shop.assert_no_overlap();
}

/// How many have a token.
async fn done(shop: &Shop) -> usize {
    let mut done = 0;
    for name in shop.jobs.names() {
        done += usize::from(shop.entry(&name).await.is_some());
    }
    done
}
