//! Starting the provider as Terraform does: cookie, versions and certificate in an otherwise empty
//! environment, and one line of text to read before anything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::process::Command;

use crate::binaries;
use crate::connection::Connection;
use crate::plugin::Plugin;
use crate::process::Process;
use crate::tls::Identity;

/// What a host puts into `TF_PLUGIN_MAGIC_COOKIE`.
pub const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

const PATIENCE: Duration = Duration::from_secs(20);

/// How a provider process is to be started.
#[derive(Debug)]
pub struct Launch {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    identity: Option<Identity>,
    directory: TempDir,
}

impl Launch {
    /// As Terraform does it when it is asked for everything that can be logged.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("tf").tempdir().unwrap();
        let identity = Identity::new();
        let launch = Self { environment: BTreeMap::new(), arguments: Vec::new(), identity: None, directory };
        let temporary = launch.directory.path().display().to_string();
        let mut launch = launch
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_MIN_PORT", "10000")
            .env("PLUGIN_MAX_PORT", "25000")
            .env("PLUGIN_CLIENT_CERT", identity.pem())
            .env("TF_LOG", "TRACE")
            .env("TMPDIR", temporary);
        launch.identity = Some(identity);
        launch
    }

    /// As somebody who looks for an error with a debugger does it: by hand, for reattaching.
    pub fn by_hand() -> Self {
        let mut launch = Self::new().plaintext().without("TF_PLUGIN_MAGIC_COOKIE");
        launch.arguments.push("--debug".to_owned());
        launch
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Asks for a connection without TLS.
    pub fn plaintext(mut self) -> Self {
        self.identity = None;
        self.without("PLUGIN_CLIENT_CERT")
    }

    /// The directory that the provider takes for the system's temporary one.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command as it would be run.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binaries::provider());
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(self.directory());
        command
    }

    /// The same through a shell that stays its parent and writes its process id to `note`.
    pub fn command_with_parent(&self, note: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#""$0" & echo $! > "$1"; wait"#])
            .arg(binaries::provider())
            .arg(note)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.directory());
        command
    }

    /// Starts the process and nothing else.
    pub fn spawn(&self) -> Process {
        Process::spawn_logged(&mut self.command(), "provider")
    }

    /// Starts the process, reads its line and connects.
    pub async fn start(self) -> Plugin {
        let process = self.spawn();
        self.attach(process).await
    }

    /// Reads the line of a process that was started from this, and connects.
    ///
    /// # Panics
    ///
    /// If there is no line, or it is not what the protocol asks for.
    pub async fn attach(self, process: Process) -> Plugin {
        let Some(line) = process.stdout.first_line(PATIENCE).await else {
            panic!("no handshake line; standard error:\n{}", process.stderr.text());
        };
        let handshake = Handshake::parse(&line);
        let connection = Connection::open(&handshake, self.identity.as_ref()).await.unwrap();
        Plugin { process, handshake, connection, identity: self.identity, directory: self.directory }
    }
}

impl Default for Launch {
    fn default() -> Self {
        Self::new()
    }
}

/// The line that a provider prints when it is ready.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The line, without its end.
    pub line: String,
    /// Field 2.
    pub protocol: String,
    /// Fields 3 and 4.
    pub address: Address,
    /// Field 6, if it is not empty.
    pub certificate: Option<CertificateDer<'static>>,
}

/// Where a provider listens.
#[derive(Clone, Debug)]
pub enum Address {
    /// A TCP address.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Handshake {
    /// Reads the line.
    ///
    /// # Panics
    ///
    /// If a host would refuse it.
    pub fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('|').collect();
        let ["1", protocol, network, address, "grpc", certificate] = fields[..] else {
            panic!("not a handshake line: {line}");
        };
        let address = match network {
            "tcp" => Address::Tcp(address.to_owned()),
            "unix" => Address::Unix(PathBuf::from(address)),
            other => panic!("network `{other}` in {line}"),
        };
        let certificate = (!certificate.is_empty()).then(|| {
            CertificateDer::from(STANDARD_NO_PAD.decode(certificate).expect("field 6 is unpadded base64"))
        });
        Self { line: line.to_owned(), protocol: protocol.to_owned(), address, certificate }
    }

    /// The path of the socket.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn socket(&self) -> &Path {
        match &self.address {
            Address::Unix(path) => path,
            Address::Tcp(address) => panic!("listens on {address}, not on a socket"),
        }
    }
}

/// A provider that was started by hand, and the variable that it printed.
#[derive(Debug)]
pub struct Reattachable {
    /// The process.
    pub process: Process,
    /// The value of `TF_REATTACH_PROVIDERS`, as a shell would read it.
    pub variable: String,
    /// How it was started.
    pub launch: Launch,
}

impl Reattachable {
    /// Starts one and waits for the variable.
    ///
    /// # Panics
    ///
    /// If it prints none.
    pub async fn start(launch: Launch) -> Self {
        let process = launch.spawn();
        let names_it = |line: &str| line.contains("TF_REATTACH_PROVIDERS=");
        let Some(line) = process.stdout.line_that(PATIENCE, names_it).await else {
            panic!("no variable; standard error:\n{}", process.stderr.text());
        };
        let (_, quoted) = line.split_once("TF_REATTACH_PROVIDERS=").unwrap();
        let variable = quoted.trim().trim_matches('\'').to_owned();
        Self { process, variable, launch }
    }

    /// The one provider in the variable: its address, and how to reach it.
    ///
    /// # Panics
    ///
    /// If there is not exactly one.
    pub fn only_entry(&self) -> (String, serde_json::Value) {
        let entries: BTreeMap<String, serde_json::Value> = serde_json::from_str(&self.variable).unwrap();
        assert_eq!(entries.len(), 1, "{}", self.variable);
        entries.into_iter().next().unwrap()
    }

    /// The same as if it stood in a handshake line.
    pub fn handshake(&self) -> Handshake {
        let (_, entry) = self.only_entry();
        let field = |name: &str| entry["Addr"][name].as_str().unwrap_or_default().to_owned();
        Handshake::parse(&format!("1|6|{}|{}|grpc|", field("Network"), field("String")))
    }

    /// Connects once more.
    pub async fn connect(&self) -> Connection {
        Connection::open(&self.handshake(), None).await.unwrap()
    }
}
