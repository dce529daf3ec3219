//! `validate`: the proof, and all mistakes of a configuration at once.

use serde_json::json;
use tokenferry_tests::rotator::Rotator;

use crate::site::Site;

#[tokio::test]
async fn a_configuration_is_proven_with_the_life_that_was_seen_last() {
    let mut site = Site::with_life("proven", 1200).await;
    site.configure(|config| {
        config.schedule = "*/5 * * * *".to_owned();
        config.rotation = "reader_lag = \"1m\"".to_owned();
    });
    let documented = site.rotator.run(&["validate", "--output", "json"]).await.ok().json();
    assert_eq!(
        (&documented[0]["verdict"], &documented[0]["life_basis"]),
        (&json!("proven"), &json!("documented"))
    );
    assert_eq!(documented[0]["life_seconds"], 600);

    site.rotator.run(&["once"]).await.ok();
    let seen = site.rotator.run(&["validate", "--output", "json"]).await.ok().json();
    assert_eq!((&seen[0]["life_basis"], &seen[0]["life_seconds"]), (&json!("last_seen"), &json!(1200)));
    assert!(seen[0]["margin_seconds"].as_i64().unwrap() > documented[0]["margin_seconds"].as_i64().unwrap());
    assert_eq!(site.logins(), 1, "a proof needs no token");

    let offline = site.rotator.run(&["validate", "--offline", "--output", "json"]).await.ok().json();
    assert_eq!(offline, documented);
}

#[tokio::test]
async fn a_claim_that_fails_is_refused_with_a_remedy_that_passes() {
    let mut site = Site::new("refused-claim").await;
    site.configure(|config| config.rotation = "reader_lag = \"5m\"".to_owned());
    let refused =
        site.rotator.run(&["validate", "--offline", "--output", "json"]).await.failed_with(2).json();
    assert_eq!(refused[0]["verdict"], "refused");
    assert!(refused[0]["margin_seconds"].as_i64().unwrap() < 0);
    let remedy = refused[0]["renew_before_that_passes_seconds"].as_u64().unwrap();
    let table = site.rotator.run(&["validate", "--offline"]).await.failed_with(2).stdout;
    assert!(table.contains("refused: a reader may hold a token for"), "{table}");
    assert!(table.contains("renew_before"), "{table}");

    site.configure(|config| config.rotation = format!("reader_lag = \"5m\"\n renew_before = \"{remedy}s\""));
    let proven = site.rotator.run(&["validate", "--offline", "--output", "json"]).await.ok().json();
    assert_eq!(proven[0]["verdict"], "proven");
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_does_not_make_a_configuration_wrong() {
    let mut site = Site::new("validate-without-vault").await;
    site.configure(|config| {
        config.address = "http://127.0.0.1:1".to_owned();
        config.rotation = "reader_lag = \"1m\"".to_owned();
    });
    let outcome = site.rotator.run(&["validate", "--strict"]).await.ok();
    assert!(
        outcome.stderr.contains("could not be looked at in Vault at http://127.0.0.1:1:"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stdout.contains("documented"), "{}", outcome.stdout);
}

#[tokio::test]
async fn an_entry_of_another_rotation_is_told_with_what_hands_it_over() {
    let mut site = Site::new("validate-renamed").await;
    site.configure(|config| config.rotation = "reader_lag = \"1m\"".to_owned());
    site.rotator.run(&["once"]).await.ok();
    let text = std::fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    site.rotator.write("tokenferry.hcl", &text.replace("rotation \"notes\"", "rotation \"renamed\""));
    let told = site.rotator.run(&["validate"]).await.ok().stderr;
    assert!(told.contains("note: rotation renamed: "), "{told}");
    assert!(told.contains("-custom-metadata=tokenferry_rotation=renamed"), "{told}");
    let offline = site.rotator.run(&["validate", "--offline"]).await.ok();
    assert!(!offline.stderr.contains("note: "), "{}", offline.stderr);
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_with_their_places_and_without_values() {
    let rotator = Rotator::new(MISTAKEN);
    for secret in ["planted-secret-text", "planted-user@vault", "planted-path//secret"] {
        rotator.guard(secret);
    }
    for arguments in [&["validate"][..], &["run"], &["once"], &["status"], &["next"]] {
        let outcome = rotator.run(arguments).await.failed_with(2);
        assert_eq!(outcome.stdout, "");
        let heads = outcome.stderr.lines().filter_map(|line| line.strip_prefix("tokenferry.hcl:"));
        let places: Vec<&str> =
            heads.filter_map(|head| head.split_once(": ").map(|(place, _)| place)).collect();
        assert_eq!(places, PLACES, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("  | ") && outcome.stderr.contains("help: "), "{}", outcome.stderr);
    }
}

#[tokio::test]
async fn a_configuration_that_is_not_there_is_a_mistake_too() {
    let rotator = Rotator::new("");
    let outcome = rotator.run(&["validate", "--config", "absent.hcl"]).await.failed_with(2);
    assert!(outcome.stderr.starts_with("absent.hcl: cannot read it"), "{}", outcome.stderr);
    let outcome = rotator.run(&["validate"]).await.failed_with(2);
    assert!(outcome.stderr.contains("there is no `rotation`"), "{}", outcome.stderr);
}

#[tokio::test]
async fn a_folder_is_read_as_one_configuration() {
    let site = Site::new("folder").await;
    let text = std::fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let (sources, rotations) = text.split_at(text.find("rotation \"notes\"").unwrap());
    site.rotator.write("parts/sources.hcl", sources);
    site.rotator.write("parts/rotations.hcl", rotations);
    site.rotator.write("parts/.hidden.hcl", "no configuration at all");
    for name in ["password", "secret_id"] {
        let folder = site.rotator.directory();
        std::fs::rename(folder.join(name), folder.join("parts").join(name)).unwrap();
    }
    site.rotator.run(&["once", "--config", "parts"]).await.ok();
    assert_eq!(site.entry().await.unwrap().version, 1);
}

/// One mistake in each of the lines that [`PLACES`] names; in line 6 there are two.
const MISTAKEN: &str = r#"concurrency = 0
grace_period = 25
vault {
  address = "https://planted-user@vault"
  namespce = "team"
  auth "aprole" {
    role_id = "r"
  }
}
source "zettelstore" "notes" {
  username = anna
  password = "planted-secret-text"
  base_url = "https://notes.example/"
  tiemout = "5s"
}
source "zetelstore" "more" {
}
rotation "one" {
  source = "zettelstore.nots"
  schedule = "61 * * * *"
  time_zone = "Europe/Atlantis"
  renew_before = "130%"
  destination {
    mount = "secret"
    path = "planted-path//secret"
  }
}
rotation "two" {
  source = "zettelstore.notes"
  schedule = "* * * * *"
  reader_lag = "1 day"
  destination {
    mount = "secret"
    path = "same"
  }
  destination {
    mount = "secret"
    path = "same"
    adopt = "yes"
  }
}
"#;

const PLACES: [&str; 18] = [
    "1:15", "2:16", "4:13", "5:3", "6:3", "6:8", "11:14", "12:14", "14:3", "16:8", "19:12", "20:14", "21:15",
    "22:18", "25:12", "31:16", "36:3", "39:13",
];
