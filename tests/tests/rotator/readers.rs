//! The examples for readers, run against what the rotator writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokenferry_tests::binaries;
use tokenferry_tests::openbao::{Entry, OpenBao};
use tokenferry_tests::outcome::Outcome;
use tokenferry_tests::process::Process;
use tokenferry_tests::service::Service;
use tokio::process::Command;

use crate::site::{DATA, MOUNT, PATH, Site, time, until};

#[expect(dead_code, unreachable_pub, reason = "a program of its own, of which the test calls the parts")]
#[path = "../../../examples/readers/rust/main.rs"]
mod reader;

#[tokio::test]
async fn the_agent_renders_the_token_and_renders_it_again_after_a_rotation() {
    let site = Site::new("reader-agent").await;
    site.rotator.run(&["once"]).await.ok();
    let first = site.entry().await.unwrap();
    let (folder, mut agent) = start_agent(&site).await;
    let file = folder.path().join("header");
    let shows = |entry: &Entry| {
        let header = format!("{}: {}\n", entry.text("header_name"), entry.text("header_value"));
        fs::read_to_string(&file).is_ok_and(|rendered| rendered == header)
    };
    until("the first token", || shows(&first)).await;
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Zettelstore's tokens of one second are the same.
    until("another second", || SystemTime::now() >= time(&first, "issued_at") + Duration::from_secs(1)).await;
    site.rotator.run(&["once", "--force"]).await.ok();
    let second = site.entry().await.unwrap();
    assert_ne!(first.text("token"), second.text("token"));
    until("the second token", || shows(&second)).await;
    assert!(agent.is_running());
    for entry in [&first, &second] {
        let said = format!("{}{}", agent.stdout.text(), agent.stderr.text());
        assert!(!said.contains(entry.text("token")));
    }
}

/// The agent of the example, at this OpenBao, with its files in a folder.
async fn start_agent(site: &Site) -> (TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    allow_reading(&site.openbao).await;
    let role = site.openbao.create_approle("reader", &json!({"token_policies": ["reader"]})).await;
    let at = |name: &str| folder.path().join(name);
    fs::write(at("role_id"), &role.role_id).unwrap();
    fs::write(at("secret_id"), &role.secret_id).unwrap();
    fs::copy(example("bao-agent/header.tpl"), at("header.tpl")).unwrap();
    let mut config = fs::read_to_string(example("bao-agent/agent.hcl")).unwrap();
    let here = format!("{}/", folder.path().display());
    for (example, real) in [
        ("https://vault.example:8200", site.openbao.url().as_str()),
        ("/etc/reader/", &here),
        ("/run/reader/", &here),
        ("\"1m\"", "\"2s\""),
    ] {
        assert!(config.contains(example), "{example}");
        config = config.replace(example, real);
    }
    fs::write(at("agent.hcl"), config).unwrap();
    let mut command = Command::new(binaries::openbao());
    command.args(["agent", "-config=agent.hcl"]).current_dir(folder.path());
    command.env_clear().env("HOME", folder.path());
    (folder, Process::spawn(&mut command))
}

#[tokio::test]
async fn curl_and_python_send_the_token_and_one_read_anew_after_a_401() {
    let site = Site::new("reader-programs").await;
    site.rotator.run(&["once"]).await.ok();
    let vault_token = reader_token(&site).await;
    let entry = site.entry().await.unwrap();
    for program in PROGRAMS {
        let service = Service::start(entry.text("header_value")).await;
        let answer = run(program, &site, &vault_token, &service).await.ok();
        assert_eq!((answer.stdout.as_str(), service.refused()), ("welcome", 0));

        let service = Service::start("Bearer planted-newer-token").await;
        service.replace_when_refused(&site.openbao, MOUNT, PATH, newer(&entry));
        let answer = run(program, &site, &vault_token, &service).await.ok();
        assert_eq!((answer.stdout.as_str(), service.refused()), ("welcome", 1));

        site.openbao.write_entry(MOUNT, PATH, &Value::Object(entry.data.clone())).await;
        let answer = run(program, &site, &vault_token, &Service::start("Bearer planted-other").await).await;
        assert!(!answer.status.success(), "it gives up after the second 401");
    }
}

#[tokio::test]
async fn no_reader_sends_a_token_that_has_ended() {
    let site = Site::new("reader-ended").await;
    site.rotator.run(&["once"]).await.ok();
    let vault_token = reader_token(&site).await;
    let mut entry = site.entry().await.unwrap();
    let good = entry.text("header_value").to_owned();
    entry.data.insert("expires_at".to_owned(), "2020-02-02T02:02:02Z".into());
    site.openbao.write_entry(MOUNT, PATH, &Value::Object(entry.data)).await;
    let service = Service::start(&good).await;
    for program in PROGRAMS {
        let answer = run(program, &site, &vault_token, &service).await;
        assert!(!answer.status.success() && answer.stdout.is_empty(), "{}", answer.stdout);
        assert!(
            answer.stderr.contains("the token of rotation notes ended at 2020-02-02"),
            "{}",
            answer.stderr
        );
        assert!(!answer.stderr.contains(&good));
    }
    let mut token = rust(&site, &vault_token);
    let error = reader::call(&mut token, &service.url).await.unwrap_err();
    assert!(error.to_string().contains("the token of rotation notes ended at 2020-02-02"), "{error}");
}

