//! What is not run on purpose: because it is disabled, because its source has a rate, because the issuer said when to
//! come back.

use std::time::Duration;

use serde_json::json;
use tokenferry_sandbox::{Answer, Fault};
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::rotator::Daemon;
use tokio::time::{Instant, sleep};

use crate::site::{DATA, METADATA, MOUNT, PATH, Site, parse, rotation};

#[tokio::test]
async fn a_disabled_rotation_is_left_alone_by_every_command() {
    let mut site = Site::new("disabled").await;
    site.configure(|config| config.rotation = "enabled = false\nreader_lag = \"1m\"".to_owned());
    let mut daemon = site.rotator.start();
    daemon.says("listening").await;
    assert_eq!(daemon.stop().await.code(), Some(0));
    let status = site.rotator.run(&["status", "--output", "json"]).await.ok().json();
    assert_eq!((&status[0]["state"], &status[0]["waits_for"]), (&json!("disabled"), &json!("disabled")));
    let once = site.rotator.run(&["once", "--force", "notes", "--output", "json"]).await.ok();
    assert_eq!(once.json()[0]["result"], "disabled");
    assert!(once.stderr.contains("notes: not forced: it is disabled"), "{}", once.stderr);
    assert_eq!(site.rotator.run(&["next", "--output", "json"]).await.ok().json(), json!([]));
    assert_eq!((site.logins(), site.writes(), reads(&site)), (0, 0, 0));

    let proof = site.rotator.run(&["validate", "--offline", "--output", "json"]).await.ok().json();
    assert_eq!((&proof[0]["enabled"], &proof[0]["verdict"]), (&json!(false), &json!("proven")));
    let table = site.rotator.run(&["validate", "--offline"]).await.ok();
    assert!(table.stdout.contains("proven, disabled"), "{}", table.stdout);

    site.configure(|config| config.rotation.clear());
    site.rotator.run(&["once"]).await.ok();
    assert_eq!((site.logins(), site.writes()), (1, 1));
}

#[tokio::test]
async fn a_rate_holds_for_all_rotations_of_a_source_over_restarts() {
    let mut site = Site::new("rate").await;
    site.configure(|config| {
        config.source += "\nrate = \"2/h\"";
        config.more = ["second", "third"].map(rotation).concat();
    });
    let mut daemon = site.rotator.start();
    rotated(&daemon, 2).await;
    daemon.kill().await;
    let mut daemon = site.rotator.start();
    daemon.says("all entries are read").await;
    daemon.kill().await;
    let outcome = site.rotator.run(&["once", "--output", "json"]).await.failed_with(4).json();
    let results: Vec<_> =
        (0..3).map(|at| (outcome[at]["result"].clone(), outcome[at]["class"].clone())).collect();
    let waiting = (json!("waiting"), json!("rate"));
    assert_eq!(results.iter().filter(|result| **result == waiting).count(), 1, "{results:?}");
    let held = outcome.as_array().unwrap().iter().find(|row| row["class"] == "rate").unwrap();
    let name = held["rotation"].as_str().unwrap();
    site.rotator.run(&["once", "--force", name]).await.failed_with(4);
    let status = site.rotator.run(&["status", name, "--output", "json"]).await.failed_with(4).json();
    assert_eq!(status[0]["state"], "missing");
    assert_eq!(site.logins(), 2);
}

#[tokio::test]
async fn a_rate_holds_for_forced_runs_of_one_process_after_the_other() {
    let mut site = Site::new("rate-forced").await;
    site.configure(|config| config.source += "\nrate = \"2/h\"");
    for result in ["rotated", "rotated", "waiting", "waiting"] {
        let once = site.rotator.run(&["once", "--force", "--output", "json"]).await.ok().json();
        assert_eq!(once[0]["result"], result);
    }
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (2, 2));
    // Not due yet, and what will have to wait then is told now.
    let status = site.rotator.run(&["status", "--output", "json"]).await.json();
    let row = &status[0];
    assert_eq!((&row["waits_for"], &row["next_run"]), (&json!("rate"), &row["waits_until"]));
    assert_eq!((&row["state"], &row["at_risk"]), (&json!("fine"), &json!(true)));
    let explained = site.rotator.run(&["explain", "notes"]).await.ok();
    assert!(explained.stdout.starts_with("notes will have to wait until the `rate`"), "{}", explained.stdout);
}

