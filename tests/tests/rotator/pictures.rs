//! The pictures of the status page in the README, of rotations with made-up names.
//!
//! `TOKENFERRY_SCREENSHOTS=docs/rotator cargo xtask test the_pictures_of_the_readme` takes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokenferry_sandbox::Fault;
use tokenferry_tests::browser::Browser;
use tokenferry_tests::issuer::ZSCALER_LOGIN;
use tokenferry_tests::rotator::Daemon;
use tokio::time::{Instant, sleep};

use crate::site::{MOUNT, Site, rfc3339};

/// Rotations with their source, and what is gone and left of their tokens' life in minutes.
const ROTATIONS: [(&str, &str, u64, u64); 6] = [
    ("branch-offices", "zscaler.branches", 52, 8),
    ("corp-laptops", "zscaler.corp", 14, 46),
    ("guest-wifi", "zscaler.guests", 58, 2),
    ("handbook", "zettelstore.handbook", 4, 20),
    ("lab-notes", "zettelstore.lab", 9, 15),
    ("minutes", "zettelstore.minutes", 17, 7),
];

#[tokio::test]
async fn the_pictures_of_the_readme_show_each_trouble() {
    let (_site, daemon) = site().await;
    let browser = Browser::start().await;
    let folder = std::env::var_os("TOKENFERRY_SCREENSHOTS").map(PathBuf::from);
    for (scheme, width, height, name) in [
        ("light", 1200, 1130, "status-page.png"),
        ("dark", 1200, 1130, "status-page-dark.png"),
        ("light", 390, 1200, "narrow"),
    ] {
        browser.prefer(scheme).await;
        browser.resize(width, height).await;
        browser.open(&format!("http://{}/", daemon.address().await)).await;
        assert_eq!(browser.text(".headline").await, "6 rotations: 2 with readers at risk, 3 failing.");
        let picture = browser.screenshot().await;
        assert!((10_000..200_000).contains(&picture.len()), "{} bytes", picture.len());
        let in_readme = Path::new(name).extension().is_some();
        if let Some(folder) = folder.as_ref().filter(|_| in_readme) {
            fs::write(workspace().join(folder).join(name), picture).unwrap();
        }
    }
}

/// Rotations that are fine, one that fails, one that is held back, and one whose readers may come too late.
async fn site() -> (Site, Daemon) {
    let site = Site::new("pictures").await;
    let text = configuration(&site);
    let head = site.head();
    site.rotator.write("tokenferry.hcl", &format!("{head}{text}"));
    site.rotator.write_secret("zettelstore", &site.issuer.planted.password);
    site.rotator.write_secret("zscaler", &site.issuer.planted.secret_key);
    site.rotator.write_secret("minutes", &site.issuer.planted.password);
    site.rotator.run(&["once"]).await.ok();
    for (name, _, gone, left) in ROTATIONS {
        age(&site, name, gone, left).await;
    }
    site.issuer.fault(Fault::status(503).path(ZSCALER_LOGIN));
    site.rotator.write_secret("minutes", "planted-wrong-password");
    let daemon = site.rotator.start();
    let deadline = Instant::now() + Duration::from_mins(1);
    while daemon.page("/").await.body.matches("</code>: ").count() < 3 {
        assert!(Instant::now() < deadline, "not all that should fail does");
        sleep(Duration::from_millis(100)).await;
    }
    (site, daemon)
}

fn configuration(site: &Site) -> String {
    let zscaler = |name: &str| {
        let (url, key) = (site.issuer.zscaler_url(), &site.issuer.planted.api_key);
        format!(
            "source \"zscaler\" \"{name}\" {{\n base_url = \"{url}\"\n api_key = \"{key}\"\n \
             secret_key = {{ file = \"zscaler\" }}\n}}\n"
        )
    };
    let zettelstore = |name: &str, password: &str| {
        let (url, user) = (site.issuer.zettelstore_url(), &site.issuer.planted.username);
        format!(
            "source \"zettelstore\" \"{name}\" {{\n base_url = \"{url}\"\n username = \"{user}\"\n \
             password = {{ file = \"{password}\" }}\n}}\n"
        )
    };
    let rotation = |(name, source, _, _): &(&str, &str, u64, u64)| {
        format!(
            "rotation \"{name}\" {{\n source = \"{source}\"\n schedule = \"0 0 29 2 *\"\n reader_lag = \"5m\"\n \
             destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/{name}\"\n }}\n}}\n"
        )
    };
    let sources = [
        zscaler("branches"),
        zscaler("corp"),
        zscaler("guests"),
        zettelstore("handbook", "zettelstore"),
        zettelstore("lab", "zettelstore"),
        zettelstore("minutes", "minutes"),
    ];
    sources.into_iter().chain(ROTATIONS.iter().map(rotation)).collect()
}

/// Makes an entry as if its token had lived for so many minutes, and had so many left.
async fn age(site: &Site, name: &str, gone: u64, left: u64) {
    let path = format!("tokens/{name}");
    let entry = site.openbao.entry(MOUNT, &path).await.unwrap();
    site.rotator.guard(entry.text("token"));
    let mut data = entry.data;
    let minutes = |minutes| Duration::from_secs(minutes * 60);
    let issued = rfc3339(SystemTime::now() - minutes(gone));
    for (name, time) in [
        ("issued_at", issued.clone()),
        ("occurrence", issued),
        ("expires_at", rfc3339(SystemTime::now() + minutes(left))),
    ] {
        data.insert(name.to_owned(), time.into());
    }
    site.openbao.write_entry(MOUNT, &path, &Value::Object(data)).await;
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
