//! A login that the issuer refuses is not repeated, whoever asks and however often the program is restarted.

use serde_json::json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::site::{DATA, METADATA, MOUNT, PATH, Site, rotation};

#[tokio::test]
async fn a_refused_login_is_tried_once_until_its_secret_changes() {
    let site = Site::new("refused").await;
    site.rotator.write_secret("password", "planted-wrong-password");
    let mut daemon = site.rotator.start();
    let refused = daemon.event(|event| event.text("class") == "login_refused").await;
    assert!(!refused.text("error").is_empty() && !refused.text("advice").is_empty());
    site.noted("tokenferry_failed_login").await;
    let fingerprint = assert_noted(&site).await;

    daemon.kill().await;
    let mut daemon = site.rotator.start();
    daemon.says("next run").await;
    for _ in 0..3 {
        let outcome = site.rotator.run(&["once", "--output", "json"]).await.failed_with(4);
        assert_eq!(outcome.json()[0]["result"], "waiting");
        assert_eq!(outcome.json()[0]["class"], "login_refused");
    }
    let forced = site.rotator.run(&["once", "--force"]).await.failed_with(4);
    assert!(
        forced.stderr.contains("notes: not forced: its last run failed (login_refused)"),
        "{}",
        forced.stderr
    );
    assert_eq!(site.logins(), 1);
    assert_eq!(assert_noted(&site).await, fingerprint, "nothing has changed, so nothing is noted");

    site.rotator.write_secret("password", &site.issuer.planted.password);
    daemon.says("the login was changed; trying it").await;
    daemon.says("rotated").await;
    daemon.stop().await;
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (2, 1));
    let notes = site.entry().await.unwrap().custom_metadata;
    assert_eq!(notes.keys().collect::<Vec<_>>(), ["tokenferry_rotation"]);
}

#[tokio::test]
async fn a_refused_login_is_sent_once_however_many_processes_run_rotations_of_its_credential() {
    let mut site = Site::new("refused-to-one").await;
    let names = ["f1", "f2", "f3", "f4", "f5"];
    site.configure(|config| config.more = names.map(rotation).concat());
    site.rotator.write_secret("password", "planted-wrong-password");
    for name in names {
        let refused = site.rotator.run(&["once", name, "--output", "json"]).await.failed_with(4);
        let row = &refused.json()[0];
        assert_eq!((&row["result"], &row["class"]), (&json!("refused"), &json!("login_refused")), "{name}");
    }
    assert_eq!(site.logins(), 1);
    for name in names {
        let notes = site.openbao.custom_metadata(MOUNT, &format!("tokens/{name}")).await;
        assert_eq!(notes["tokenferry_refusals"], "1", "{name}");
    }
    // The daemon reads what all were told, and has one more rotation, which was never run.
    let mut daemon = site.rotator.start();
    let refused = daemon.says("a refused login was not sent again").await;
    assert!(refused.text("error").contains("not sent again before"), "{}", refused.text("error"));
    site.noted("tokenferry_failed_login").await;
    assert_eq!(site.logins(), 1);
    daemon.stop().await;

    site.rotator.write_secret("password", &site.issuer.planted.password);
    site.rotator.run(&["once", "f5"]).await.ok();
    assert_eq!(site.logins(), 2);
}

#[tokio::test]
async fn a_refused_login_is_told_of_the_rotations_that_share_it() {
    let mut site = Site::new("refused-to-other").await;
    site.configure(|config| config.more = rotation("second"));
    site.rotator.run(&["once"]).await.ok();
    site.rotator.write_secret("password", "planted-wrong-password");
    site.rotator.run(&["once", "--force", "notes"]).await.failed_with(3);
    let read = async |command: &[&str]| {
        let answer = site.rotator.run(&[command, &["--output", "json"]].concat()).await.json();
        answer.as_array().map_or(answer.clone(), |rows| rows[0].clone())
    };
    for command in ["status", "next", "explain"] {
        assert_eq!(read(&[command, "second"]).await["waits_for"], "breaker", "{command}");
    }
    let (notes, second) = (read(&["status", "notes"]).await, read(&["status", "second"]).await);
    assert_eq!((&second["at_risk"], &second["state"]), (&notes["at_risk"], &json!("fine")));
    assert_eq!(second["waits_until"], notes["waits_until"]);
    let doctor = site.rotator.run(&["doctor", "second"]).await.failed_with(3);
    assert!(doctor.words().contains("its login was refused to another rotation"), "{}", doctor.stdout);
    assert_eq!(site.logins(), 3);

    site.rotator.write_secret("password", &site.issuer.planted.password);
    assert_eq!(read(&["status", "second"]).await["waits_for"], json!(null));
}

#[tokio::test]
async fn secrets_that_take_turns_are_sent_once_each() {
    let site = Site::new("alternating").await;
    for password in ["planted-wrong-0", "planted-wrong-1", "planted-wrong-0", "planted-wrong-1"] {
        site.rotator.write_secret("password", password);
        site.rotator.run(&["once", "--force"]).await.failed_with(4);
    }
    assert_eq!((site.logins(), &*site.noted("tokenferry_refusals").await), (2, "2"));
}

