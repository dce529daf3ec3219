//! What is logged, and in which form. That no secret and nothing of others is logged, every test of these shows.

use serde_json::Value;

use crate::site::{Site, parse};

#[tokio::test]
async fn logs_are_lines_of_text_or_json() {
    let site = Site::new("log-forms").await;
    let text = site.rotator.run(&["once", "--log-level", "info"]).await.ok().stderr;
    let line = text.lines().find(|line| line.contains(" rotated ")).unwrap();
    let (time, rest) = line.split_once(' ').unwrap();
    parse(time);
    assert!(rest.starts_with("INFO  rotated rotation=notes system=zettelstore reason=no_token "), "{line}");
    assert!(rest.ends_with(" version=1"), "{line}");

    let json =
        site.rotator.run(&["once", "--force", "--log-level", "info", "--log-format", "json"]).await.ok();
    let events = json.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rotated = events.into_iter().find(|event| event["message"] == "rotated").unwrap();
    parse(rotated["timestamp"].as_str().unwrap());
    assert_eq!((&rotated["level"], &rotated["rotation"]), (&"info".into(), &"notes".into()));
    assert_eq!((&rotated["reason"], &rotated["version"]), (&"forced".into(), &2.into()));
    assert_eq!(rotated["target"], "tokenferry_rotator::runner");
}

#[tokio::test]
async fn commands_are_silent_where_all_is_well_and_the_daemon_is_not() {
    let site = Site::new("log-levels").await;
    assert_eq!(site.rotator.run(&["once"]).await.ok().stderr, "");
    let mut run = site.rotator.spawn(&["run"]);
    let patience = std::time::Duration::from_secs(30);
    assert!(run.stderr.line_that(patience, |line| line.contains("next run")).await.is_some());
    run.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(run.exit(patience).await.code(), Some(0));
    assert_eq!(run.stdout.text(), "");
}

/// At the most talkative level, after logins, writes and failures at both ends.
#[tokio::test]
async fn nothing_but_our_own_events_is_logged_at_any_level() {
    let site = Site::new("talkative").await;
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    daemon.stop().await;
    let levels = ["debug", "info"].map(|level| daemon.count(|event| event.level() == level));
    assert!(levels.iter().all(|count| *count > 2), "{levels:?}");
    let targets: Vec<String> = daemon.events().iter().map(|event| event.text("target").to_owned()).collect();
    assert!(targets.iter().any(|target| target.starts_with("tokenferry_sources::")), "{targets:?}");
    assert!(targets.iter().all(|target| target.starts_with("tokenferry")), "{targets:?}");
}

/// As text, where a value may stand inside a sentence; `run` looks for secrets in it.
#[tokio::test]
async fn a_refused_login_is_told_in_text_without_a_secret() {
    let site = Site::new("talkative-text").await;
    let told = site.rotator.run(&["once", "--log-level", "trace"]).await.ok().stderr;
    assert!(told.contains(" DEBUG logging in system=zettelstore "), "{told}");
    site.rotator.write_secret("password", "not-the-password-of-anybody");
    let told = site.rotator.run(&["once", "--force", "--log-level", "trace"]).await.failed_with(3).stderr;
    assert!(told.contains(" class=login_refused "), "{told}");
}
