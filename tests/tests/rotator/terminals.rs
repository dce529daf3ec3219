//! What a person at a terminal sees: colours, as many columns as fit, and how far it has come.

use crate::site::{Site, rotation};

#[tokio::test]
async fn tables_have_colours_and_fit_only_on_a_terminal_that_wants_them() {
    let mut site = Site::new("terminal-tables").await;
    site.rotator.run(&["once"]).await.ok();
    let wide = site.rotator.on_terminal(160, &["status"]).await;
    assert!(wide.sent.contains("\x1b[32mfine\x1b[0m"), "{}", wide.sent);
    let heading =
        ["ROTATION", "STATE", "LIFE LEFT", "OUTAGE BUDGET", "ISSUED", "NEXT RUN", "WHY THEN", "LAST FAILURE"];
    assert_eq!(cells(&wide.lines()[0]), heading);
    let narrow = site.rotator.on_terminal(60, &["status"]).await;
    assert!(narrow.lines().iter().all(|line| line.chars().count() <= 60), "{:?}", narrow.lines());
    assert_eq!(cells(&narrow.lines()[0])[..3], heading[..3]);

    site.rotator = site.rotator.env("NO_COLOR", "1");
    let plain = site.rotator.on_terminal(160, &["status"]).await;
    assert!(!plain.sent.contains('\x1b') && cells(&plain.lines()[0]) == heading, "{}", plain.sent);
    let piped = site.rotator.run(&["status"]).await.ok();
    assert!(!piped.stdout.contains('\x1b') && cells(piped.stdout.lines().next().unwrap()) == heading);
}

#[tokio::test]
async fn progress_of_many_runs_is_shown_to_who_watches_and_gone_in_the_end() {
    let mut site = Site::new("terminal-progress").await;
    site.configure(|config| config.more = (0..5).map(|number| rotation(&format!("more-{number}"))).collect());
    let piped = site.rotator.run(&["once", "--dry-run"]).await.ok();
    assert_eq!(piped.stderr, "");
    let seen = site.rotator.on_terminal(160, &["once"]).await;
    assert!(
        seen.sent.contains("reading entries: 0 of 6") && seen.sent.contains("rotating: "),
        "{}",
        seen.sent
    );
    let lines = seen.lines();
    assert!(lines[0].starts_with("ROTATION") && lines.len() == 7, "{lines:?}");
    let json = site.rotator.on_terminal(160, &["status", "--output", "json"]).await;
    assert!(json.sent.starts_with('[') && !json.sent.contains(" of "), "{}", json.sent);

    site.rotator = site.rotator.env("TERM", "dumb");
    let dumb = site.rotator.on_terminal(160, &["status"]).await;
    assert!(!dumb.sent.contains('\x1b') && !dumb.sent.contains(" of 6"), "{}", dumb.sent);
}

fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}
