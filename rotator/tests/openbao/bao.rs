//! One OpenBao in development mode: in memory, unsealed, with a KV v2 engine at `secret`.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ROOT: &str = "root-of-tests";

pub(crate) struct Bao {
    child: Child,
    home: TempDir,
    http: reqwest::Client,
    pub(crate) address: String,
}

impl Bao {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start() -> Bao {
        Bao::start_as("http", "-dev", "").await
    }

    /// As [`Bao::start`], with TLS. Only its address and CA file are of use.
    pub(crate) async fn start_tls() -> Bao {
        Bao::start_as("https", "-dev-tls", "").await
    }

    /// As [`Bao::start`], with more in its configuration.
    pub(crate) async fn start_with(config: &str) -> Bao {
        Bao::start_as("http", "-dev", config).await
    }

    /// Somebody else may take the port in the moment before OpenBao does.
    async fn start_as(scheme: &str, mode: &str, config: &str) -> Bao {
        for _ in 0..5 {
            let bao = Bao::launch(scheme, mode, config);
            if bao.has_started().await {
                return bao;
            }
        }
        panic!("OpenBao does not start");
    }

    fn launch(scheme: &str, mode: &str, more: &str) -> Bao {
        let home = tempfile::tempdir().unwrap();
        // Without this it listens on the next port, too.
        let config = home.path().join("server.hcl");
        std::fs::write(&config, format!("disable_clustering = true\n{more}")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program());
        command.args(["server", mode, "-dev-no-store-token"]);
        if mode == "-dev-tls" {
            command.arg(format!("-dev-tls-cert-dir={}", home.path().display()));
        }
        let child = command
            .arg(format!("-config={}", config.display()))
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .env_clear()
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(File::create(home.path().join("log")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Bao { child, home, http: http(), address: format!("{scheme}://127.0.0.1:{port}") }
    }

    /// The CA certificate of one with TLS.
    pub(crate) fn ca_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.home.path()).unwrap().map(|file| file.unwrap().path());
        files
            .into_iter()
            .find(|path| path.ends_with("vault-ca.pem") || path.ends_with("openbao-ca.pem"))
            .unwrap()
    }

    /// The key that unseals it.
    pub(crate) fn unseal_key(&self) -> String {
        let log = self.log();
        let (_, rest) = log.split_once("Unseal Key: ").unwrap();
        rest.lines().next().unwrap().trim().to_owned()
    }

    /// A request as root, which must succeed.
    pub(crate) async fn root(&self, method: &str, path: &str, body: Value) -> Value {
        self.root_in("", method, path, body).await
    }

    /// As [`Bao::root`], in a namespace.
    pub(crate) async fn root_in(&self, namespace: &str, method: &str, path: &str, body: Value) -> Value {
        let headers = [("X-Vault-Namespace", namespace)];
        self.root_with(&headers, method, path, body).await
    }

    /// A request as root whose answer is wrapped.
    pub(crate) async fn wrapped(&self, path: &str, body: Value) -> Value {
        self.root_with(&[("X-Vault-Wrap-TTL", "120s")], "POST", path, body).await
    }

    /// How many tokens there are that can be looked up.
    pub(crate) async fn tokens(&self) -> usize {
        let answer = self.root("LIST", "auth/token/accessors", Value::Null).await;
        answer["data"]["keys"].as_array().unwrap().len()
    }

    async fn root_with(&self, headers: &[(&str, &str)], method: &str, path: &str, body: Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}/v1/{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request = request.header("X-Vault-Token", ROOT);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        for place in ["/auth/client_token", "/data/secret_id", "/wrap_info/token"] {
            let secret = answer.pointer(place).and_then(Value::as_str).unwrap_or_default();
            tokenferry_leaks::note_secret("secret of OpenBao", secret).unwrap();
        }
        answer
    }

    /// The fields of an entry at `secret/PATH`, and its metadata.
    pub(crate) async fn entry(&self, path: &str) -> (Value, Value) {
        let answer = self.root("GET", &format!("secret/data/{path}"), Value::Null).await;
        (answer["data"]["data"].clone(), answer["data"]["metadata"].clone())
    }

    /// Everybody's notes beside it.
    pub(crate) async fn notes(&self, path: &str) -> Value {
        let answer = self.root("GET", &format!("secret/metadata/{path}"), Value::Null).await;
        answer["data"]["custom_metadata"].clone()
    }

    async fn has_started(&self) -> bool {
        for _ in 0..1500 {
            let log = self.log();
            if log.contains("Development mode should NOT be used") {
                return true;
            }
            if log.contains("address already in use") {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("OpenBao did not start: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn http() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

fn program() -> PathBuf {
    let downloaded = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bao");
    let program = std::env::var_os("TOKENFERRY_BAO").map_or_else(downloaded, PathBuf::from);
    assert!(
        program.is_file(),
        "{} is missing: run `cargo xtask test`, which fetches OpenBao, or set TOKENFERRY_BAO",
        program.display()
    );
    program
}