#[tokio::test]
async fn a_changed_secret_is_used_by_the_next_login_without_a_restart() {
    let mut site = Site::with_life("rotated-secret", 12).await;
    site.configure(|config| config.rotation = "renew_before = \"6s\"".to_owned());
    let daemon = site.rotator.start();
    site.version(1).await;
    site.rotator.write_secret("password", "planted-wrong-password");
    let refused = daemon.event(|event| event.text("class") == "login_refused").await;
    assert_eq!(refused.text("reason"), "expiry");
    assert_eq!(site.logins(), 2);
    assert_eq!(site.noted("tokenferry_failure_count").await, "1");

    site.rotator.write_secret("password", &site.issuer.planted.password);
    site.version(2).await;
    assert_eq!(site.logins(), 3);
}

#[tokio::test]
async fn a_changed_secret_is_seen_by_once() {
    let site = Site::new("once-after-change").await;
    site.rotator.write_secret("password", "planted-wrong-password");
    site.rotator.run(&["once"]).await.failed_with(4);
    site.rotator.write_secret("password", &site.issuer.planted.password);
    site.rotator.run(&["once"]).await.ok();
    assert_eq!(site.logins(), 2);
}

#[tokio::test]
async fn trouble_that_passes_is_tried_again_by_itself() {
    let site = Site::new("passes").await;
    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    let daemon = site.rotator.start();
    let failed = daemon.event(|event| event.field("attempt").as_u64() == Some(1)).await;
    assert_eq!((failed.level(), failed.text("class")), ("warn", "server_error"));
    site.issuer.control().clear_faults();
    let rotated = daemon.says("rotated").await;
    assert_eq!(rotated.field("attempt").as_u64(), Some(2));
    assert_eq!(rotated.text("occurrence"), failed.text("occurrence"), "it is the same run");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_told_and_nothing_is_sent() {
    let site = Site::new("no-secret").await;
    std::fs::remove_file(site.rotator.directory().join("password")).unwrap();
    let outcome = site.rotator.run(&["once"]).await.failed_with(4);
    assert!(
        outcome.words().contains("`password`") && outcome.words().contains("password"),
        "{}",
        outcome.words()
    );
    assert_eq!(site.logins(), 0);
}

#[tokio::test]
async fn where_nothing_may_be_noted_a_refused_login_is_still_tried_once_and_that_is_told() {
    let site = Site::new("not-noted").await;
    let policy = format!(
        "path \"{DATA}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n\
         path \"{METADATA}\" {{ capabilities = [\"read\"] }}\n"
    );
    site.openbao.write_policy("rotator", &policy).await;
    site.rotator.write_secret("password", "planted-wrong-password");
    let mut daemon = site.rotator.start();
    let warning = daemon.event(|event| event.message().starts_with("the failure could not be noted")).await;
    assert_eq!((warning.level(), warning.text("class")), ("warn", "vault_forbidden"));
    assert!(warning.text("advice").contains(METADATA), "{}", warning.text("advice"));
    daemon.stop().await;
    assert_eq!(site.logins(), 1);
}

/// Class, count and fingerprint of the failure, and nothing else: no free text.
async fn assert_noted(site: &Site) -> String {
    let notes = site.openbao.custom_metadata(MOUNT, PATH).await;
    let names: Vec<&str> = notes.keys().map(String::as_str).collect();
    assert_eq!(names, NOTES);
    let values =
        ["count", "class", "lasting"].map(|name| notes[&format!("tokenferry_failure_{name}")].as_str());
    assert_eq!(values, ["1", "login_refused", "true"]);
    let fingerprint = &notes["tokenferry_failed_login"];
    assert!(
        fingerprint.len() == 39 && fingerprint.chars().all(|c| c.is_ascii_hexdigit() || c == ':'),
        "{fingerprint}"
    );
    fingerprint.clone()
}

const NOTES: [&str; 7] = [
    "tokenferry_failed_login",
    "tokenferry_failure_at",
    "tokenferry_failure_class",
    "tokenferry_failure_count",
    "tokenferry_failure_lasting",
    "tokenferry_refusals",
    "tokenferry_rotation",
];

#[tokio::test]
async fn that_a_login_is_held_back_until_it_is_too_late_for_readers_is_told_everywhere() {
    let mut site = Site::new("held-too-long").await;
    site.configure(|config| config.rotation = "reader_lag = \"10s\"".to_owned());
    site.rotator.run(&["once"]).await.ok();
    site.rotator.write_secret("password", "planted-wrong-password");
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    // The token lives for ten minutes, and the next try is in fifteen.
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(3).json();
    let budget = status[0]["outage_budget_seconds"].as_i64().unwrap();
    assert_eq!((&status[0]["at_risk"], budget < -200), (&true.into(), true), "{status}");
    let table = site.rotator.run(&["status"]).await.failed_with(3);
    assert!(table.stdout.contains("failing, readers at risk"), "{}", table.stdout);
    assert!(table.stderr.contains("notes: readers may hold a dead token from "), "{}", table.stderr);
    let explained = site.rotator.run(&["explain", "notes", "--output", "json"]).await.ok().json();
    assert_eq!(explained["at_risk"], true);
    assert!(explained["outage_budget_seconds"].as_i64().unwrap() < -200, "{explained}");
    let text = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
    assert!(text.contains("unless somebody changes something, nothing is tried before "), "{text}");

    site.rotator.write_secret("password", &site.issuer.planted.password);
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(3).json();
    assert_eq!((&status[0]["state"], &status[0]["at_risk"]), (&"failing".into(), &false.into()), "{status}");
}
