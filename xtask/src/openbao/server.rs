//! OpenBao servers of our own, with KV version 2 at `secret`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde_json::json;

use super::api::Api;
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::process;

/// Longer than a start takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    api: Api,
}

impl Server {
    /// One that keeps everything in memory.
    pub(crate) fn in_memory(program: &OsStr, folder: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let api = Api { address, token: "bench-root-token".into() };
        let arguments = [
            "-dev".to_owned(),
            "-dev-no-store-token".to_owned(),
            format!("-dev-listen-address={}", api.address),
            format!("-dev-root-token-id={}", api.token),
        ];
        let server = Self::launch(program, folder, &arguments, api)?;
        server.wait_for("sys/health", &[200], folder)?;
        server.wait_for("secret/config", &[200], folder)?;
        Ok(server)
    }

    /// One node that keeps everything on disk.
    pub(crate) fn raft(program: &OsStr, folder: &Path) -> Result<Self> {
        mirror::make_folder(&folder.join("data"))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = mirror::write(&folder.join("server.hcl"), &raft(folder, &address, free_port()?))?;
        let api = Api { address, token: String::new() };
        let mut server = Self::launch(program, folder, &[format!("-config={}", config.display())], api)?;
        server.wait_for("sys/health", &[501], folder)?;
        server.initialise()?;
        server.wait_for("sys/health", &[200], folder)?;
        let kv = json!({"type": "kv", "options": {"version": "2"}});
        server.api.call("POST", "sys/mounts/secret", Some(&kv))?;
        server.wait_for("secret/config", &[200], folder)?;
        Ok(server)
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn process(&self) -> Pid {
        process::pid(&self.child)
    }

    fn launch(program: &OsStr, folder: &Path, arguments: &[String], api: Api) -> Result<Self> {
        mirror::make_folder(folder)?;
        let log = folder.join(LOG);
        let log = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let errors = log.try_clone().attempt(|| "share a log file".into())?;
        let mut command = Command::new(program);
        command.arg("server").args(arguments).env_clear().env("HOME", folder);
        let child = process::start(command.stdin(Stdio::null()).stdout(log).stderr(errors))?;
        Ok(Self { child, api })
    }

    fn initialise(&mut self) -> Result {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let keys = self.api.call("PUT", "sys/init", Some(&shares))?;
        let text = |pointer| keys.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default();
        text("/root_token").clone_into(&mut self.api.token);
        self.api.call("PUT", "sys/unseal", Some(&json!({"key": text("/keys_base64/0")}))).map(drop)
    }

    /// Waits for one of these answers: a server comes up, is unsealed and makes its mount ready in steps.
    fn wait_for(&self, path: &str, wanted: &[u16], folder: &Path) -> Result {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.api.status(path).is_some_and(|status| wanted.contains(&status)) {
                return Ok(());
            }
            crate::interrupt::check()?;
            thread::sleep(Duration::from_millis(20));
        }
        let said = fs::read_to_string(folder.join(LOG)).unwrap_or_default();
        Err(Error::unexpected(format!("OpenBao does not get ready ({path})\n{said}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::stop(&mut self.child, Duration::ZERO);
    }
}

const LOG: &str = "openbao.log";

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).attempt(|| "find a free port".into())
}

/// The multiplier makes the only node elect itself in one second in place of eight.
fn raft(folder: &Path, address: &str, cluster: u16) -> String {
    let data = folder.join("data").display().to_string();
    format!(
        r#"api_addr = "http://{address}"
cluster_addr = "https://127.0.0.1:{cluster}"
disable_mlock = true
storage "raft" {{
  path = {data:?}
  node_id = "only"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = {address:?}
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
"#
    )
}
