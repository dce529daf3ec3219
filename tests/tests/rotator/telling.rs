//! What the daemon tells of everything that is out of the ordinary: in its metrics and on its page.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::rotator::Daemon;

use crate::metrics::{sample, until};
use crate::site::{MOUNT, REFUSED_PROOF, Site, rotation};

const NOTES: &str = "rotation=\"notes\",source=\"zettelstore.notes\",system=\"zettelstore\"";

#[tokio::test]
async fn missed_destinations_wrong_clocks_and_what_rests_are_told() {
    let mut site = Site::new("telling").await;
    site.openbao.write_entry(MOUNT, "tokens/theirs", &json!({"password": "theirs"})).await;
    site.issuer.fault(Fault::clock_skew(300));
    site.configure(|config| {
        config.rotation = format!("destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/theirs\"\n }}");
        config.more = rotation("rests").replace("renew_before", "enabled = false\n renew_before");
    });
    let daemon = site.rotator.start();
    let missed = format!("tokenferry_destinations_missed{{{NOTES}}}");
    let text = metrics(&daemon, |text| sample(text, &missed).is_some()).await;
    assert_eq!(sample(&text, &missed), Some(1.0));
    let class = "source=\"zettelstore.notes\",system=\"zettelstore\",class=\"foreign_entry\"";
    let rests = NOTES.replace("rotation=\"notes\"", "rotation=\"rests\"");
    for one in [
        format!("tokenferry_runs_total{{{NOTES},outcome=\"partly\"}}"),
        format!("tokenferry_run_failures_total{{{class}}}"),
        format!("tokenferry_rotation_held{{{rests},by=\"disabled\"}}"),
        "tokenferry_rotations{state=\"disabled\"}".to_owned(),
    ] {
        assert_eq!(sample(&text, &one), Some(1.0), "{one}");
    }
    let skew =
        sample(&text, "tokenferry_clock_skew_seconds{source=\"zettelstore.notes\",system=\"zettelstore\"}");
    assert!(skew.is_some_and(|skew| (290.0..=310.0).contains(&skew)), "{skew:?}");
    let vault = sample(&text, "tokenferry_vault_clock_skew_seconds");
    assert!(vault.is_some_and(|skew| skew.abs() <= 5.0), "{vault:?}");
    let page = daemon.page("/").await.body;
    for told in [
        "Partly failing",
        "1 of 2 destinations lacks the new token. <code>foreign_entry</code>",
        "<p>The clock of zettelstore.notes is ",
        "Disabled <span class=\"count\">1</span>",
    ] {
        assert!(page.contains(told), "{told} is missing in {page}");
    }
}

#[tokio::test]
async fn a_refused_configuration_is_told_until_it_is_mended_and_counts_go_on() {
    let site = Site::new("telling-reload").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let (result, time) =
        ("tokenferry_config_last_reload_successful", "tokenferry_config_last_reload_timestamp_seconds");
    let before = metrics(&daemon, |text| sample(text, result) == Some(1.0)).await;
    let good = fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let read = async |text: &str, successful: f64| {
        site.rotator.write("tokenferry.hcl", text);
        daemon.process.signal(Signal::SIGHUP);
        metrics(&daemon, |text| sample(text, result) == Some(successful)).await
    };
    let refused = read(&format!("{good}\nnonsense = 1\n"), 0.0).await;
    assert!(sample(&refused, time) >= sample(&before, time));
    assert!(daemon.page("/").await.body.contains("and the one before it stays in force."));
    let mended = read(&format!("{good}\n{}", rotation("more")), 1.0).await;
    assert!(sample(&mended, "tokenferry_rotations{state=\"fine\"}").is_some());
    assert!(!daemon.page("/").await.body.contains("stays in force."));
    assert_eq!(sample(&mended, "tokenferry_vault_logins_total{result=\"succeeded\"}"), Some(1.0));
}

#[tokio::test]
async fn who_waits_for_the_rate_of_a_source_is_told() {
    let mut site = Site::new("telling-rate").await;
    site.configure(|config| {
        config.source = format!("rate = \"1/h\"\n{}", config.source);
        config.more = rotation("other");
    });
    let daemon = site.rotator.start();
    let waits = "source=\"zettelstore.notes\",system=\"zettelstore\",by=\"rate\"} 1";
    let rotated = "outcome=\"rotated\"} 1";
    let text = metrics(&daemon, |text| text.contains(waits) && text.contains(rotated)).await;
    assert_eq!(text.matches(waits).count(), 1, "{text}");
    let page = daemon.page("/").await.body;
    assert!(page.contains("<p>One rotation is due and waits for the rate of its source.</p>"), "{page}");
    assert!(page.contains("waits for the rate of its source</span>"), "{page}");
}

async fn metrics(daemon: &Daemon, is_told: impl Fn(&str) -> bool) -> String {
    until(&daemon.address().await, "/metrics", |page| is_told(&page.body)).await.body
}

#[tokio::test]
async fn proofs_are_told_by_the_life_of_the_token_in_vault_and_of_thousands_only_some() {
    let mut site = Site::with_life("refused-by-life", 60).await;
    site.configure(|config| config.rotation = "reader_lag = \"2m\"".to_owned());
    site.rotator.run(&["once"]).await.ok();
    // Documented are ten minutes.
    let mut daemon = site.rotator.start();
    let told = daemon.says(REFUSED_PROOF).await;
    assert!(told.text("proof").contains("as the last one did"), "{}", told.text("proof"));

    site.configure(|config| {
        let many = (0..25).map(|number| rotation(&format!("more-{number}")));
        let lags = |text: String| text.replace("renew_before", "reader_lag = \"1h\"\n renew_before");
        config.more = many.map(lags).collect();
    });
    let rest = daemon.says("readers of more rotations may hold a dead token even if nothing fails").await;
    assert_eq!((rest.level(), rest.field("rotations")), ("warn", &json!(15)));
    assert!(rest.text("advice").contains("`tokenferry validate`"), "{}", rest.text("advice"));
    assert_eq!(daemon.count(|event| event.message() == REFUSED_PROOF), 11);
    daemon.stop().await;
}
