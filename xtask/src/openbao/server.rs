//! OpenBao servers of our own, with KV version 2 at `secret`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::mem::ManuallyDrop;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde_json::json;

use super::api::Api;
use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::mirror;
use crate::process;

/// Longer than a start takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. It is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    api: Api,
    log: PathBuf,
}

impl Server {
    /// One that keeps everything in memory.
    pub(crate) fn in_memory(program: &OsStr, folder: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let listen = format!("-dev-listen-address={address}");
        let mut server =
            Self::launch(program, folder, IN_MEMORY, &["-dev", "-dev-no-store-token", &listen], address)?;
        server.wait_for("sys/health", &[200])?;
        server.api.token = server.wait_until("root token", Self::root_token)?;
        server.wait_for("secret/config", &[200])?;
        Ok(server)
    }

    /// One node that keeps everything on disk.
    pub(crate) fn raft(program: &OsStr, folder: &Path) -> Result<Self> {
        mirror::make_folder(&folder.join("data"))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = raft(folder, &address, free_port()?);
        let mut server = Self::launch(program, folder, &config, &[], address)?;
        server.wait_for("sys/health", &[501])?;
        server.initialise()?;
        server.wait_for("sys/health", &[200])?;
        let kv = json!({"type": "kv", "options": {"version": "2"}});
        server.api.call("POST", "sys/mounts/secret", Some(&kv))?;
        server.wait_for("secret/config", &[200])?;
        Ok(server)
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn process(&self) -> Pid {
        process::pid(&self.child)
    }

    /// Lets it run on without us, and returns its process id.
    pub(crate) fn leave_running(self) -> u32 {
        ManuallyDrop::new(self).child.id()
    }

    fn launch(
        program: &OsStr,
        folder: &Path,
        config: &str,
        arguments: &[&str],
        address: String,
    ) -> Result<Self> {
        mirror::make_folder(folder)?;
        let config = mirror::write(&folder.join("server.hcl"), config)?;
        let log = folder.join("openbao.log");
        let output = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let errors = output.try_clone().attempt(|| "share a log file".into())?;
        let mut command = Command::new(program);
        command.arg("server").arg("-config").arg(config).args(arguments).env_clear().env("HOME", folder);
        let child = process::start(command.stdin(Stdio::null()).stdout(output).stderr(errors))?;
        Ok(Self { child, api: Api { address, token: String::new() }, log })
    }

    /// In development mode it makes one, and says so once.
    fn root_token(&self) -> Option<String> {
        let said = fs::read_to_string(&self.log).ok()?;
        let (_, rest) = said.split_once("Root Token: ")?;
        rest.split_once('\n').map(|(token, _)| token.trim().to_owned())
    }

    fn initialise(&mut self) -> Result {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let keys = self.api.call("PUT", "sys/init", Some(&shares))?;
        let text = |pointer| keys.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default();
        text("/root_token").clone_into(&mut self.api.token);
        self.api.call("PUT", "sys/unseal", Some(&json!({"key": text("/keys_base64/0")}))).map(drop)
    }

    /// Waits for one of these answers: a server comes up, is unsealed and makes its mount ready in steps.
    fn wait_for(&mut self, path: &str, wanted: &[u16]) -> Result {
        let answers = |server: &Self| server.api.status(path).filter(|status| wanted.contains(status));
        self.wait_until(path, answers).map(drop)
    }

    fn wait_until<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            interrupt::check()?;
            thread::sleep(Duration::from_millis(20));
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        Err(Error::unexpected(format!("OpenBao does not get ready ({what})\n{said}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::stop(&mut self.child, Duration::ZERO);
    }
}

/// Or it would listen on the next port, too.
const IN_MEMORY: &str = "disable_clustering = true\n";

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openbao::OpenBao;
    use crate::terminal::Terminal;

    #[test]
    fn servers_of_both_kinds_take_writes_as_soon_as_they_are_there() {
        let openbao = OpenBao::get(&Terminal::stderr()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let memory = Server::in_memory(openbao.program(), &folder.path().join("memory")).unwrap();
        let raft = Server::raft(openbao.program(), &folder.path().join("raft")).unwrap();
        for server in [memory, raft] {
            assert_eq!(server.api().version("entry"), 0);
            server.api().call("POST", "secret/data/entry", Some(&json!({"data": {"a": "b"}}))).unwrap();
            assert_eq!(server.api().version("entry"), 1);
        }
    }
}
