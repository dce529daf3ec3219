//! Case 6: a login that always fails.

use std::time::Duration;

use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokio::time::sleep;

use super::shop::{Jobs, PATIENCE, Shop, until};

#[tokio::test]
async fn case_6_a_login_that_always_fails_is_tried_after_growing_waits_and_ends_as_one_dead_letter() {
    let shop = Shop::new("case-6", Jobs::of(1)).await;
    shop.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN).times(2));
    let replicas = shop.replicas(["one", "two", "three"]).await;
    until("the second try", PATIENCE, async || shop.told_count().await == 2).await;
    shop.issuer.fault(Fault::key_revoked("user-1"));
    until("the third try", PATIENCE, async || shop.told_count().await == 3).await;

    let told = shop.told().await;
    let tries: Vec<_> = told.iter().map(|told| (told.attempt, &*told.kind, &*told.class)).collect();
    assert_eq!(
        tries,
        [(1, "failed", "server_error"), (2, "failed", "server_error"), (3, "refused", "login_refused")]
    );
    let first = &told[0].occurrence;
    assert!(told.iter().all(|told| told.occurrence == *first), "it is one planned time");
    let waits = [told[1].at - told[0].at, told[2].at - told[1].at];
    assert!((5.0..15.0).contains(&waits[0]) && (10.0..25.0).contains(&waits[1]), "{waits:?}");

    let of_rotation = async || replicas[0].rotator.run(&["status", "--output", "json"]).await.json();
    let status = of_rotation().await;
    let letters = status[0]["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 1, "{status}");
    assert_eq!((&letters[0]["class"], &letters[0]["attempt"]), (&"login_refused".into(), &3.into()));
    for replica in &replicas {
        let shows = async |path: &str, text: &str| replica.daemon.page(path).await.body.contains(text);
        until("the metric", PATIENCE, async || {
            shows("/metrics", "tokenferry_cluster_dead_letters 1\n").await
        })
        .await;
        until("the page", PATIENCE, async || shows("/", "One run was given up").await).await;
        let named =
            "tokenferry_cluster_dead_letters_by_rotation{rotation=\"user-1-1\",class=\"login_refused\"} 1";
        assert!(shows("/metrics", named).await);
    }
    sleep(Duration::from_secs(3)).await;
    assert_eq!((shop.told_count().await, shop.logins(1).attempted), (3, 3), "nobody tries again");
}
