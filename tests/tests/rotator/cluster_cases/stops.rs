//! Case 3: a replica that was stopped for too long, and goes on.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::Fault;
use tokenferry_tests::http;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::openbao::{Audited, Entry};
use tokio::time::{Instant, sleep};

use super::shop::{Jobs, LIMIT, PATIENCE, Replica, Shop, until};
use super::valve::Valve;
use crate::site::MOUNT;

const ROTATION: &str = "user-1-1";

#[tokio::test]
async fn case_3_a_replica_that_was_stopped_in_a_login_comes_back_to_the_token_of_another() {
    let jobs = Jobs { life: 60, renewed_after: |_| 16, is_hasty: true, ..Jobs::of(1) };
    let shop = Shop::new("case-3-login", jobs).await;
    let mut replicas = shop.replicas(["one", "two", "three"]).await;
    shop.version(ROTATION, 1).await;
    shop.issuer.fault(Fault::latency(Duration::from_millis(1_500)).path(ZETTELSTORE_LOGIN).times(1));
    until("a slow login", PATIENCE, async || shop.issuer.zettelstore_logins().running == 1).await;
    let holder = shop.holder(ROTATION).await.unwrap();
    let place = replicas.iter().position(|replica| replica.name == holder).unwrap();
    let stopped = replicas.remove(place);

    let winner = outlast(&shop, &stopped, 2, &replicas).await;
    assert_harmless(&shop, &stopped, &winner).await;
    assert_eq!(shop.rows(ROTATION).await[1], ["Done", "2"], "it was ended once, by who took it over");
    let told = shop.told().await;
    assert!(
        told.iter().all(|told| told.replica != stopped.name || told.attempt > 1 || told.kind == "rotated")
    );
    assert_eq!(told.iter().filter(|told| told.kind == "rotated").count() as u64, winner.version);
}

#[tokio::test]
async fn case_3_a_write_that_a_stopped_replica_had_sent_is_refused() {
    let shop = Shop::new("case-3-write", Jobs { is_hasty: true, ..Jobs::of(1) }).await;
    let valve = Valve::new(shop.openbao.address()).await;
    let stopped = shop.replica("one", &valve.url());
    valve.holds().await;
    stopped.daemon.process.signal(Signal::SIGSTOP);
    let others = shop.replicas(["two", "three"]).await;
    let winner = outlast(&shop, &stopped, 1, &others).await;

    valve.open();
    let is_refused = |asked: Audited| asked.path == DATA && asked.error.is_some();
    until("the refusal", PATIENCE, async || shop.openbao.audited().into_iter().any(is_refused)).await;
    assert_harmless(&shop, &stopped, &winner).await;
    assert_eq!(shop.issuer.zettelstore_logins().attempted, 2);
}

#[tokio::test]
async fn case_3_a_replica_that_was_told_to_stop_and_then_stopped_in_a_login_is_in_nobodys_way() {
    let jobs = Jobs { life: 60, renewed_after: |_| 16, is_hasty: true, ..Jobs::of(1) };
    let shop = Shop::new("case-3-end", jobs).await;
    let mut replicas = shop.replicas(["one", "two"]).await;
    shop.version(ROTATION, 1).await;
    shop.issuer.fault(Fault::latency(Duration::from_millis(1_500)).path(ZETTELSTORE_LOGIN).times(1));
    until("a slow login", PATIENCE, async || shop.issuer.zettelstore_logins().running == 1).await;
    let holder = shop.holder(ROTATION).await.unwrap();
    let place = replicas.iter().position(|replica| replica.name == holder).unwrap();
    let mut stopped = replicas.remove(place);
    stopped.daemon.process.signal(Signal::SIGTERM);
    let listed = format!("SELECT 1 FROM tokenferry.replicas WHERE name = '{}'", stopped.name);
    until("its leave", PATIENCE, async || shop.postgres.query(&listed).await.is_empty()).await;

    let winner = outlast(&shop, &stopped, 2, &replicas).await;
    stopped.daemon.process.signal(Signal::SIGCONT);
    stopped.daemon.exit().await;
    assert_as_left(&shop, &winner).await;
}

#[tokio::test]
async fn case_3_once_that_was_stopped_in_a_login_is_in_nobodys_way() {
    let jobs = Jobs { life: 60, renewed_after: |_| 16, is_hasty: true, ..Jobs::of(1) };
    let shop = Shop::new("case-3-once", jobs).await;
    let replicas = shop.replicas(["one"]).await;
    shop.version(ROTATION, 1).await;
    shop.issuer.fault(Fault::latency(Duration::from_millis(1_500)).path(ZETTELSTORE_LOGIN).times(1));
    let mut once = replicas[0].rotator.spawn(&["once", "--force"]);
    until("its login", PATIENCE, async || shop.issuer.zettelstore_logins().running == 1).await;
    once.signal(Signal::SIGSTOP);

    let winner = shop.version(ROTATION, 2).await;
    assert!(winner.text("writer").ends_with(&replicas[0].writer()), "{}", winner.text("writer"));
    once.signal(Signal::SIGCONT);
    once.exit(Duration::from_secs(10)).await;
    assert_as_left(&shop, &winner).await;
}

/// Stops it until another one has done its work, and returns what that one wrote.
async fn outlast(shop: &Shop, stopped: &Replica, version: u64, others: &[Replica]) -> Entry {
    let deadline = Instant::now() + LIMIT + Duration::from_secs(3);
    stopped.daemon.process.signal(Signal::SIGSTOP);
    let winner = shop.version(ROTATION, version).await;
    assert!(Instant::now() < deadline, "it was taken over too late");
    let writer = winner.text("writer");
    assert!(others.iter().any(|other| writer.ends_with(&other.writer())), "{writer}");
    winner
}

/// It goes on, finds its part among the others, and leaves what they did as it is.
async fn assert_harmless(shop: &Shop, stopped: &Replica, winner: &Entry) {
    stopped.daemon.process.signal(Signal::SIGCONT);
    let address = stopped.daemon.address().await;
    until("its return", PATIENCE, async || http::get(&address, "/readyz").await.status == 200).await;
    sleep(Duration::from_secs(3)).await;
    assert_as_left(shop, winner).await;
}

async fn assert_as_left(shop: &Shop, winner: &Entry) {
    let entry = shop.entry(ROTATION).await.unwrap();
    assert_eq!((entry.version, entry.text("token")), (winner.version, winner.text("token")));
    assert_eq!(entry.text("writer"), winner.text("writer"));
    assert_eq!(
        shop.openbao.versions(MOUNT, &format!("tokens/{ROTATION}")).await.len() as u64,
        winner.version
    );
    shop.assert_no_overlap();
}

const DATA: &str = "secret/data/tokens/user-1-1";
