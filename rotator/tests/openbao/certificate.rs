//! Logging in with a TLS certificate.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tokenferry_sandbox::{Options, Sandbox};
use tokenferry_vault::{DEFAULT_CERT_MOUNT, Vault, VaultAuth, VaultSettings};

use crate::authority::{Authority, Issued};
use crate::bao::Bao;
use crate::setting::{World, entry, settings, variables};

/// An OpenBao with a TLS listener, and a role `rotator` for clients of that name.
struct Secure {
    world: World,
    authority: Authority,
    address: String,
    _folder: TempDir,
}

impl Secure {
    async fn start() -> Secure {
        Secure::with("").await
    }

    /// With more about the listener.
    async fn with(more: &str) -> Secure {
        tokenferry_leaks::record_events();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let server = authority.server();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listener = format!(
            "listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n tls_cert_file = {:?}\n tls_key_file = {:?}\n {more}\n \
             tls_client_ca_file = {:?}\n}}\n",
            server.cert_file, server.key_file, authority.ca_file
        );
        let bao = Bao::start_with(&listener).await;
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let world = World { bao, sandbox, variables: Arc::new(variables()), clock: Arc::default() };
        let secure =
            Secure { world, authority, address: format!("https://127.0.0.1:{port}"), _folder: folder };
        secure.enable().await;
        secure
    }

    async fn enable(&self) {
        let bao = &self.world.bao;
        let policy = r#"path "secret/*" { capabilities = ["create", "read", "update"] }"#;
        bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": policy })).await;
        bao.root("POST", "sys/auth/cert", json!({ "type": "cert" })).await;
        let ca = fs::read_to_string(&self.authority.ca_file).unwrap();
        for (role, name, policies) in [("rotator", "rotator", "tests"), ("others", "*", "default")] {
            let body = json!({
                "certificate": ca, "allowed_common_names": name, "token_policies": policies, "token_ttl": "90s",
            });
            bao.root("POST", &format!("auth/cert/certs/{role}"), body).await;
        }
    }

    fn vault(&self, issued: &Issued, name: Option<&str>) -> Arc<Vault> {
        let Issued { cert_file, key_file } = issued.clone();
        let mount = DEFAULT_CERT_MOUNT.to_owned();
        let auth = VaultAuth::Cert { mount, name: name.map(str::to_owned), cert_file, key_file };
        let ca_cert_file = Some(self.authority.ca_file.clone());
        self.world.vault_with(VaultSettings { auth, ca_cert_file, ..settings(&self.address) })
    }
}

#[tokio::test]
async fn one_login_serves_all_operations_and_is_renewed_with_the_same_certificate() {
    let secure = Secure::start().await;
    let vault = secure.vault(&secure.authority.client("rotator"), Some("rotator"));
    let before = secure.world.bao.tokens().await;
    for _ in 0..5 {
        vault.read_entry(&entry("home")).await.unwrap();
    }
    secure.world.clock.forward(60);
    assert!(vault.care().await.unwrap().is_some());
    assert_eq!(secure.world.bao.tokens().await, before + 1, "a renewal makes no token");
    secure.world.bao.root("PUT", "sys/leases/revoke-prefix/auth/cert/login", json!({ "sync": true })).await;
    vault.read_entry(&entry("home")).await.unwrap();
    assert_eq!(secure.world.bao.tokens().await, before + 1, "one for the one that was revoked");
}

#[tokio::test]
async fn the_role_can_be_named_and_another_one_does_not_do() {
    let secure = Secure::start().await;
    let rotator = secure.authority.client("rotator");
    secure.vault(&rotator, Some("rotator")).read_entry(&entry("home")).await.unwrap();
    let error = secure.vault(&rotator, Some("others")).read_entry(&entry("home")).await.unwrap_err();
    assert_eq!(error.class(), "vault_forbidden", "the policies are those of the named role");
    let stranger = secure.vault(&secure.authority.client("stranger"), Some("rotator"));
    for _ in 0..2 {
        let error = stranger.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_login_refused");
        assert!(error.advice().contains("`name`"), "{}", error.advice());
    }
}

