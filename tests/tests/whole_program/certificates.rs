//! Systems behind TLS.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Reply;
use tokenferry_tests::strangers::{TlsRelay, deserted_url};
use tokenferry_tests::tls::Identity;
use tokenferry_tests::value::{Value, object};

const TOKEN: &str = "tokenferry_zettelstore_token";

#[tokio::test]
async fn a_server_whose_certificate_is_in_the_ca_file_is_trusted() {
    let server = Identity::of_server(&["127.0.0.1"]);
    read(&server, &server).await.ok();
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused_with_the_remedy() {
    // The first is what `openssl req -x509` makes.
    for server in [Identity::of_server(&["127.0.0.1"]), Identity::new()] {
        let reply = read(&server, &Identity::new()).await;
        assert!(reply.error().says(&["certificate", "ca_cert_file"]), "{reply:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_over_or_of_another_host_is_not_taken_for_a_missing_server() {
    let missing = deserted_url().await;
    let issuer = Issuer::start("missing-server").await;
    let (config, _directory) = config(&issuer, &missing, &Identity::new());
    let plugin = Plugin::configured(&config).await;
    let unreachable = plugin.read(TOKEN, &object([])).await.error().summary.clone();
    for server in [Identity::expired(), Identity::of_server(&["example.com"])] {
        let reply = read(&server, &server).await;
        assert!(reply.error().says(&["certificate"]), "{reply:?}");
        assert_ne!(reply.error().summary, unreachable);
    }
}

#[tokio::test]
async fn case_32_what_can_go_wrong_has_a_summary_each() {
    let tls = read(&Identity::of_server(&["127.0.0.1"]), &Identity::new()).await;
    let mut summaries = BTreeSet::from([tls.error().summary.clone()]);
    let faults = [
        Fault::status(401),
        Fault::status(403),
        Fault::status(404),
        Fault::status(429),
        Fault::status(500),
        Fault::hang(),
        Fault::garbage(),
    ];
    let count = faults.len() + 1;
    for fault in faults {
        let issuer = Issuer::start("case-32-summaries").await;
        issuer.fault(fault);
        let provider = object([
            ("zettelstore", issuer.zettelstore()),
            ("timeout", "1s".into()),
            ("max_wait", "1s".into()),
        ]);
        let plugin = Plugin::configured(&provider).await;
        summaries.insert(plugin.read(TOKEN, &object([])).await.error().summary.clone());
        plugin.finish().await;
    }
    assert_eq!(summaries.len(), count, "{summaries:#?}");
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let issuer = Issuer::start("no-ca-file").await;
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "nothing in here").unwrap();
    for file in [empty, directory.path().join("missing.pem")] {
        let Value::Object(mut config) = issuer.config() else { panic!("an object") };
        config.insert("ca_cert_file".to_owned(), file.display().to_string().into());
        let url = issuer.zettelstore_url().replace("http://", "https://");
        let settings = with_url(&issuer, &url);
        config.insert("zettelstore".to_owned(), settings);
        let plugin = Plugin::configured(&Value::Object(config)).await;
        let reply = plugin.read(TOKEN, &object([])).await;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(reply.error().says(&["ca_cert_file", &name]), "{reply:?}");
        plugin.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told_from_one_that_is_not_there() {
    let issuer = Issuer::start("not-tls").await;
    let url = issuer.zettelstore_url().replace("http://", "https://");
    let trusted = Identity::of_server(&["127.0.0.1"]);
    let (config, _directory) = config(&issuer, &url, &trusted);
    let plugin = Plugin::configured(&config).await;
    let reply = plugin.read(TOKEN, &object([])).await;
    assert!(reply.error().says(&["https"]), "{reply:?}");
    plugin.finish().await;
}

/// What a read says of a server that shows `server`, when `trusted` is in the CA file.
async fn read(server: &Identity, trusted: &Identity) -> Reply {
    let issuer = Issuer::start("certificates").await;
    let relay = TlsRelay::start(server, issuer.address()).await;
    let (config, _directory) = config(&issuer, &format!("{}/zettelstore/", relay.url()), trusted);
    let plugin = Plugin::configured(&config).await;
    let reply = plugin.read(TOKEN, &object([])).await;
    plugin.finish().await;
    reply
}

/// A configuration with no time to try again, and the directory that its CA file lies in.
fn config(issuer: &Issuer, url: &str, trusted: &Identity) -> (Value, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::write(&file, trusted.pem()).unwrap();
    let config = object([
        ("zettelstore", with_url(issuer, url)),
        ("ca_cert_file", file.display().to_string().into()),
        ("timeout", "1s".into()),
    ]);
    (config, directory)
}

fn with_url(issuer: &Issuer, url: &str) -> Value {
    let Value::Object(mut settings) = issuer.zettelstore() else { panic!("an object") };
    settings.insert("base_url".to_owned(), url.into());
    Value::Object(settings)
}
