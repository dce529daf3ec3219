//! When the rotator runs, and when a restart makes it run.

use std::time::{Duration, SystemTime};

use crate::site::{Site, minute_in_half_an_hour, parse, rfc3339, time};

#[tokio::test]
async fn a_day_of_missed_runs_is_caught_up_by_one() {
    let mut site = Site::new("catch-up").await;
    let minute = minute_in_half_an_hour();
    site.configure(|config| config.schedule = format!("{minute} * * * *"));
    site.rotator.run(&["once"]).await.ok();
    let issued = site.age_entry(Duration::from_hours(24)).await;

    let mut daemon = site.rotator.start();
    let rotated = daemon.says("rotated").await;
    let next = daemon
        .event(|event| event.message() == "next run" && parse(event.text("at")) > SystemTime::now())
        .await;

    let occurrence = parse(rotated.text("occurrence"));
    let first_missed = issued + Duration::from_hours(1);
    assert_eq!(rotated.text("reason"), "schedule");
    assert!(issued < occurrence && occurrence <= first_missed, "{}", rotated.text("occurrence"));
    assert_eq!(site.entry().await.unwrap().text("occurrence"), rotated.text("occurrence"));
    assert_eq!(
        next.text("reason"),
        "expiry",
        "of the new token, which ends before the schedule says anything"
    );
    assert_eq!(daemon.stop().await.code(), Some(0));
    assert_eq!(daemon.count(|event| event.message() == "rotated"), 1);
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (2, 3));
}

#[tokio::test]
async fn a_time_of_the_schedule_makes_it_run_however_long_the_token_lives() {
    let mut site = Site::new("every-minute").await;
    site.configure(|config| config.schedule = "* * * * *".to_owned());
    let daemon = site.rotator.start();
    let first = site.version(1).await;
    let rotated = daemon.event(|event| event.field("version").as_u64() == Some(2)).await;

    let second = site.entry().await.unwrap();
    assert_eq!((rotated.message(), rotated.text("reason")), ("rotated", "schedule"));
    assert!(second.text("occurrence").ends_with(":00Z"), "{}", second.text("occurrence"));
    assert!(time(&second, "occurrence") > time(&first, "issued_at"));
    assert!(time(&second, "issued_at") >= time(&second, "occurrence"));
    assert_eq!(site.logins(), 2);
}

#[tokio::test]
async fn a_restart_after_a_sudden_death_needs_no_login() {
    let site = Site::new("restart").await;
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    daemon.kill().await;
    let entry = site.entry().await.unwrap();

    let mut daemon = site.rotator.start();
    let next = daemon.says("next run").await;
    assert_eq!(next.text("reason"), "expiry");
    assert_eq!(parse(next.text("at")), time(&entry, "refresh_after"));
    assert_eq!(daemon.stop().await.code(), Some(0));
    assert_eq!((site.logins(), site.writes()), (1, 1));
}

#[tokio::test]
async fn once_does_nothing_before_it_is_time_unless_it_is_forced() {
    let site = Site::new("once").await;
    let mut results = Vec::new();
    for arguments in [&["once"][..], &["once"], &["once", "--force"], &["once", "notes"]] {
        let outcome = site.rotator.run(&[arguments, &["--output", "json"]].concat()).await.ok();
        results.push(outcome.json()[0]["result"].as_str().unwrap().to_owned());
    }
    assert_eq!(results, ["rotated", "not_due", "rotated", "not_due"]);
    assert_eq!((site.logins(), site.writes()), (2, 2));
}

#[tokio::test]
async fn a_dead_token_is_replaced_at_once_at_the_start() {
    let site = Site::with_life("dead-at-start", 1).await;
    site.rotator.run(&["once"]).await.ok();
    let dead = site.entry().await.unwrap();
    while SystemTime::now() < time(&dead, "expires_at") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let outcome = site.rotator.run(&["once", "--log-level", "info"]).await.ok();
    assert!(outcome.stderr.contains("reason=no_token"), "{}", outcome.stderr);
    assert_eq!(site.entry().await.unwrap().version, 2);
}

#[test]
fn times_are_written_as_the_rotator_writes_them() {
    let text = "2026-01-02T03:04:05Z";
    assert_eq!(rfc3339(parse(text)), text);
}
