//! Entries that are not ours are left alone.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokenferry_tests::binaries;
use tokenferry_tests::openbao::rotator_policy;

use crate::site::{MOUNT, PATH, Site, rotation};

#[tokio::test]
async fn an_entry_that_somebody_else_made_is_refused_without_a_login() {
    let site = Site::new("foreign").await;
    site.openbao.write_entry(MOUNT, PATH, &json!({"password": "theirs"})).await;
    let outcome = site.rotator.run(&["once", "--force"]).await.failed_with(4);

    let said = outcome.words();
    assert!(said.contains("secret/tokens/notes holds an entry that this program did not make"), "{said}");
    assert!(said.contains("adopt = true"), "{said}");
    assert_untouched(&site, "theirs").await;
}

#[tokio::test]
async fn an_entry_of_another_rotation_is_refused_even_where_foreign_ones_are_not() {
    let mut site = Site::new("other-rotation").await;
    site.configure(|config| config.destination = "adopt = true".to_owned());
    site.openbao.write_entry(MOUNT, PATH, &json!({"password": "of another"})).await;
    site.openbao.set_custom_metadata(MOUNT, PATH, &json!({"tokenferry_rotation": "invoices"})).await;
    let outcome = site.rotator.run(&["once", "--force"]).await.failed_with(4);

    assert!(
        outcome.words().contains("secret/tokens/notes belongs to the rotation \\\"invoices\\\""),
        "{}",
        outcome.words()
    );
    assert_untouched(&site, "of another").await;
}

#[tokio::test]
async fn an_entry_is_taken_over_where_that_is_asked_for_and_others_notes_stay() {
    let mut site = Site::new("adopt").await;
    site.configure(|config| config.destination = "adopt = true".to_owned());
    site.openbao.write_entry(MOUNT, PATH, &json!({"password": "theirs"})).await;
    site.openbao.set_custom_metadata(MOUNT, PATH, &json!({"team": "payments"})).await;
    site.rotator.run(&["once"]).await.ok();

    let entry = site.entry().await.unwrap();
    assert_eq!(entry.version, 2);
    assert!(!entry.data.contains_key("password"), "an entry is about one token, and nothing else");
    assert_eq!(entry.custom_metadata["team"], "payments");
    assert_eq!(entry.custom_metadata["tokenferry_rotation"], "notes");
}

#[tokio::test]
async fn an_entry_of_a_newer_version_of_the_program_is_not_touched() {
    let site = Site::new("newer-schema").await;
    site.rotator.run(&["once"]).await.ok();
    let mut data = site.entry().await.unwrap().data;
    data.insert("schema".to_owned(), 2.into());
    data.insert("password".to_owned(), "newer".into());
    site.openbao.write_entry(MOUNT, PATH, &Value::Object(data)).await;

    let outcome = site.rotator.run(&["once", "--force"]).await.failed_with(4);
    assert!(
        outcome.words().contains("written by a newer version of this program (schema 2)"),
        "{}",
        outcome.words()
    );
    let entry = site.entry().await.unwrap();
    assert_eq!((entry.version, entry.text("password"), site.logins()), (2, "newer", 1));
}

#[tokio::test]
async fn the_mark_stays_when_a_token_is_deleted_and_the_next_is_written_over_it() {
    let site = Site::new("deleted").await;
    site.rotator.run(&["once"]).await.ok();
    site.openbao.delete_latest(MOUNT, PATH).await;
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(4);
    assert_eq!(status.json()[0]["state"], "missing");
    site.rotator.run(&["once"]).await.ok();
    assert_eq!(site.entry().await.unwrap().version, 2);
}

#[tokio::test]
async fn a_mount_that_is_no_kv_of_version_two_is_told() {
    let mut site = Site::new("wrong-engine").await;
    site.openbao.write("sys/mounts/old", &json!({"type": "kv", "options": {"version": "1"}})).await;
    site.openbao.write_policy("rotator", &rotator_policy("old", "tokens/*")).await;
    site.configure(|config| {
        config.top = "grace_period = \"1s\"".to_owned();
        config.more = rotation("two").replace(MOUNT, "old");
    });
    let outcome = site.rotator.run(&["once", "two"]).await.failed_with(4);
    let said = outcome.words();
    assert!(said.contains("the mount is no KV secrets engine of version 2"), "{said}");
}

