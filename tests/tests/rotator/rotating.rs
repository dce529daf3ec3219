//! The way of a token from its issuer to its readers.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::openbao::Entry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::site::{DATA, METADATA, MOUNT, Site, VERIFY, rotation, time};

#[tokio::test]
async fn the_first_entry_holds_everything_that_readers_need() {
    let site = Site::new("first-entry").await;
    let begin = SystemTime::now();
    let mut daemon = site.rotator.start();
    let rotated = daemon.says("rotated").await;

    let entry = site.entry().await.unwrap();
    let names: BTreeSet<&str> = entry.data.keys().map(String::as_str).collect();
    assert_eq!(names, TEXTS.into_iter().chain(TIMES).chain(NUMBERS).collect());
    assert!(NUMBERS.iter().all(|name| entry.data[*name].is_u64()), "{:?}", entry.data.keys());
    assert!(
        TIMES
            .iter()
            .all(|name| entry.text(name).ends_with('Z') && time(&entry, name) > SystemTime::UNIX_EPOCH)
    );
    let texts = ["token_type", "header_name", "system", "source", "rotation"].map(|name| entry.text(name));
    assert_eq!(texts, ["Bearer", "Authorization", "zettelstore", "zettelstore.notes", "notes"]);
    assert_eq!(
        entry.text("issuer").trim_end_matches('/'),
        site.issuer.zettelstore_url().trim_end_matches('/')
    );
    assert_eq!(entry.text("subject"), site.issuer.planted.username);
    assert_eq!(["ttl", "serial", "schema"].map(|name| entry.data[name].as_u64().unwrap()), [600, 1, 1]);
    assert!(time(&entry, "issued_at") + Duration::from_secs(1) > begin);
    assert_eq!(time(&entry, "expires_at"), time(&entry, "issued_at") + Duration::from_mins(10));
    assert_eq!(time(&entry, "refresh_after"), time(&entry, "expires_at") - Duration::from_mins(3));
    assert_eq!(entry.custom_metadata["tokenferry_rotation"], "notes");
    assert_eq!(status_with_header_of(&entry, &site).await, 204);

    assert_eq!((rotated.text("reason"), rotated.field("version").as_u64()), ("no_token", Some(1)));
    assert_eq!((site.logins(), site.writes(), site.vault_logins()), (1, 1, 1));
    assert_eq!(daemon.stop().await.code(), Some(0));
}

#[tokio::test]
async fn tokens_are_replaced_before_they_end_and_nothing_is_read_for_it() {
    let mut site = Site::with_life("by-expiry", 12).await;
    site.configure(|config| config.rotation = "renew_before = \"6s\"".to_owned());
    let daemon = site.rotator.start();
    let mut entries = Vec::new();
    // A third would come after the first look at all entries.
    for version in 1..=2 {
        entries.push(site.version(version).await);
    }
    drop(daemon);

    for (old, new) in entries.iter().zip(&entries[1..]) {
        assert_eq!(new.version, old.version + 1);
        assert_eq!(new.data["serial"].as_u64(), Some(new.version));
        assert_ne!(new.text("token"), old.text("token"));
        assert!(new.created < time(old, "expires_at") - Duration::from_secs(3), "{:?}", new.created);
        assert!(new.created >= time(old, "refresh_after"), "not before it is due");
        assert_eq!(new.text("occurrence"), old.text("refresh_after"));
    }
    let asked: Vec<String> =
        site.openbao.audited().into_iter().map(|asked| asked.operation + " " + &asked.path).collect();
    let count =
        |what: &str, path: &str| asked.iter().filter(|asked| **asked == format!("{what} {path}")).count();
    // Before the first write, and for the mark after it.
    assert_eq!((count("read", DATA), count("read", METADATA)), (1, 2), "{asked:?}");
    assert_eq!(site.writes(), 2);
    assert_eq!(site.logins(), 2);
}

#[tokio::test]
async fn a_write_names_the_version_that_it_replaces() {
    let site = Site::with_life("check-and-set", 12).await;
    // With this, OpenBao refuses every write that does not name a version.
    site.openbao.write(&format!("{MOUNT}/config"), &json!({"cas_required": true})).await;
    let _daemon = site.rotator.start();
    assert_eq!(site.version(2).await.data["serial"].as_u64(), Some(2));
}

#[tokio::test]
async fn several_destinations_get_the_same_token_and_one_that_lost_it_gets_it_back_without_a_login() {
    let mut site = Site::new("destinations").await;
    site.configure(|config| {
        config.rotation = format!("destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/copy\"\n }}");
    });
    site.rotator.run(&["once"]).await.ok();
    let token = site.entry().await.unwrap().text("token").to_owned();
    assert_eq!(site.openbao.entry(MOUNT, "tokens/copy").await.unwrap().text("token"), token);
    assert_eq!(site.logins(), 1);

    site.openbao.delete_latest(MOUNT, "tokens/copy").await;
    site.rotator.run(&["once"]).await.ok();
    let copy = site.openbao.entry(MOUNT, "tokens/copy").await.unwrap();
    assert_eq!((copy.version, copy.text("token")), (2, &*token));
    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 1));
}

