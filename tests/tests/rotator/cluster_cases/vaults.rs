//! Vault is away for one replica, or for all of them.

use tokenferry_tests::rotator::Daemon;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::shop::{Jobs, LIMIT, PATIENCE, Shop, until};

#[tokio::test]
async fn a_leader_that_cannot_reach_vault_leaves_the_lead_to_one_that_can() {
    let jobs = Jobs { is_hasty: true, ..Jobs::of(3) };
    let shop = Shop::new("vault-of-one", jobs).await;
    // It takes connections, and answers nobody.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let one = shop.replica("one", &format!("http://{}", silent.local_addr().unwrap()));
    one.daemon.says(LEADS).await;
    let two = shop.replica("two", &shop.openbao.url());
    two.daemon.says("this replica stands by: it works on what another one dispatches").await;

    one.daemon.says("still only others reach Vault: the lead is left to them").await;
    for name in jobs.names() {
        shop.version(&name, 1).await;
    }
    let ready = one.daemon.page("/readyz").await;
    assert!(ready.status == 503 && ready.body.contains("\"vault_unreachable\""), "{}", ready.body);
    until("its 200", PATIENCE, async || two.daemon.page("/readyz").await.status == 200).await;
    let shown = one.rotator.run(&["status", "--replicas"]).await.ok().stdout;
    assert!(
        shown.lines().any(|line| line.starts_with("one") && line.contains("cannot reach Vault")),
        "{shown}"
    );
    assert_eq!((shop.leader().await.as_deref(), led(&one.daemon)), (Some("two"), 1));
    let told = shop.told().await;
    assert!(told.iter().all(|told| told.replica == "two" && told.kind == "rotated"), "{told:?}");
}

#[tokio::test]
async fn a_vault_that_is_sealed_for_all_costs_nobody_the_lead_and_no_run_is_lost() {
    let jobs = Jobs { life: 120, renewed_after: |_| 15, is_hasty: true, ..Jobs::of(4) };
    let shop = Shop::new("vault-of-all", jobs).await;
    let replicas = shop.replicas(["one", "two"]).await;
    for name in jobs.names() {
        shop.version(&name, 1).await;
    }
    let leader = shop.leader().await;
    shop.openbao.seal().await;
    let failed = async || shop.told().await.iter().any(|told| told.class == "vault_sealed");
    until("the first failure", PATIENCE, failed).await;
    sleep(LIMIT).await;
    shop.openbao.unseal().await;
    for name in jobs.names() {
        shop.version(&name, 2).await;
    }
    assert_eq!(shop.leader().await, leader);
    assert_eq!(replicas.iter().map(|replica| led(&replica.daemon)).sum::<usize>(), 1);
    shop.assert_no_overlap();
}

/// How often it has begun to lead.
fn led(daemon: &Daemon) -> usize {
    daemon.count(|event| event.message() == LEADS)
}

const LEADS: &str = "this replica leads: it dispatches what is due, once it has read each entry anew";
