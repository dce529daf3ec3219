//! A token that reaches some of its destinations.

use serde_json::{Value, json};

use crate::site::{MOUNT, PATH, PROVEN, Site};

const COPY: &str = "tokens/copy";

/// With another destination.
async fn site(test: &str) -> Site {
    let mut site = Site::new(test).await;
    site.configure(|config| {
        // What must not be written is tried for so long.
        "grace_period = \"1s\"".clone_into(&mut config.top);
        config.rotation = format!("{PROVEN}\n destination {{\n mount = \"{MOUNT}\"\n path = \"{COPY}\"\n }}");
    });
    site
}

/// Lets the rotator do this with the data of the other destination.
async fn allow(site: &Site, capabilities: &str) {
    let policy = format!(
        r#"path "secret/data/{PATH}" {{ capabilities = ["create", "read", "update"] }}
           path "secret/data/{COPY}" {{ capabilities = [{capabilities}] }}
           path "secret/metadata/tokens/*" {{ capabilities = ["create", "read", "update"] }}"#
    );
    site.openbao.write_policy("rotator", &policy).await;
}

const ALL: &str = r#""create", "read", "update""#;

async fn tokens(site: &Site) -> [String; 2] {
    let copy = site.openbao.entry(MOUNT, COPY).await.unwrap();
    [site.entry().await.unwrap().text("token").to_owned(), copy.text("token").to_owned()]
}

async fn machine(site: &Site, arguments: &[&str], exit: i32) -> Value {
    let outcome = site.rotator.run(&[arguments, &["--output", "json"]].concat()).await;
    if exit == 0 { outcome.ok().json() } else { outcome.failed_with(exit).json() }
}

fn classes(row: &Value) -> [&Value; 2] {
    // In the order of the configuration.
    [&row["destinations"][0]["failure_class"], &row["destinations"][1]["failure_class"]]
}

#[tokio::test]
async fn a_destination_that_may_not_be_written_is_named_and_noted_and_the_others_have_their_token() {
    for capabilities in [r#""read""#, r#""deny""#] {
        let site = site(&format!("partly-{}", capabilities.len())).await;
        site.rotator.run(&["once"]).await.ok();
        allow(&site, capabilities).await;

        let forced = machine(&site, &["once", "--force"], 3).await;
        assert_eq!(
            (&forced[0]["result"], &forced[0]["class"]),
            (&json!("partly"), &json!("vault_forbidden"))
        );
        assert_eq!(classes(&forced[0]), [&json!("vault_forbidden"), &Value::Null], "{capabilities}");
        let versions =
            [site.entry().await.unwrap().version, site.openbao.entry(MOUNT, COPY).await.unwrap().version];
        assert_eq!((versions, site.logins()), ([2, 1], 2));
        assert_eq!(site.noted("tokenferry_failure_class").await, "vault_forbidden");

        let status = machine(&site, &["status"], 3).await;
        assert_eq!(
            (&status[0]["state"], &status[0]["failure_class"]),
            (&json!("failing"), &json!("vault_forbidden"))
        );
        let explained = machine(&site, &["explain", "notes"], 0).await;
        assert_eq!(
            (&explained["state"], &explained["failure"]["class"]),
            (&json!("failing"), &json!("vault_forbidden"))
        );
        let doctor = site.rotator.run(&["doctor"]).await;
        assert!(doctor.stdout.contains("secret/data/tokens/copy"), "{}", doctor.stdout);
    }
}

#[tokio::test]
async fn what_a_destination_lacks_is_written_later_without_another_login() {
    let site = site("partly-retried").await;
    allow(&site, r#""read""#).await;
    let mut daemon = site.rotator.start();
    let unwritten = daemon.event(|event| event.text("missed") == "secret/tokens/copy").await;
    assert_eq!((unwritten.level(), unwritten.text("class")), ("warn", "vault_forbidden"));
    assert!(!unwritten.text("advice").is_empty());
    let told = unwritten.message();
    assert!(
        told.starts_with("the token was not published everywhere; the next try goes on with it"),
        "{told}"
    );
    assert_eq!(daemon.count(|event| event.level() == "warn"), 1, "nothing is told twice");
    site.version(1).await;
    assert!(site.openbao.entry(MOUNT, COPY).await.is_none());

    allow(&site, ALL).await;
    site.openbao.entry_that(MOUNT, COPY, |entry| entry.version == 1).await;
    let [notes, copy] = tokens(&site).await;
    assert_eq!(notes, copy);
    daemon.says("rotated").await;
    daemon.stop().await;
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (1, 1));
    assert!(!site.entry().await.unwrap().custom_metadata.contains_key("tokenferry_failure_class"));
}

#[tokio::test]
async fn a_destination_of_somebody_else_is_told_by_every_command_and_holds_up_nothing() {
    let mut site = site("partly-foreign").await;
    // Longer than anybody waits for the end of the program.
    site.configure(|config| "grace_period = \"10m\"".clone_into(&mut config.top));
    site.openbao.write_entry(MOUNT, COPY, &json!({"password": "theirs"})).await;
    site.openbao.delete_latest(MOUNT, COPY).await;
    for result in ["partly", "not_due"] {
        let once = machine(&site, &["once"], 3).await;
        assert_eq!(once[0]["result"], result);
        assert_eq!(classes(&once[0]), [&json!("foreign_entry"), &Value::Null], "{result}");
    }
    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 1));
    let status = machine(&site, &["status"], 3).await;
    assert_eq!((&status[0]["state"], &status[0]["waits_for"]), (&json!("failing"), &json!("backoff")));
    assert_eq!(machine(&site, &["next"], 0).await[0]["waits_for"], "backoff");

    let explained = machine(&site, &["explain", "notes"], 0).await;
    assert_eq!((&explained["state"], &explained["waits_for"]), (&json!("failing"), &json!("backoff")));
    assert_eq!(explained["decided_by"], "failure");
    let summary = explained["summary"].as_str().unwrap();
    assert!(summary.starts_with("notes waits after a failure at one of its destinations"), "{summary}");
    let error = explained["destinations"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("secret/tokens/copy holds an entry that this program did not make"), "{error}");
    assert_eq!(
        (&explained["destinations"][1]["error"], &explained["destinations"][1]["version"]),
        (&Value::Null, &json!(1))
    );
    let text = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
    let doctor = site.rotator.run(&["doctor"]).await.stdout;
    for text in [text, doctor] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in ["secret/tokens/copy", "whoever made it can undelete it", "`adopt = true`"] {
            assert!(text.contains(said), "{said} is missing in:\n{text}");
        }
    }

    let mut daemon = site.rotator.start();
    let told = daemon.says("its last run failed").await;
    assert_eq!(told.text("class"), "foreign_entry");
    let next = daemon.says("next run").await;
    assert_eq!(next.text("reason"), "expiry", "the others have their token");
    assert_eq!((daemon.stop().await.code(), site.logins()), (Some(0), 1));
    site.openbao.undelete(MOUNT, COPY, 1).await;
    let theirs = site.openbao.entry(MOUNT, COPY).await.unwrap();
    assert_eq!((theirs.version, theirs.text("password")), (1, "theirs"));
    assert!(theirs.custom_metadata.is_empty());
}