#[tokio::test]
async fn rust_sends_the_token_reads_it_when_due_and_anew_after_a_401() {
    let site = Site::new("reader-rust").await;
    site.rotator.run(&["once"]).await.ok();
    let vault_token = reader_token(&site).await;
    let entry = site.entry().await.unwrap();
    let reads = || site.openbao.count("read", DATA);
    let before = reads();
    let mut token = rust(&site, &vault_token);
    let service = Service::start(entry.text("header_value")).await;
    for _ in 0..3 {
        assert_eq!(reader::call(&mut token, &service.url).await.unwrap(), b"welcome");
    }
    assert_eq!((reads() - before, service.refused()), (1, 0));

    let service = Service::start("Bearer planted-newer-token").await;
    service.replace_when_refused(&site.openbao, MOUNT, PATH, newer(&entry));
    assert_eq!(reader::call(&mut token, &service.url).await.unwrap(), b"welcome");
    assert_eq!((reads() - before, service.refused()), (2, 1));
}

/// What no other test tells: the manifests name what an entry has, where the rotator of this test writes it.
#[test]
fn the_manifests_name_fields_of_an_entry_at_its_mount_and_path() {
    let external = fs::read_to_string(example("external-secrets/external-secret.yaml")).unwrap();
    let named = values(&external, "property");
    assert_eq!(named, ["header_name", "header_value", "expires_at"]);
    assert_eq!(values(&external, "secretKey"), named);
    assert!(values(&external, "key").iter().all(|key| *key == PATH));
    assert_eq!(values(&external, "path"), [MOUNT]);
    let operator = fs::read_to_string(example("vault-secrets-operator/vault-static-secret.yaml")).unwrap();
    assert_eq!((values(&operator, "mount")[1], values(&operator, "path")), (MOUNT, vec![PATH]));
    for (text, kinds, interval) in [
        (&external, ["SecretStore", "ExternalSecret"].as_slice(), "refreshInterval"),
        (&operator, &["VaultConnection", "VaultAuth", "VaultStaticSecret"], "refreshAfter"),
    ] {
        let documents: Vec<&str> = text.split("\n---\n").collect();
        assert_eq!(documents.iter().map(|document| values(document, "kind")[0]).collect::<Vec<_>>(), kinds);
        assert!(documents.iter().all(|document| !values(document, "apiVersion").is_empty()));
        assert_eq!(values(text, interval), ["1m"]);
        assert!(!text.contains('\t'));
    }
}

#[tokio::test]
async fn the_guide_names_every_field_of_an_entry_and_every_example() {
    let site = Site::new("reader-guide").await;
    site.rotator.run(&["once"]).await.ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rotator");
    let guide = fs::read_to_string(folder.join("reading.md")).unwrap();
    for field in site.entry().await.unwrap().data.keys() {
        assert!(guide.contains(&format!("`{field}`")), "{field}");
    }
    let links: Vec<&str> = guide.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.iter().all(|link| folder.join(link).is_file()), "{links:?}");
    for file in ["bao-agent/agent.hcl", "http/call.sh", "python/reader.py", "rust/main.rs"] {
        assert!(links.iter().any(|link| link.ends_with(file)), "{file}");
    }
}

/// What stands after a name, without the comment.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    let values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values.map(|value| value.split(" #").next().unwrap().trim()).collect()
}

/// The example in Rust, as it is when nothing was read yet.
fn rust(site: &Site, vault_token: &str) -> reader::RotatedToken {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reader::client().unwrap();
    reader::RotatedToken::new(client, &site.openbao.url(), vault_token, MOUNT, PATH).unwrap()
}

/// Runs an example to its end.
async fn run(program: [&str; 2], site: &Site, vault_token: &str, service: &Service) -> Outcome {
    let [interpreter, file] = program;
    let mut command = Command::new(interpreter);
    command.arg(example(file)).args([MOUNT, PATH, &service.url]);
    command
        .env("VAULT_ADDR", site.openbao.url())
        .env("VAULT_TOKEN", vault_token)
        .env("NO_PROXY", "127.0.0.1");
    Outcome::of(Process::spawn(&mut command), Duration::from_mins(1)).await
}

/// The entry after the next rotation.
fn newer(entry: &Entry) -> Value {
    let mut data = entry.data.clone();
    data.insert("header_value".to_owned(), "Bearer planted-newer-token".into());
    Value::Object(data)
}

async fn reader_token(site: &Site) -> String {
    allow_reading(&site.openbao).await;
    site.openbao.create_token(&json!({"policies": ["reader"]})).await
}

/// The least that a reader needs.
async fn allow_reading(openbao: &OpenBao) {
    openbao.write_policy("reader", &format!("path \"{DATA}\" {{ capabilities = [\"read\"] }}")).await;
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/readers").join(file)
}

/// Each with what runs it: they have to be on PATH, and curl and jq for the first.
const PROGRAMS: [[&str; 2]; 2] = [["sh", "http/call.sh"], ["python3", "python/reader.py"]];
