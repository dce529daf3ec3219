//! The rotator logs in at OpenBao by each of its methods.

use std::fs;
use std::net::TcpListener;

use serde_json::json;
use tempfile::TempDir;
use tokenferry_tests::authority::{Authority, Issued};
use tokenferry_tests::openbao::OpenBao;
use tokenferry_tests::token_review::TokenReview;

use crate::site::{MOUNT, Site, rotation, until, warnings};

/// A site whose OpenBao knows all methods, each for the policy `rotator`.
struct Methods {
    site: Site,
    kubernetes: TokenReview,
    authority: Authority,
    secure: String,
    _folder: TempDir,
}

impl Methods {
    /// Their tokens live so long, and are of this type.
    async fn start(test: &str, token_ttl: &str, token_type: &str) -> Methods {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listener = authority.listener(port, "");
        let site = Site::on(OpenBao::in_memory_with(&listener).await, test, 600).await;
        let kubernetes = TokenReview::start().await;
        let secure = format!("https://127.0.0.1:{port}");
        let methods = Methods { site, kubernetes, authority, secure, _folder: folder };
        methods.enable(token_ttl, token_type).await;
        methods
    }

    async fn enable(&self, token_ttl: &str, token_type: &str) {
        let ca = fs::read_to_string(&self.authority.ca_file).unwrap();
        let openbao = &self.site.openbao;
        let with = |mut settings: serde_json::Value| {
            settings["token_policies"] = json!("rotator");
            settings["token_ttl"] = json!(token_ttl);
            settings["token_type"] = json!(token_type);
            settings
        };
        for method in ["cert", "kubernetes", "userpass"] {
            openbao.enable_auth(method).await;
        }
        let user = with(json!({ "password": PASSWORD }));
        openbao.write("auth/userpass/users/rotator", &user).await;
        let cert = with(json!({ "certificate": ca, "allowed_common_names": "rotator" }));
        openbao.write("auth/cert/certs/rotator", &cert).await;
        let cluster = json!({
            "kubernetes_host": self.kubernetes.url, "kubernetes_ca_cert": ca, "disable_local_ca_jwt": true,
        });
        openbao.write("auth/kubernetes/config", &cluster).await;
        let account = with(json!({
            "bound_service_account_names": "rotator", "bound_service_account_namespaces": "tokens",
            "audience": "vault",
        }));
        openbao.write("auth/kubernetes/role/rotator", &account).await;
    }

    /// Has the rotator log in so.
    fn log_in(&mut self, auth: &str) {
        let auth = auth.to_owned();
        self.site.configure(|config| config.vault = auth);
    }

    /// Has the rotator log in with this certificate, which takes TLS.
    fn show(&mut self, issued: &Issued) {
        let files = [&self.authority.ca_file, &issued.cert_file, &issued.key_file];
        let [ca, cert, key] = files.map(|path| path.display());
        let auth = format!(
            "ca_cert_file = \"{ca}\"\n auth \"cert\" {{\n name = \"rotator\"\n cert_file = \"{cert}\"\n \
             key_file = \"{key}\"\n }}"
        );
        let address = self.secure.clone();
        self.site.configure(|config| {
            config.address = address;
            config.vault = auth;
        });
    }

    fn wrapped(&self) -> String {
        let role_id = &self.site.role.role_id;
        format!(
            "auth \"approle\" {{\n role_id = \"{role_id}\"\n secret_id = {{ file = \"wrapped\", wrapped = true }}\n }}"
        )
    }
}

#[tokio::test]
async fn by_every_method_one_login_serves_many_writes() {
    let mut methods = Methods::start("every-method", "20m", "service").await;
    methods.site.configure(|config| config.more = MORE.map(rotation).concat());
    methods.site.rotator.write_secret("password-of-vault", PASSWORD);
    methods.site.rotator.write_secret("account", &methods.kubernetes.issue(1));
    let token = methods.site.openbao.wrap_secret_id("rotator").await;
    methods.site.rotator.write_secret("wrapped", &token);
    let wrapped = methods.wrapped();
    for (auth, path) in [
        (wrapped.as_str(), "auth/approle/login"),
        (USERPASS, "auth/userpass/login/rotator"),
        (KUBERNETES, "auth/kubernetes/login"),
    ] {
        methods.log_in(auth);
        many_writes(&methods.site, path).await;
    }
    let issued = methods.authority.client("rotator");
    methods.show(&issued);
    many_writes(&methods.site, "auth/cert/login").await;
    assert_eq!(methods.site.openbao.count("update", "sys/wrapping/unwrap"), 1);
}

/// Rotates all, and twice as many times as there are rotations.
async fn many_writes(site: &Site, path: &str) {
    let (logins, writes) = (site.openbao.count("update", path), written(site).await);
    let rotated = site.rotator.run(&["once", "--force"]).await.ok();
    assert!(rotated.stdout.contains("rotated"), "{}", rotated.stdout);
    assert_eq!(site.openbao.count("update", path), logins + 1, "{path}");
    assert_eq!(written(site).await, writes + 1 + MORE.len() as u64);
}

async fn written(site: &Site) -> u64 {
    let mut versions = 0;
    for name in ["notes"].into_iter().chain(MORE) {
        let entry = site.openbao.entry(MOUNT, &format!("tokens/{name}")).await;
        versions += entry.map_or(0, |entry| entry.version);
    }
    versions
}