async fn assert_untouched(site: &Site, password: &str) {
    let entry = site.openbao.entry(MOUNT, PATH).await.unwrap();
    assert_eq!((entry.version, entry.text("password")), (1, password));
    assert_eq!(site.logins(), 0);
    assert!(!entry.custom_metadata.contains_key("tokenferry_failure_class"), "not our place to leave notes");
}

#[tokio::test]
async fn a_renamed_rotation_goes_on_with_its_token_once_the_entry_is_handed_over() {
    let site = Site::new("renamed").await;
    let daemon = site.rotator.start();
    let token = site.version(1).await.text("token").to_owned();
    let text = fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    site.rotator.write("tokenferry.hcl", &text.replace("rotation \"notes\"", "rotation \"renamed\""));
    daemon.process.signal(Signal::SIGHUP);
    let warned = daemon.event(|event| event.message().contains("until it is handed over")).await;
    assert_eq!((warned.text("former"), warned.text("rotation")), ("notes", "renamed"));
    let refused = daemon.event(|event| event.text("class") == "other_rotation").await;
    let advice = refused.text("advice");
    assert_eq!(warned.text("advice"), advice);
    drop(daemon);
    let restarted = site.rotator.start();
    restarted.event(|event| event.text("class") == "other_rotation" && event.text("advice") == advice).await;

    let command =
        advice.split('`').nth(1).unwrap().replacen("bao ", &format!("{} ", binaries::openbao().display()), 1);
    let mut shell = Command::new("sh");
    shell.env_clear().env("BAO_ADDR", site.openbao.url()).env("BAO_TOKEN", site.openbao.token());
    let handed = shell.args(["-c", &command]).output().unwrap();
    assert!(handed.status.success(), "{command}: {}", String::from_utf8_lossy(&handed.stderr));
    let status = site.rotator.run(&["status", "--output", "json"]).await.ok().json();
    assert_eq!((&status[0]["rotation"], &status[0]["version"]), (&json!("renamed"), &json!(1)));
    let entry = site.entry().await.unwrap();
    assert_eq!(
        (entry.text("token"), site.logins()),
        (token.as_str(), 1),
        "it was at no moment without its token"
    );

    site.rotator.run(&["once", "--force"]).await.ok();
    let entry = site.entry().await.unwrap();
    assert_eq!((entry.version, entry.text("rotation")), (2, "renamed"));
    assert_eq!(entry.custom_metadata["tokenferry_rotation"], "renamed");
}

#[tokio::test]
async fn what_stands_in_the_way_at_a_destination_is_shown_without_a_run() {
    let site = Site::new("in-the-way").await;
    site.openbao.write_entry(MOUNT, PATH, &json!({"password": "theirs", "schema": 2})).await;
    for (mark, class, what) in [
        (json!({}), "foreign_entry", "holds an entry that this program did not make"),
        (json!({"tokenferry_rotation": "old"}), "other_rotation", "belongs to the rotation \"old\""),
        (json!({"tokenferry_rotation": "notes"}), "newer_schema", "was written by a newer version"),
    ] {
        site.openbao.set_custom_metadata(MOUNT, PATH, &mark).await;
        let told = site.rotator.run(&["explain", "notes", "--output", "json"]).await.ok().json();
        assert_eq!((&told["state"], &told["decided_by"]), (&json!("missing"), &json!("destination")));
        let destination = &told["destinations"][0];
        assert_eq!(destination["failure_class"], class);
        for text in [&destination["error"], &told["summary"]] {
            assert!(text.as_str().unwrap().contains(what), "{text}");
        }
        assert!(destination["advice"].is_string());
        let told = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
        assert!(told.starts_with("notes cannot be rotated: secret/tokens/notes "), "{told}");

        let told = site.rotator.run(&["status", "--output", "json"]).await.failed_with(4).json();
        assert_eq!((&told[0]["state"], &told[0]["failure_class"]), (&json!("missing"), &Value::Null));
        assert_eq!(told[0]["destinations"][0]["failure_class"], class);
        let told = site.rotator.run(&["status"]).await.failed_with(4);
        assert!(told.stdout.contains(class), "{}", told.stdout);
        assert!(
            told.stderr.contains(&format!("notes: secret/tokens/notes: {class}\nhelp: ")),
            "{}",
            told.stderr
        );
    }
    assert_eq!(site.logins(), 0);
}