#[tokio::test]
async fn of_several_destinations_it_is_told_which_one_fails() {
    let mut site = Site::new("which-fails").await;
    site.openbao.write_entry(MOUNT, "tokens/theirs", &json!({"password": "theirs"})).await;
    site.configure(|config| {
        config.rotation = format!("destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/theirs\"\n }}");
    });
    let once = site.rotator.run(&["once"]).await.failed_with(3);
    assert!(once.stdout.contains("partly") && once.stdout.contains("foreign_entry"), "{}", once.stdout);
    assert!(once.stderr.contains("notes: secret/tokens/theirs: foreign_entry"), "{}", once.stderr);
    assert_eq!(site.entry().await.unwrap().version, 1);
    let status = site.rotator.run(&["status", "--output", "json"]).await.failed_with(3).json();
    assert_eq!(status[0]["state"], "failing");
    let classes: Vec<_> = (0..2).map(|at| status[0]["destinations"][at]["failure_class"].clone()).collect();
    assert_eq!(classes, [json!("foreign_entry"), json!(null)]);
}

/// Of another system: sent in another header, and its end stands in the token itself.
#[tokio::test]
async fn a_token_of_zscaler_is_carried_too() {
    let mut site = Site::new("zscaler").await;
    let (base_url, api_key) = (site.issuer.zscaler_url(), site.issuer.planted.api_key.clone());
    site.configure(|config| {
        config.more = format!(
            r#"source "zscaler" "corp" {{
                 base_url   = "{base_url}"
                 api_key    = {{ env = "API_KEY" }}
                 secret_key = {{ env = "SECRET_KEY" }}
               }}
               rotation "corp" {{
                 source   = "zscaler.corp"
                 schedule = "0 0 29 2 *"
                 destination {{
                   mount = "{MOUNT}"
                   path  = "tokens/corp"
                 }}
               }}"#
        );
    });
    let rotator = site.another().env("API_KEY", &api_key);
    let rotator = rotator.secret_env("SECRET_KEY", &site.issuer.planted.secret_key);
    rotator.run(&["once", "corp"]).await.ok();

    let entry = site.openbao.entry(MOUNT, "tokens/corp").await.unwrap();
    assert_eq!(entry.text("header_name"), "auth-token");
    assert_eq!(entry.text("header_value"), entry.text("token"));
    assert_eq!((entry.text("system"), entry.text("subject")), ("zscaler", api_key.as_str()));
    assert_eq!(entry.data["ttl"].as_u64(), Some(3600));
    assert_eq!((site.issuer.zscaler_logins().attempted, site.logins()), (1, 0));
}

#[tokio::test]
async fn runs_of_one_credential_never_overlap() {
    let mut site = Site::new("no-overlap").await;
    site.configure(|config| config.more = ["two", "three"].map(rotation).concat());
    site.issuer.fault(Fault::latency(Duration::from_millis(300)).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once"]).await.ok();
    let logins = site.issuer.zettelstore_logins();
    assert_eq!((logins.attempted, logins.peak), (3, 1));
}

#[tokio::test]
async fn a_token_that_its_issuer_does_not_know_is_not_published() {
    let site = Site::new("verify").await;
    site.rotator.run(&["once"]).await.ok();
    let old = site.entry().await.unwrap();
    site.issuer.fault(Fault::status(401).path(VERIFY));

    let outcome = site.rotator.run(&["once", "--force", "--output", "json"]).await.failed_with(3);
    assert_eq!(outcome.json()[0]["class"], "token_rejected");
    assert_eq!(site.logins(), 2);
    let entry = site.entry().await.unwrap();
    assert_eq!((entry.version, entry.text("token")), (1, old.text("token")));
}

#[tokio::test]
async fn without_verify_a_token_is_not_tried_out() {
    let mut site = Site::new("unverified").await;
    site.configure(|config| config.rotation = "verify = false".to_owned());
    site.rotator.run(&["once"]).await.ok();
    assert!(site.issuer.control().requests().iter().all(|request| request.path != VERIFY));
}

/// Sends the stored header, as a reader does, and returns what the issuer says to it.
async fn status_with_header_of(entry: &Entry, site: &Site) -> u16 {
    let mut stream = TcpStream::connect(site.issuer.address()).await.unwrap();
    let header = format!("{}: {}", entry.text("header_name"), entry.text("header_value"));
    let head = format!("POST {VERIFY}?cmd=authenticated HTTP/1.0\r\n{header}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

const TEXTS: [&str; 10] = [
    "header_name",
    "header_value",
    "issuer",
    "rotation",
    "source",
    "subject",
    "system",
    "token",
    "token_type",
    "writer",
];
const TIMES: [&str; 4] = ["expires_at", "issued_at", "occurrence", "refresh_after"];
const NUMBERS: [&str; 3] = ["schema", "serial", "ttl"];