#[tokio::test]
async fn after_a_restart_a_used_up_wrapping_token_is_told_and_a_new_one_serves() {
    let mut methods = Methods::start("wrapped-restart", "20m", "service").await;
    let auth = methods.wrapped();
    methods.log_in(&auth);
    let site = &methods.site;
    let first = site.openbao.wrap_secret_id("rotator").await;
    site.rotator.write_secret("wrapped", &first);
    let tried = site.rotator.run(&["once", "--dry-run"]).await.failed_with(2);
    assert!(tried.words().contains("would use up the wrapping token"), "{}", tried.stderr);
    assert_eq!(site.openbao.count("update", "sys/wrapping/unwrap"), 0);
    site.rotator.run(&["once"]).await.ok();

    let refused = site.rotator.run(&["once", "--force"]).await;
    let said = refused.words();
    assert!(
        said.contains("unwrapping the secret_id for auth/approle: the wrapping token is used up"),
        "{said}"
    );
    assert!(said.contains("somebody else may have unwrapped it"), "{said}");
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (1, 1));

    let second = site.openbao.wrap_secret_id("rotator").await;
    site.rotator.write_secret("wrapped", &second);
    site.rotator.run(&["once", "--force"]).await.ok();
    assert_eq!(site.entry().await.unwrap().version, 2);
}

#[tokio::test]
async fn who_only_looks_leaves_the_wrapping_token_to_the_rotator() {
    let mut methods = Methods::start("wrapped-looks", "20m", "service").await;
    let auth = methods.wrapped();
    methods.log_in(&auth);
    let site = &mut methods.site;
    let kept = "source \"zettelstore\" \"kept\" {\n base_url = \"https://kept.example/\"\n username = \"anna\"\n password = \
                { vault = { mount = \"secret\", path = \"kept\", field = \"password\" } }\n}\n";
    site.configure(|config| {
        config.more = format!("{kept}{}", rotation("kept").replace("zettelstore.notes", "zettelstore.kept"));
    });
    let token = site.openbao.wrap_secret_id("rotator").await;
    site.rotator.write_secret("wrapped", &token);
    for (command, code) in [
        (&["validate"][..], 2),
        (&["next"], 0),
        (&["explain", "notes"], 0),
        (&["status"], 4),
        (&["doctor"], 4),
        (&["policy"], 0),
    ] {
        let said = site.rotator.run(command).await.failed_with(code).words();
        assert!(said.contains("would use up the wrapping token"), "{command:?}: {said}");
    }
    let noted = site.rotator.run(&["validate", "--output", "json"]).await.failed_with(2).json();
    let noted = noted[0]["notes"].to_string();
    assert!(noted.contains("would use up the wrapping token"), "{noted}");
    assert_eq!(site.openbao.count("update", "sys/wrapping/unwrap"), 0);
    site.rotator.run(&["once", "notes"]).await.ok();
    assert_eq!(site.openbao.count("update", "sys/wrapping/unwrap"), 1);
}

#[tokio::test]
async fn a_replaced_certificate_is_used_without_a_restart() {
    let mut methods = Methods::start("replaced-certificate", "9s", "service").await;
    let issued = methods.authority.client("rotator");
    methods.show(&issued);
    let daemon = methods.site.rotator.start();
    daemon.says("rotated").await;
    assert_eq!(methods.site.openbao.count("update", "auth/cert/login"), 1);
    methods.authority.client("rotator");
    daemon.says("logged in to Vault with a new TLS certificate").await;
    assert_eq!(methods.site.openbao.count("update", "auth/cert/login"), 2);
    assert_eq!(warnings(&daemon), 0);
}

#[tokio::test]
async fn a_projected_token_that_kubernetes_renewed_is_read_for_the_next_login() {
    let mut methods = Methods::start("projected-token", "9s", "batch").await;
    methods.log_in(KUBERNETES);
    methods.site.rotator.write_secret("account", &methods.kubernetes.issue(1));
    let daemon = methods.site.rotator.start();
    daemon.says("rotated").await;
    methods.site.rotator.write_secret("account", &methods.kubernetes.issue(2));
    let logins = || methods.site.openbao.count("update", "auth/kubernetes/login");
    until("the second login", || logins() >= 2).await;
    let refused = methods
        .site
        .openbao
        .audited()
        .into_iter()
        .find(|asked| asked.path.contains("login") && asked.error.is_some());
    assert_eq!(refused, None);
    assert_eq!(warnings(&daemon), 0);
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_the_right_one_at_once() {
    let mut methods = Methods::start("wrong-password", "20m", "service").await;
    methods.log_in(USERPASS);
    methods.site.rotator.write_secret("password-of-vault", "planted-wrong-password");
    let daemon = methods.site.rotator.start();
    let refused = daemon.event(|event| event.field("next_try_in_secs").as_u64() == Some(4)).await;
    assert_eq!(refused.text("class"), "vault_login_refused");
    let advice = refused.text("advice");
    assert!(advice.contains("`username`, `password`") && advice.contains("locked"), "{advice}");
    let logins = || methods.site.openbao.count("update", "auth/userpass/login/rotator");
    assert_eq!((logins(), methods.site.logins()), (1, 0));
    methods.site.rotator.write_secret("password-of-vault", PASSWORD);
    methods.site.version(1).await;
    assert_eq!(logins(), 2);
}

const MORE: [&str; 5] = ["two", "three", "four", "five", "six"];
const PASSWORD: &str = "planted-password-of-vault";
const KUBERNETES: &str = "auth \"kubernetes\" {\n role = \"rotator\"\n jwt = { file = \"account\" }\n }";
const USERPASS: &str =
    "auth \"userpass\" {\n username = \"rotator\"\n password = { file = \"password-of-vault\" }\n }";
