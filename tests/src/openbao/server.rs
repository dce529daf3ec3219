//! The server: started, sealed, killed, restarted.

use std::fs;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::api::Api;
use crate::binaries;
use crate::process::Process;

/// Longer than a start or an unsealing takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often to look whether something has come about.
const INTERVAL: Duration = Duration::from_millis(20);

/// How often to try another port when somebody was quicker.
const ATTEMPTS: usize = 5;

/// A running server; its calls are those of the root token. It dies with this value, and its files with it.
#[derive(Debug)]
pub struct OpenBao {
    /// The process, for signals: stopped with SIGSTOP, a server takes connections and does not answer.
    pub process: Process,
    root: Api,
    arguments: Vec<String>,
    unseal_key: String,
    directory: TempDir,
}

impl OpenBao {
    /// One that keeps everything in memory and is ready at once, with KV version 2 at `secret`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn in_memory() -> Self {
        Self::in_memory_with("").await
    }

    /// The same with more in its configuration.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn in_memory_with(more: &str) -> Self {
        let directory = temporary_directory();
        fs::write(directory.path().join("server.hcl"), format!("{COMMON}{more}")).unwrap();
        for _ in 0..ATTEMPTS {
            let [port, _] = free_ports();
            let address = format!("127.0.0.1:{port}");
            let root = Api::new(address.clone(), format!("planted-root-token-{port}"));
            let arguments = vec![
                "-dev".to_owned(),
                "-dev-no-store-token".to_owned(),
                format!("-dev-listen-address={address}"),
                format!("-dev-root-token-id={}", root.token()),
            ];
            let Ok(process) = launch(&arguments, directory.path(), &root).await else { continue };
            let line = process.stdout.line_that(PATIENCE, |line| line.starts_with("Unseal Key: ")).await;
            let unseal_key = line.unwrap().trim_start_matches("Unseal Key: ").to_owned();
            let server = Self { process, root, arguments, unseal_key, directory };
            server.until_ready().await;
            server.kv_ready("secret").await;
            return server;
        }
        panic!("OpenBao does not start");
    }

    /// One that keeps everything on disk and outlives its own death. It takes a second longer to start.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn raft() -> Self {
        for _ in 0..ATTEMPTS {
            let directory = temporary_directory();
            let [port, cluster] = free_ports();
            fs::create_dir(directory.path().join("data")).unwrap();
            fs::write(directory.path().join("server.hcl"), raft(directory.path(), port, cluster)).unwrap();
            let root = Api::new(format!("127.0.0.1:{port}"), "");
            let Ok(process) = launch(&[], directory.path(), &root).await else { continue };
            let shares = json!({"secret_shares": 1, "secret_threshold": 1});
            let keys = root.call("PUT", "sys/init", Some(&shares)).await;
            let unseal_key = keys["keys_base64"][0].as_str().unwrap().to_owned();
            let root = root.with_token(keys["root_token"].as_str().unwrap());
            let server = Self { process, root, arguments: Vec::new(), unseal_key, directory };
            server.unseal().await;
            return server;
        }
        panic!("OpenBao does not start");
    }

    /// Makes it answer 503 to everything that needs its keys.
    pub async fn seal(&self) {
        self.call("PUT", "sys/seal", None).await;
    }

    /// Gives it its keys again, and waits until it takes writes.
    pub async fn unseal(&self) {
        self.call("PUT", "sys/unseal", Some(&json!({"key": self.unseal_key}))).await;
        self.until_ready().await;
    }

    /// Ends it without giving it time to do anything about it.
    pub async fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.exit(PATIENCE).await;
    }

    /// Starts it again at the same address after [`OpenBao::kill`]. One on disk is sealed then, one in memory is
    /// empty.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(&mut self) {
        for _ in 0..ATTEMPTS {
            if let Ok(process) = launch(&self.arguments, self.directory.path(), &self.root).await {
                self.process = process;
                return;
            }
            // Somebody else may hold the port for a moment, for a connection of its own.
            sleep(Duration::from_millis(200)).await;
        }
        panic!("OpenBao does not start again:\n{}", self.output());
    }

    /// Everything that it printed since it was last started.
    pub fn output(&self) -> String {
        format!("{}{}", self.process.stdout.text(), self.process.stderr.text())
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// After an unsealing a server on disk stands by for a moment and refuses writes.
    async fn until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while health(&self.root).await != Some(200) {
            assert!(Instant::now() < deadline, "not ready after {PATIENCE:?}:\n{}", self.output());
            sleep(INTERVAL).await;
        }
    }
}

impl Deref for OpenBao {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.root
    }
}

/// Starts the program and waits until it answers. An error is what it said before it gave up.
async fn launch(arguments: &[String], directory: &Path, api: &Api) -> Result<Process, String> {
    let mut command = Command::new(binaries::openbao());
    command.args(["server", "-config=server.hcl"]).args(arguments);
    command.current_dir(directory).env_clear().env("HOME", directory);
    let mut process = Process::spawn(&mut command);
    let deadline = Instant::now() + PATIENCE;
    while process.is_running() {
        if health(api).await.is_some() {
            return Ok(process);
        }
        assert!(Instant::now() < deadline, "no answer after {PATIENCE:?}:\n{}", process.stderr.text());
        sleep(INTERVAL).await;
    }
    Err(format!("{}{}", process.stdout.text(), process.stderr.text()))
}

/// The status of its health: 200 ready, 429 standing by, 501 not initialised, 503 sealed.
async fn health(api: &Api) -> Option<u16> {
    api.request("GET", "sys/health", None).await.ok().map(|answer| answer.status)
}

fn temporary_directory() -> TempDir {
    tempfile::Builder::new().prefix("openbao").tempdir().unwrap()
}

/// Two ports that were free a moment ago.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Audit devices are made by tests, over the API. Vault ignores what it does not know.
const COMMON: &str =
    "disable_clustering = true\ndisable_mlock = true\nunsafe_allow_api_audit_creation = true\n";

/// The multiplier makes the first election of the only node take one second in place of eight.
fn raft(directory: &Path, port: u16, cluster: u16) -> String {
    let data = directory.join("data").display().to_string();
    format!(
        r#"api_addr = "http://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster}"
disable_mlock = true
unsafe_allow_api_audit_creation = true
storage "raft" {{
  path = {data:?}
  node_id = "only"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
"#
    )
}