#[tokio::test]
async fn a_replaced_certificate_is_followed_while_the_old_login_lives() {
    let secure = Secure::start().await;
    let issued = secure.authority.client("rotator");
    let vault = secure.vault(&issued, Some("rotator"));
    vault.read_entry(&entry("home")).await.unwrap();
    let tokens = secure.world.bao.tokens().await;
    vault.care().await.unwrap();
    assert_eq!(secure.world.bao.tokens().await, tokens, "the same certificate is no reason to log in");

    secure.authority.client("rotator");
    assert!(vault.care().await.unwrap().is_some());
    assert_eq!(secure.world.bao.tokens().await, tokens + 1);
    secure.world.clock.forward(60);
    vault.care().await.unwrap();
    assert_eq!(secure.world.bao.tokens().await, tokens + 1, "renewals show the new one");
    vault.read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn half_of_a_new_pair_leaves_the_old_login_in_place_until_the_other_half_comes() {
    let secure = Secure::start().await;
    let issued = secure.authority.client("rotator");
    let vault = secure.vault(&issued, Some("rotator"));
    vault.read_entry(&entry("home")).await.unwrap();
    let tokens = secure.world.bao.tokens().await;

    let old_key = fs::read(&issued.key_file).unwrap();
    secure.authority.client("rotator");
    let new_key = fs::read(&issued.key_file).unwrap();
    fs::write(&issued.key_file, old_key).unwrap();
    for _ in 0..2 {
        vault.care().await.unwrap();
        vault.read_entry(&entry("home")).await.unwrap();
    }
    assert_eq!(secure.world.bao.tokens().await, tokens);
    fs::write(&issued.key_file, new_key).unwrap();
    vault.care().await.unwrap();
    assert_eq!(secure.world.bao.tokens().await, tokens + 1);
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_told_before_anything_is_sent() {
    let secure = Secure::start().await;
    let (rotator, other) = (secure.authority.client("rotator"), secure.authority.client("other"));
    let error = async |cert_file: &PathBuf, key_file: &PathBuf| {
        let issued = Issued { cert_file: cert_file.clone(), key_file: key_file.clone() };
        let error = secure.vault(&issued, None).read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_certificate_file");
        format!("{error}: {}", error.advice())
    };
    let said = error(&rotator.cert_file, &other.key_file).await;
    assert!(said.contains("other-key.pem: it holds the key of another certificate"), "{said}");
    let said = error(&rotator.key_file, &rotator.key_file).await;
    assert!(said.contains("rotator-key.pem: it contains no certificate"), "{said}");
    let said = error(&rotator.cert_file, &rotator.cert_file).await;
    fs::set_permissions(&rotator.cert_file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(said.contains("everybody on this machine may read it (mode 0644)"), "{said}");
    let said = error(&rotator.cert_file, &rotator.cert_file).await;
    assert!(said.contains("rotator.pem: it contains no private key"), "{said}");
    let said = error(&rotator.cert_file, &PathBuf::from("no-such-key.pem")).await;
    assert!(said.contains("no-such-key.pem: No such file"), "{said}");
    fs::set_permissions(&rotator.key_file, fs::Permissions::from_mode(0o640)).unwrap();
    secure.vault(&rotator, Some("rotator")).read_entry(&entry("home")).await.unwrap();
    fs::set_permissions(&rotator.key_file, fs::Permissions::from_mode(0o604)).unwrap();
    let said = error(&rotator.cert_file, &rotator.key_file).await;
    assert!(said.contains("chmod o= FILE") && said.contains("defaultMode"), "{said}");
}

#[tokio::test]
async fn a_listener_that_wants_a_certificate_of_everybody_gets_ours_and_turns_strangers_down() {
    let secure = Secure::with("tls_require_and_verify_client_cert = true").await;
    let vault = secure.vault(&secure.authority.client("rotator"), Some("rotator"));
    vault.read_entry(&entry("home")).await.unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = secure.vault(&Authority::new(elsewhere.path()).client("rotator"), None);
    let token =
        VaultSettings { ca_cert_file: Some(secure.authority.ca_file.clone()), ..settings(&secure.address) };
    for vault in [stranger, secure.world.vault_with(token)] {
        let error = vault.read_entry(&entry("home")).await.unwrap_err();
        assert_eq!(error.class(), "vault_certificate_refused", "{error}");
        assert!(error.advice().contains("auth \"cert\""), "{}", error.advice());
    }
}
