//! `once`, `status` and `next`: what they print, and how they end.

use serde_json::{Value, json};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::site::{MOUNT, PATH, Site, minute_in_half_an_hour, time};

#[tokio::test]
async fn once_tells_what_it_did_and_its_exit_code_tells_how_readers_are_off() {
    let site = Site::new("once-codes").await;
    let fault = || Fault::status(503).path(ZETTELSTORE_LOGIN);
    site.issuer.fault(fault());
    let failed = site.rotator.run(&["once", "--output", "json"]).await.failed_with(4).json();
    assert_eq!((&failed[0]["result"], &failed[0]["class"]), (&json!("failed"), &json!("server_error")));
    assert_eq!(failed[0]["expires_at"], Value::Null);

    site.issuer.control().clear_faults();
    site.openbao.remove_entry(MOUNT, PATH).await;
    let rotated = site.rotator.run(&["once", "--output", "json"]).await.ok().json();
    let entry = site.entry().await.unwrap();
    assert_eq!(names(&rotated), ONCE);
    assert_eq!((&rotated[0]["result"], &rotated[0]["class"]), (&json!("rotated"), &Value::Null));
    assert_eq!(rotated[0]["expires_at"], entry.text("expires_at"));
    assert_eq!(rotated[0]["next_run"], entry.text("refresh_after"));

    site.issuer.fault(fault());
    let failed = site.rotator.run(&["once", "--force"]).await.failed_with(3);
    assert!(failed.stdout.starts_with("ROTATION") && failed.stdout.contains("failed"), "{}", failed.stdout);
    assert_eq!(site.entry().await.unwrap().version, 1);
}

#[tokio::test]
async fn a_dry_run_logs_in_and_writes_nothing() {
    let site = Site::new("dry-run").await;
    let outcome = site.rotator.run(&["once", "--dry-run", "--output", "json"]).await.ok();
    assert_eq!(outcome.json()[0]["result"], "would_rotate");
    assert_eq!(site.logins(), 1);
    assert!(site.openbao.versions(MOUNT, PATH).await.is_empty());
    assert!(site.openbao.custom_metadata(MOUNT, PATH).await.is_empty());
    assert_eq!(site.writes(), 0);
}

#[tokio::test]
async fn status_tells_missing_fine_failing_and_dead() {
    let site = Site::with_life("status", 5).await;
    let state = async |code| {
        let outcome = site.rotator.run(&["status", "--output", "json"]).await.failed_with(code);
        outcome.json()[0].clone()
    };
    let missing = state(4).await;
    assert_eq!((&missing["state"], &missing["version"]), (&json!("missing"), &Value::Null));

    site.rotator.run(&["once"]).await.ok();
    let fine = state(0).await;
    let entry = site.entry().await.unwrap();
    assert_eq!((&fine["state"], &fine["version"], &fine["failures"]), (&json!("fine"), &json!(1), &json!(0)));
    assert_eq!(fine["expires_at"], entry.text("expires_at"));
    assert_eq!(fine["issued_at"], entry.text("issued_at"));
    assert!((0..=5).contains(&fine["life_left_seconds"].as_i64().unwrap()));

    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let failing = state(3).await;
    assert_eq!((&failing["state"], &failing["failures"]), (&json!("failing"), &json!(1)));
    assert_eq!(failing["failure_class"], "server_error");
    let table = site.rotator.run(&["status"]).await.failed_with(3).stdout;
    assert!(table.contains("server_error at ") && table.contains("(1 in a row)"), "{table}");

    while std::time::SystemTime::now() < time(&entry, "expires_at") {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(state(4).await["state"], "dead");
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_leaves_everything_unread() {
    let mut site = Site::new("unread").await;
    site.configure(|config| config.address = "http://127.0.0.1:1".to_owned());
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(4);
    assert_eq!(status.json()[0]["state"], "unread");
    assert!(
        status.stderr.contains("http://127.0.0.1:1 cannot be reached")
            && status.stderr.contains("help: Check `address`")
    );
    let once = site.rotator.run(&["once", "--output", "json"]).await.failed_with(4);
    assert_eq!((&once.json()[0]["result"], site.logins()), (&json!("unread"), 0));
    assert_eq!(once.json()[0]["class"], "vault_unreachable");
}

#[tokio::test]
async fn next_tells_the_coming_runs_with_and_without_vault() {
    let mut site = Site::new("next").await;
    let minute = minute_in_half_an_hour();
    site.configure(|config| config.schedule = format!("{minute} * * * *"));
    let reasons = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap().to_owned()).collect()
    };
    let offline = site.rotator.run(&["next", "--offline", "--output", "json"]).await.ok().json();
    assert_eq!(names(&offline), ["at", "in_seconds", "local", "reason", "rotation", "waits_for"]);
    assert_eq!(reasons(&offline), ["schedule"; 3]);
    assert_eq!((site.vault_logins(), site.logins()), (0, 0));

    let missing = site.rotator.run(&["next", "-n", "2", "--output", "json"]).await.ok().json();
    assert_eq!(reasons(&missing), ["no_token", "schedule"]);
    site.rotator.run(&["once"]).await.ok();
    let living = site.rotator.run(&["next", "-n", "2", "--output", "json"]).await.ok().json();
    assert_eq!(reasons(&living), ["expiry", "schedule"]);
    assert_eq!(living[0]["at"], site.entry().await.unwrap().text("refresh_after"));
    assert_eq!(living[1]["at"], offline[0]["at"]);
}

#[tokio::test]
async fn a_rotation_that_does_not_exist_is_a_mistake_on_the_command_line() {
    let site = Site::new("unknown-name").await;
    for command in ["once", "status", "next"] {
        let outcome = site.rotator.run(&[command, "nots"]).await.failed_with(2);
        let expected = "there is no rotation \"nots\" in the configuration; there are: notes";
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
    assert_eq!((site.vault_logins(), site.logins()), (0, 0));
}

const ONCE: [&str; 7] =
    ["class", "expires_at", "life_left_seconds", "next_run", "next_run_local", "result", "rotation"];

/// The members of the rows of a result.
fn names(rows: &Value) -> Vec<&str> {
    rows[0].as_object().unwrap().keys().map(String::as_str).collect()
}
