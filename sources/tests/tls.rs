//! Which servers are trusted, with real certificates and real environment variables.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokenferry_sources::{
    BuildContext, Given, GivenFields, HttpClient, HttpSettings, SourceError, SystemClock, Token, system,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 24\r\nConnection: close\r\n\r\n(\"Bearer\" \"abc.def\" 600)";

/// Answers every login over TLS; returns its address and the file of its CA.
async fn server(directory: &Path) -> (String, PathBuf) {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let file = directory.join("ca.pem");
    let text = STANDARD.encode(ca.der());
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
        .unwrap();

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 4096];
            // The client may have gone already.
            drop(stream.read(&mut request).await);
            drop(stream.write_all(ANSWER.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    (address, file)
}

async fn login(base_url: &str, ca_cert_file: Option<PathBuf>) -> Result<Token, SourceError> {
    let fields = [("base_url", base_url.into()), ("username", "anna".into()), ("password", "hunter2".into())];
    login_at("zettelstore", fields.into(), ca_cert_file).await
}

/// A login by one request that anybody may make.
async fn request(url: &str) -> Result<Token, SourceError> {
    let fields = |members: Vec<(&str, Given)>| -> GivenFields {
        members.into_iter().map(|(name, given)| (name.to_owned(), given)).collect()
    };
    let token = Given::Map(fields(vec![("regex", "(abc.def)".into())]));
    let values = Given::Map(fields(vec![("token", token)]));
    let request = fields(vec![("url", url.into()), ("values", values)]);
    login_at("http", vec![("request", Given::List(vec![request]))], None).await
}

async fn login_at(
    name: &str,
    fields: Vec<(&str, Given)>,
    ca_cert_file: Option<PathBuf>,
) -> Result<Token, SourceError> {
    let settings = HttpSettings { ca_cert_file, timeout: Duration::from_secs(5), ..HttpSettings::default() };
    let context = BuildContext { http: Arc::new(HttpClient::new(settings)), clock: Arc::new(SystemClock) };
    let mut given: GivenFields = fields.into_iter().map(|(name, given)| (name.to_owned(), given)).collect();
    given.insert("allow_http".to_owned(), Given::Flag(true));
    let system = system(name).unwrap();
    let (settings, _) = system.resolve(&given, &BTreeMap::<String, String>::new());
    system.build(&settings, &context).unwrap().login().await
}

#[tokio::test]
async fn a_server_is_trusted_by_the_configured_ca_alone() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (address, file) = server(ours.path()).await;
    let (_, stranger) = server(other.path()).await;
    assert!(login(&format!("https://{address}/"), Some(file)).await.is_ok());

    let error = login(&format!("https://{address}/"), Some(stranger)).await.unwrap_err();
    let SourceError::Tls { certificate: true, cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.contains("certificate"), "{cause}");
    assert!(error.advice().contains("`ca_cert_file`"));
}

#[tokio::test]
async fn https_to_a_server_without_it_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let (_, file) = server(directory.path()).await;
    let error = login(&format!("https://{address}/"), Some(file)).await.unwrap_err();
    assert!(matches!(error, SourceError::Tls { certificate: false, .. }), "{error:?}");
}

/// What a process of its own says about a login, with the variables it is given.
fn login_in_process(base_url: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "login_as_told_by_the_environment", "--nocapture"])
        .env("TOKENFERRY_TEST_URL", base_url)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Not a test by itself: the others run it in a process of its own, with variables of their choice.
#[tokio::test]
async fn login_as_told_by_the_environment() {
    let Ok(base_url) = std::env::var("TOKENFERRY_TEST_URL") else { return };
    let by_request = std::env::var("TOKENFERRY_TEST_SYSTEM").is_ok_and(|name| name == "http");
    let outcome = if by_request { request(&base_url).await } else { login(&base_url, None).await };
    match outcome {
        Ok(_) => println!("logged in"),
        Err(error) => println!("{}: {error}", error.class()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_ca_certificates_can_still_speak_plain_http() {
    let nowhere = [("SSL_CERT_FILE", "/nonexistent/ca.pem"), ("SSL_CERT_DIR", "/nonexistent")];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(answer_plainly(listener));
    assert!(login_in_process(&format!("http://{address}/"), &nowhere).contains("logged in"));
    let said = login_in_process("https://127.0.0.1:1/", &nowhere);
    assert!(said.contains("ca_store: cannot load the CA certificates of this machine"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_of_the_environment_are_used_except_for_this_machine() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    tokio::spawn(answer_plainly(proxy));
    let variables = [("HTTP_PROXY", proxy_url.as_str()), ("http_proxy", proxy_url.as_str())];
    assert!(login_in_process("http://zettel.invalid/", &variables).contains("logged in"));
    let spared = [variables[0], variables[1], ("NO_PROXY", "zettel.invalid")];
    assert!(login_in_process("http://zettel.invalid/", &spared).contains("unreachable"));
    assert!(login_in_process("http://127.0.0.1:1/", &variables).contains("unreachable"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_services_are_not_asked_by_way_of_a_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = proxy.local_addr().unwrap().port();
    tokio::spawn(answer_plainly(proxy));
    let proxy_url = format!("http://localhost:{port}");
    let variables =
        [("TOKENFERRY_TEST_SYSTEM", "http"), ("HTTP_PROXY", &proxy_url), ("http_proxy", &proxy_url)];
    let said = login_in_process("http://metadata.google.internal/", &variables);
    assert!(said.contains("link_local: "), "{said}");
    assert!(login_in_process("http://id.invalid/", &variables).contains("logged in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_wants_credentials_is_told_from_the_system() {
    let directory = tempfile::tempdir().unwrap();
    let (_, file) = server(directory.path()).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let refusal =
        "HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    tokio::spawn(answer(proxy, refusal));
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let mut variables = names.map(|name| (name, url.as_str())).to_vec();
    variables.push(("SSL_CERT_FILE", file.to_str().unwrap()));
    for scheme in ["http", "https"] {
        let said = login_in_process(&format!("{scheme}://zettel.invalid/"), &variables);
        assert!(said.contains("proxy_refused: "), "{scheme}: {said}");
    }
}

async fn answer_plainly(listener: TcpListener) {
    answer(listener, ANSWER).await;
}

async fn answer(listener: TcpListener, text: &str) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        // The client may have gone already.
        drop(stream.read(&mut request).await);
        drop(stream.write_all(text.as_bytes()).await);
    }
}
