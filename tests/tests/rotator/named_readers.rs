//! Readers by name, and outages that are to be survived.

use std::fs;

use serde_json::{Value, json};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::site::{Site, rotation};

#[tokio::test]
async fn a_named_reader_counts_with_its_own_lag() {
    let mut site = Site::new("named-reader").await;
    site.configure(|config| config.rotation = "reader = \"external-secrets\"".to_owned());
    let refused = validate(&site, 2).await;
    assert_eq!(
        (&refused["reader"], &refused["reader_lag_seconds"]),
        (&json!("external-secrets"), &json!(3600))
    );
    assert_eq!(
        (&refused["verdict"], &refused["renew_before_that_passes_seconds"]),
        (&json!("refused"), &Value::Null)
    );

    site.configure(|config| {
        config.rotation = "reader = \"vault-agent\"\n renew_before = \"345s\"".to_owned();
    });
    let proven = validate(&site, 0).await;
    assert_eq!((&proven["verdict"], &proven["margin_seconds"]), (&json!("proven"), &json!(0)));
    assert!(proven["explanation"].as_str().unwrap().contains("5m reader_lag of vault-agent"), "{proven}");
}

#[tokio::test]
async fn an_outage_that_is_to_be_survived_is_proven_or_refused_with_what_would_pass() {
    let mut site = Site::new("survive-outage").await;
    let with = |renew_before: u64| {
        format!("reader_lag = \"1m\"\n survive_outage = \"3m\"\n renew_before = \"{renew_before}s\"")
    };
    site.configure(|config| config.rotation = with(284));
    let refused = validate(&site, 2).await;
    assert_eq!((&refused["verdict"], &refused["outage_budget_seconds"]), (&json!("refused"), &json!(179)));
    assert_eq!((&refused["survive_outage_seconds"], &refused["margin_seconds"]), (&json!(180), &json!(-1)));
    let table = site.rotator.run(&["validate", "--offline"]).await.failed_with(2).stdout;
    assert!(table.contains("OUTAGE BUDGET") && table.contains("at least 4m45s"), "{table}");

    site.configure(|config| config.rotation = with(285));
    let proven = validate(&site, 0).await;
    assert_eq!((&proven["verdict"], &proven["outage_budget_seconds"]), (&json!("proven"), &json!(180)));
}

#[tokio::test]
async fn status_tells_how_long_an_outage_may_last_and_why_the_next_run_waits() {
    let mut site = Site::new("status-outage").await;
    site.configure(|config| config.rotation = "reader_lag = \"1m\"".to_owned());
    site.rotator.run(&["once"]).await.ok();
    let status = async |code| {
        site.rotator.run(&["status", "--output", "json"]).await.failed_with(code).json()[0].clone()
    };
    let fine = status(0).await;
    let (left, budget) =
        (fine["life_left_seconds"].as_i64().unwrap(), fine["outage_budget_seconds"].as_i64().unwrap());
    assert!((left - 66..=left - 65).contains(&budget), "{left} {budget}");
    assert_eq!((&fine["next_run_reason"], &fine["waits_for"]), (&json!("expiry"), &Value::Null));

    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let failing = status(3).await;
    assert_eq!((&failing["waits_for"], failing["waits_until"].is_string()), (&json!("backoff"), true));
}

#[tokio::test]
async fn notes_of_validate_are_in_its_json_and_do_not_make_it_fail() {
    let mut site = Site::new("validate-notes").await;
    site.configure(|config| config.rotation = "reader_lag = \"1m\"".to_owned());
    fs::remove_file(site.rotator.directory().join("password")).unwrap();
    let row = validate(&site, 0).await;
    let message = row["notes"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("`password` of source zettelstore.notes cannot be read here"), "{message}");

    site.configure(|config| config.address = "http://127.0.0.1:1".to_owned());
    let outcome = site.rotator.run(&["validate", "--output", "json", "--log-format", "json"]).await.ok();
    let notes = outcome.json()[0]["notes"].as_array().unwrap().clone();
    assert!(
        notes.iter().any(|note| note["advice"].as_str().is_some_and(|advice| advice.contains("`address`"))),
        "{notes:?}"
    );
    for line in outcome.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["level"], "warn");
    }
}

#[tokio::test]
async fn a_path_with_what_vaults_api_has_before_it_is_worth_a_note() {
    let mut site = Site::new("validate-data").await;
    site.configure(|config| {
        config.rotation = "reader_lag = \"1m\"".to_owned();
        config.more = rotation("other").replace("tokens/other", "data/tokens/other");
    });
    let rows = site.rotator.run(&["validate", "--offline", "--output", "json"]).await.json();
    let notes: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["notes"]).collect();
    assert_eq!(notes[0], &json!([]));
    let [note] = notes[1].as_array().unwrap().as_slice() else { panic!("{notes:?}") };
    assert_eq!(
        note["message"],
        "rotation other: `path` begins with `data/`, so Vault keeps the entry at secret/data/data/tokens/other"
    );
    assert!(note["advice"].as_str().unwrap().starts_with("Leave `data/` out"), "{note}");
    let doctor = site.rotator.run(&["doctor", "other"]).await.stdout;
    assert!(doctor.contains("`path` begins with `data/`"), "{doctor}");
}

async fn validate(site: &Site, code: i32) -> Value {
    site.rotator.run(&["validate", "--offline", "--output", "json"]).await.failed_with(code).json()[0].clone()
}