#[tokio::test]
async fn a_rate_spreads_what_is_due_at_once() {
    let mut site = Site::new("rate-spreads").await;
    site.configure(|config| {
        config.source += "\nrate = \"1/s\"";
        config.more = ["second", "third"].map(rotation).concat();
    });
    let mut daemon = site.rotator.start();
    rotated(&daemon, 3).await;
    assert_eq!(daemon.stop().await.code(), Some(0));
    let mut issued = Vec::new();
    for path in [PATH, "tokens/second", "tokens/third"] {
        let entry = site.openbao.entry(MOUNT, path).await.unwrap();
        site.rotator.guard(entry.text("token"));
        issued.push(parse(entry.text("issued_at")));
    }
    issued.sort();
    let apart =
        |two: &[std::time::SystemTime]| two[1].duration_since(two[0]).unwrap() >= Duration::from_secs(1);
    assert!(issued.windows(2).all(apart), "{issued:?}");
}

#[tokio::test]
async fn validate_reckons_with_the_rate() {
    let mut site = Site::new("rate-proof").await;
    let verdict = async |site: &Site, code| {
        let outcome =
            site.rotator.run(&["validate", "--offline", "--output", "json"]).await.failed_with(code).json();
        (outcome[0]["verdict"].clone(), outcome[0]["rate_wait_seconds"].clone())
    };
    site.configure(|config| {
        config.source += "\nrate = \"100/h\"";
        config.rotation = "reader_lag = \"1m\"".to_owned();
    });
    assert_eq!(verdict(&site, 0).await, (json!("proven"), json!(0)));
    let table = site.rotator.run(&["validate", "--offline"]).await.ok();
    assert!(table.words().contains("the rate of its source is 100/h"), "{}", table.stdout);

    site.configure(|config| config.source = config.source.replace("100/h", "8/h"));
    assert_eq!(verdict(&site, 2).await, (json!("refused"), json!(null)));
    let table = site.rotator.run(&["validate", "--offline"]).await.failed_with(2);
    assert!(table.words().contains("does not carry the logins of its rotations"), "{}", table.stdout);
}

#[tokio::test]
async fn what_the_issuer_asks_for_holds_over_restarts_and_force() {
    let site = Site::new("retry-after").await;
    let limited = Answer::new(429).header("retry-after", "3600");
    site.issuer.fault(Fault::answer(limited).path(ZETTELSTORE_LOGIN));
    let mut daemon = site.rotator.start();
    let failed = daemon.event(|event| event.text("class") == "rate_limited").await;
    assert_eq!(failed.level(), "warn");
    site.noted("tokenferry_failure_retry_at").await;
    daemon.kill().await;

    let mut daemon = site.rotator.start();
    let next = daemon.says("next run").await;
    assert!(parse(next.text("at")) > std::time::SystemTime::now() + Duration::from_mins(50));
    daemon.kill().await;
    let forced = site.rotator.run(&["once", "--force", "--output", "json"]).await.failed_with(4);
    assert!(forced.stderr.contains("not forced: its last run failed (rate_limited)"), "{}", forced.stderr);
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(4).json();
    assert_eq!(status[0]["waits_for"], "retry_after");
    assert_eq!(site.issuer.counters().requests(ZETTELSTORE_LOGIN, 429), 1);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_once_and_harms_no_token() {
    for (test, skew) in [("issuer-ahead", 3600), ("issuer-behind", -3600)] {
        let mut site = Site::with_life(test, 12).await;
        site.configure(|config| config.rotation = "renew_before = \"8s\"".to_owned());
        site.issuer.fault(Fault::clock_skew(skew));
        let mut daemon = site.rotator.start();
        let told = daemon.event(|event| event.message().starts_with("the clock of the issuer")).await;
        let ahead = told.field("ahead_secs").as_i64().unwrap();
        assert!((skew - 5..=skew + 5).contains(&ahead), "{ahead}");
        assert!(told.text("advice").starts_with("Vault's clock agrees with that of this machine"));
        let at = |field: &str| parse(told.text(field));
        let (early, late) = if skew > 0 { ("here", "at_the_issuer") } else { ("at_the_issuer", "here") };
        assert!(at(late).duration_since(at(early)).unwrap() > Duration::from_secs(3590));

        let entry = site.version(2).await;
        let life = parse(entry.text("expires_at")).duration_since(parse(entry.text("issued_at"))).unwrap();
        assert_eq!(life.as_secs(), 12);
        assert_eq!(daemon.stop().await.code(), Some(0));
        assert_eq!(daemon.count(|event| event.message().starts_with("the clock of the issuer")), 1);
    }
}

/// Waits until so many runs have brought a token.
async fn rotated(daemon: &Daemon, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while daemon.count(|event| event.message() == "rotated") < times {
        assert!(Instant::now() < deadline, "there are fewer than {times} new tokens");
        sleep(Duration::from_millis(20)).await;
    }
}

/// How often somebody other than this test asked for the entry or its metadata.
fn reads(site: &Site) -> usize {
    ["read", "list"]
        .iter()
        .map(|kind| site.openbao.count(kind, DATA) + site.openbao.count(kind, METADATA))
        .sum()
}
