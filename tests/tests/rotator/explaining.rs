//! `explain`: what it knows of a rotation, and what it says about a moment.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;

use crate::site::{Site, rfc3339, time};

#[tokio::test]
async fn a_living_token_is_told_with_what_comes_next_and_why() {
    let mut site = Site::new("explain-fine").await;
    site.configure(|config| config.rotation = "reader = \"bao-agent\"\n survive_outage = \"1m\"".to_owned());
    let missing = explain(&site, &[]).await;
    assert_eq!((&missing["state"], &missing["next_run"]["reason"]), (&json!("missing"), &json!("no_token")));
    assert_eq!((&missing["expiry"], &missing["failure"]), (&Value::Null, &Value::Null));

    site.rotator.run(&["once"]).await.ok();
    let entry = site.entry().await.unwrap();
    let fine = explain(&site, &[]).await;
    assert_documented(&explain(&site, &["--at", "12:00"]).await);
    for command in ["status", "next", "validate"] {
        assert_documented(&site.rotator.run(&[command, "--output", "json"]).await.json());
    }
    let destination = &fine["destinations"][0];
    for member in ["issued_at", "expires_at", "writer", "occurrence"] {
        assert_eq!(destination[member], entry.text(member), "{member}");
    }
    assert_eq!((&destination["version"], &destination["serial"]), (&json!(1), &json!(1)));
    assert_eq!((&destination["life_seconds"], &fine["state"]), (&json!(600), &json!("fine")));
    assert_eq!(fine["next_run"]["at"], entry.text("refresh_after"));
    assert_eq!((&fine["decided_by"], &fine["next_run"]["reason"]), (&json!("expiry"), &json!("expiry")));
    assert_eq!(fine["expiry"]["renew_before"], "30%");
    assert_eq!(fine["expiry"]["renew_before_seconds"], 180);
    assert_eq!(
        (&fine["readers"]["reader"], &fine["readers"]["lag_seconds"]),
        (&json!("bao-agent"), &json!(300))
    );
    let budget = fine["outage_budget_seconds"].as_i64().unwrap();
    assert!((200..=295).contains(&budget), "{budget}");
    assert_eq!(
        (&fine["proof"]["verdict"], &fine["proof"]["outage_budget_seconds"]),
        (&json!("refused"), &json!(-165))
    );
    assert_eq!((site.logins(), site.writes()), (1, 1), "a question changes nothing");

    let text = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
    assert!(text.starts_with("notes runs next at ") && text.contains("its token nears its end"), "{text}");
    for said in [
        "version 1, issued at",
        "`renew_before = \"30%\"` is 3m of 10m",
        "the token's end comes first",
        "bao-agent notices a new token within 5m",
        "+ 1m survive_outage + 5m reader_lag of bao-agent",
    ] {
        assert!(text.contains(said), "{said} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_failure_is_told_with_what_would_lift_it() {
    let site = Site::new("explain-failure").await;
    site.rotator.run(&["once"]).await.ok();
    site.rotator.write_secret("password", "planted-wrong-password");
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let refused = explain(&site, &[]).await;
    let failure = &refused["failure"];
    assert_eq!((&failure["class"], &failure["count"]), (&json!("login_refused"), &json!(1)));
    assert_eq!((&failure["lifted_by"], &failure["force_helps"]), (&json!("changed_login"), &json!(false)));
    assert!(failure["meaning"].as_str().unwrap().contains("refused the user"));
    assert_eq!((&refused["decided_by"], &refused["next_run"]["at"]), (&json!("failure"), &failure["until"]));
    let text = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
    assert!(
        text.starts_with("notes waits after a failure") && text.contains("a changed secret is tried at once"),
        "{text}"
    );

    site.rotator.write_secret("password", &site.issuer.planted.password);
    let changed = explain(&site, &[]).await;
    assert_eq!(
        (&changed["failure"]["login_changed"], &changed["decided_by"]),
        (&json!(true), &json!("expiry"))
    );
    let text = site.rotator.run(&["explain", "notes"]).await.ok().stdout;
    assert!(text.contains("the login was changed since: nothing stands in the way"), "{text}");

    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let passing = explain(&site, &[]).await;
    assert_eq!(
        (&passing["failure"]["lifted_by"], &passing["failure"]["force_helps"]),
        (&json!("time"), &json!(true))
    );
}

#[tokio::test]
async fn a_moment_of_the_past_is_answered_from_what_vault_remembers() {
    let site = Site::new("explain-past").await;
    site.rotator.run(&["once"]).await.ok();
    let issued = time(&site.entry().await.unwrap(), "issued_at");
    let at = async |moment: SystemTime| explain(&site, &["--at", &rfc3339(moment)]).await["asked"].clone();

    let before = at(issued - Duration::from_hours(1)).await;
    assert_eq!((&before["verdict"], &before["version"]), (&json!("forgotten"), &Value::Null));
    assert!(before["explanation"].as_str().unwrap().contains("there was no token yet"), "{before}");
    let ran = at(issued - Duration::from_secs(20)).await;
    assert_eq!((&ran["verdict"], &ran["version"]), (&json!("ran"), &json!(1)));
    assert_eq!(at(issued + Duration::from_secs(1)).await["verdict"], "just_done");
}

#[tokio::test]
async fn a_moment_to_come_is_what_the_scheduler_will_make_of_it() {
    let mut site = Site::new("explain-future").await;
    site.configure(|config| {
        config.schedule = "30 2 * * *".to_owned();
        config.rotation = "time_zone = \"Europe/Berlin\"".to_owned();
    });
    site.rotator.run(&["once"]).await.ok();
    let asked = async |moment: &str| explain(&site, &["--at", moment]).await["asked"].clone();
    let gap = asked("2031-03-30T02:30").await;
    assert_eq!((&gap["clock"], &gap["verdict"]), (&json!("skipped"), &json!("will_run")));
    assert_eq!(
        (&gap["due"]["at"], &gap["due"]["reason"]),
        (&json!("2031-03-30T01:00:00Z"), &json!("schedule"))
    );
    assert!(
        gap["explanation"].as_str().unwrap().contains("02:30 does not exist on that day in Europe/Berlin"),
        "{gap}"
    );
    let twice = asked("2031-10-26 02:30").await;
    assert_eq!((&twice["clock"], &twice["due"]["at"]), (&json!("twice"), &json!("2031-10-26T00:30:00Z")));
    assert!(twice["explanation"].as_str().unwrap().contains("fires at the first only"), "{twice}");
    let second = asked("2031-10-26T01:30:00Z").await;
    assert_eq!((&second["clock"], &second["tick"]), (&json!("twice"), &Value::Null));
    // Tokens of ten minutes are renewed seven minutes after each run.
    let renewed = asked("2031-06-01T02:37").await;
    assert_eq!((&renewed["verdict"], &renewed["due"]["reason"]), (&json!("will_run"), &json!("expiry")));
    let between = asked("2031-06-01T02:33").await;
    assert_eq!((&between["verdict"], &between["due"]), (&json!("will_not_run"), &Value::Null));
    assert_eq!((&between["previous_tick"], &between["tick"]), (&json!("2031-06-01T00:30:00Z"), &Value::Null));
}

#[tokio::test]
async fn without_vault_the_schedule_alone_is_explained() {
    let mut site = Site::new("explain-offline").await;
    let offline = site.rotator.run(&["explain", "notes", "--offline", "--output", "json"]).await.ok().json();
    assert_eq!((&offline["state"], &offline["decided_by"]), (&json!("unread"), &json!("nothing")));
    assert!(offline["schedule"]["next_tick"].as_str().unwrap().contains("-02-29T00:00:00Z"));
    let text = site.rotator.run(&["explain", "notes", "--offline"]).await.ok().stdout;
    let expiry = text.lines().find(|line| line.starts_with("expiry"));
    assert!(expiry.is_some_and(|line| line.contains("unknown") && !line.contains("no token")), "{text}");
    assert_eq!((site.vault_logins(), site.logins()), (0, 0));

    site.configure(|config| config.address = "http://127.0.0.1:1".to_owned());
    let away = site.rotator.run(&["explain", "notes", "--output", "json"]).await.failed_with(3);
    assert!(away.json()["error"].as_str().unwrap().contains("cannot be reached"), "{}", away.stdout);
    assert!(away.stderr.contains("help: Check `address`"), "{}", away.stderr);
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_json_where_json_is_asked_for() {
    let site = Site::new("explain-mistakes").await;
    for (arguments, said) in [
        (&["explain", "nots", "--output", "json"][..], "there is no rotation \"nots\""),
        (&["explain", "notes", "--at", "tomorrow", "--output=json"], "`--at`: this is no time"),
        (&["explain", "--output", "json"], "<ROTATION>"),
        (&["status", "--nonsense", "--output", "json"], "--nonsense"),
    ] {
        let outcome = site.rotator.run(arguments).await.failed_with(2);
        let message = outcome.json()["problems"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said) && outcome.stderr.is_empty(), "{message} {}", outcome.stderr);
    }
    let outcome = site.rotator.run(&["explain", "nots", "--log-format", "json"]).await.failed_with(2);
    let line: Value = serde_json::from_str(outcome.stderr.trim()).unwrap();
    assert_eq!((&line["level"], outcome.stdout.as_str()), (&json!("error"), ""));
    assert_eq!(site.vault_logins(), 0);
}

/// Every member, however deep, stands in the documentation.
fn assert_documented(value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                assert!(DOCUMENTATION.contains(&format!("`{name}`")), "`{name}` is not documented");
                assert_documented(inner);
            }
        }
        Value::Array(elements) => elements.iter().for_each(assert_documented),
        _ => {}
    }
}

const DOCUMENTATION: &str = include_str!("../../../docs/rotator/commands.md");

async fn explain(site: &Site, more: &[&str]) -> Value {
    let arguments = [&["explain", "notes", "--output", "json"], more].concat();
    site.rotator.run(&arguments).await.ok().json()
}
