//! The server: started, crashed, stopped, restarted.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokenferry_leaks::note_secret;
use tokio::time::sleep;

use super::database::{Access, Database};
use super::folder::Folder;
use super::shared::Shared;
use crate::process::Process;

/// Longer than a start or an end takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often to try again when somebody else holds the port.
const ATTEMPTS: usize = 5;

/// A server with one database, which is as good as any other. It ends with this value, and its files with it.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    first: Database,
    ca_file: Option<PathBuf>,
    folder: Folder,
}

impl Postgres {
    /// One that takes connections at 127.0.0.1 without TLS.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start() -> Self {
        Self::launch(|_| None).await
    }

    /// One that takes connections at 127.0.0.1 with TLS alone.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn with_tls() -> Self {
        Self::launch(|folder| Some(folder.require_tls())).await
    }

    /// A new database in a server that runs as long as any test of this program uses it.
    pub async fn shared(name: &str) -> Shared {
        Shared::new(name).await
    }

    async fn launch(adapt: impl FnOnce(&Folder) -> Option<PathBuf>) -> Self {
        let password = planted_password("administrator");
        let folder = Folder::new(ADMINISTRATOR, &password).await;
        let ca_file = adapt(&folder);
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port();
            match Server::launch(&folder, port).await {
                Ok(server) => {
                    let socket = folder.path().to_owned();
                    let access = Access { port, socket, administrator: (ADMINISTRATOR, password) };
                    let user = ("rotator", planted_password("rotator"));
                    let first = Database::first(access, user).await;
                    return Self { server: Some(server), first, ca_file, folder };
                }
                Err(output) => said = output,
            }
        }
        panic!("PostgreSQL does not start:\n{said}");
    }

    /// Ends it at once and in the middle of everything, as `pg_ctl stop -m immediate` does. The next start recovers
    /// what was committed.
    pub async fn crash(&mut self) {
        self.end(Signal::SIGQUIT).await;
    }

    /// Ends it in good order. Clients lose their connections.
    pub async fn stop(&mut self) {
        self.end(Signal::SIGINT).await;
    }

    /// Starts it again at the same port, after it was stopped if it runs.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Server::launch(&self.folder, self.first.port()).await {
                Ok(server) => {
                    self.server = Some(server);
                    return;
                }
                Err(output) => said = output,
            }
            // Somebody else may hold the port for a moment, for a connection of its own.
            sleep(Duration::from_millis(200)).await;
        }
        panic!("PostgreSQL does not start again:\n{said}");
    }

    /// The certificate that clients have to trust.
    ///
    /// # Panics
    ///
    /// If it has no TLS.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.as_deref().expect("a server with TLS")
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.folder.path()
    }

    /// The process id.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn id(&self) -> u32 {
        self.server.as_ref().expect("it runs").0.id()
    }

    /// What it logged since its last start, with everything that clients said.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn log(&self) -> String {
        self.server.as_ref().expect("it runs").0.stderr.text()
    }

    async fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            server.0.signal(signal);
            server.0.exit(PATIENCE).await;
        }
    }
}

impl Deref for Postgres {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.first
    }
}

/// A running server. Killed, it would leave shared memory behind, so it is asked to end.
#[derive(Debug)]
struct Server(Process);

impl Server {
    /// An error is what it said before it gave up.
    async fn launch(folder: &Folder, port: u16) -> Result<Self, String> {
        let mut command = folder.command("postgres");
        command.args(["-D", "data", "-p", &port.to_string()]);
        let server = Self(Process::spawn_logged(&mut command, "postgres"));
        let output = &server.0.stderr;
        match output.line_that(PATIENCE, |line| line.ends_with(READY)).await {
            Some(_) => Ok(server),
            None => Err(output.text()),
        }
    }
}

impl Drop for Server {
    /// Ends it, and waits for that: the signal takes all its processes with it. The runtime that started it may be gone.
    fn drop(&mut self) {
        if self.0.is_running() {
            self.0.signal(Signal::SIGQUIT);
            let id = Pid::from_raw(self.0.id().cast_signed());
            // The process itself collects the status.
            waitid(Id::Pid(id), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).ok();
            self.0.is_running();
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Different for each server, as nobody could know.
fn planted_password(user: &str) -> String {
    let password = format!("planted-{:016x}-{user}", RandomState::new().hash_one(user));
    note_secret("password of PostgreSQL planted by a test", &password).unwrap();
    password
}

const ADMINISTRATOR: &str = "administrator";
const READY: &str = "database system is ready to accept connections";
