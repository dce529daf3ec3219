//! Which configurations are the same to replicas that share the work.

use std::path::PathBuf;

use super::super::Config;
use super::{EXAMPLE, RIGHT, parse, variables};

const OTHER: &str = r#"
rotation "other" {
  source   = "zettelstore.notes"
  schedule = "@daily"
  destination {
    mount = "secret"
    path  = "other"
  }
}
"#;

fn of(text: &str) -> String {
    parse(text).unwrap().fingerprint()
}

fn of_files(files: &[&str]) -> String {
    let files =
        (1..).zip(files).map(|(number, text)| (PathBuf::from(format!("{number}.hcl")), (*text).to_owned()));
    let environment = variables(&[("VAULT_ADDR", "https://vault.example")]);
    Config::parse(files.collect(), &environment).unwrap().fingerprint()
}

#[test]
fn the_order_of_files_and_blocks_does_not_matter() {
    let whole = of(&format!("{RIGHT}{OTHER}"));
    assert_eq!(of_files(&[OTHER, RIGHT]), whole);
    assert_eq!(of_files(&[RIGHT, OTHER]), whole);
    assert_eq!(of(&format!("{OTHER}{RIGHT}")), whole);
    assert_ne!(of(RIGHT), whole);
}

/// Otherwise replicas with different versions of this program would never share work.
#[test]
fn it_is_the_same_in_every_process_and_version() {
    assert_eq!(of(RIGHT), FIXED);
}

#[test]
fn what_is_the_machines_own_does_not_matter() {
    let same = [
        "listen = \"off\"".to_owned() + RIGHT,
        "concurrency = 3\ngrace_period = \"9s\"".to_owned() + RIGHT,
        "vault {\n  address = \"https://elsewhere.example\"\n  ca_cert_file = \"ca.pem\"\n}".to_owned()
            + RIGHT,
        RIGHT.replace("{ env = \"ZETTELSTORE_PASSWORD\" }", "{ file = \"/run/password\" }"),
        RIGHT.replace("  username", "  ca_cert_file = \"/etc/ca.pem\"\n  username"),
    ];
    for text in same {
        assert_eq!(of(&text), of(RIGHT), "{text}");
    }
}

#[test]
fn whatever_changes_the_work_changes_it() {
    let within = |what: &str| RIGHT.replace("  schedule", &format!("  {what}\n  schedule"));
    let within_source = |what: &str| RIGHT.replace("  username", &format!("  {what}\n  username"));
    let within_destination = |what: &str| RIGHT.replace("    mount", &format!("    {what}\n    mount"));
    let texts = [
        RIGHT.to_owned(),
        RIGHT.replace("anna", "ben"),
        RIGHT.replace("\"anna\"", "{ env = \"ANNA\" }"),
        RIGHT.replace("\"anna\"", "{ file = \"ANNA\" }"),
        RIGHT.replace("0 * * * *", "1 * * * *"),
        RIGHT.replace("rotation \"notes\"", "rotation \"memos\""),
        RIGHT.replace("\"secret\"", "\"kv\""),
        RIGHT.replace("path  = \"notes\"", "path  = \"memos\""),
        RIGHT.replace(
            "{ env = \"ZETTELSTORE_PASSWORD\" }",
            "{ vault = { mount = \"kv\", path = \"zettel\", field = \"password\" } }",
        ),
        within("enabled = false"),
        within("time_zone = \"Europe/Berlin\""),
        within("renew_before = \"10m\""),
        within("renew_before = \"10%\""),
        within("reader_lag = \"1m\""),
        within("survive_outage = \"1m\""),
        within("spread = \"1m\""),
        within("verify = false"),
        within_source("rate = \"1/h\""),
        within_source("timeout = \"5s\""),
        within_source("base_url = \"https://zettel.example/\""),
        within_destination("adopt = true"),
        within_destination("namespace = \"team\""),
        within_destination("fields = { token = \"key\" }"),
        within_destination("fields = { token = \"password\" }"),
        format!("vault {{\n  address = \"https://v.example\"\n  namespace = \"team\"\n}}{RIGHT}"),
        EXAMPLE.to_owned(),
    ];
    let mut prints: Vec<String> = texts.iter().map(|text| of(text)).collect();
    assert!(prints.iter().all(|print| print.len() == 16));
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), texts.len());
}

const FIXED: &str = "bd4e1190de412684";
