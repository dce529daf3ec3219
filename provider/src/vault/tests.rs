use std::net::TcpListener;

use tokenferry_sources::SystemClock;
use tokenferry_vault::AuthMethod;

use super::*;

fn entries(address: &str, timeout: Duration) -> Entries {
    let given =
        GivenFields::from([("address".to_owned(), address.into()), ("token".to_owned(), "t0ken".into())]);
    let http = HttpSettings { timeout, ..HttpSettings::default() };
    Entries::new(Some(given), http, Arc::new(BTreeMap::<String, String>::new()), Arc::new(SystemClock))
}

fn at(path: &str) -> KvPath {
    KvPath::new("kv", path)
}

#[tokio::test]
async fn a_vault_that_does_not_answer_is_waited_for_once() {
    // It takes connections, and is silent.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let entries = entries(&url, Duration::from_secs(1));
    for index in 0..8 {
        let path = AttributePath::root().attribute("path");
        let problems = entries.read(&at(&format!("entry-{index}")), &path, |_| true).await.unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path().to_string()).collect();
        assert_eq!(paths, ["vault.address"]);
    }
    let connections = std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(connections, 1);
}

#[test]
fn each_error_is_shown_where_it_can_be_helped() {
    let read = || Operation::Read(at("a"));
    let login = || Operation::Login(AuthMethod::AppRole, "approle".into());
    let path = AttributePath::root().attribute("path");
    let given = GivenFields::from([("approle".to_owned(), tokenferry_sources::Given::Unknown)]);
    for (error, expected) in [
        (VaultError::NotKv { operation: read() }, "path"),
        (VaultError::MissingMount { operation: read() }, "path"),
        (VaultError::MissingMount { operation: login() }, "vault.approle"),
        (VaultError::LoginRefused { operation: login(), status: 400 }, "vault.approle"),
        (VaultError::Sealed { operation: read() }, "vault"),
        (VaultError::MissingNamespace { operation: read() }, "vault.namespace"),
        (VaultError::CaFile { path: "/ca.pem".into(), cause: "gone".to_owned() }, "vault.ca_cert_file"),
    ] {
        assert_eq!(place(&error, Some(&given), &path).to_string(), expected, "{error}");
    }
}
