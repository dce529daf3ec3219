//! The files of a server: its data, its settings, its socket.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{User, geteuid};
use tempfile::TempDir;
use tokio::process::Command;

use crate::authority::{Authority, Issued};
use crate::binaries;
use crate::outcome::Outcome;
use crate::process::Process;

/// Longer than the data of a new server takes to make, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A folder that only the server's own user and root can look into.
#[derive(Debug)]
pub(super) struct Folder {
    directory: TempDir,
    /// PostgreSQL refuses to be run by root: then it is run by nobody, whom every Unix knows.
    user: Option<User>,
}

impl Folder {
    /// One with the data of a server that has never run, whose administrator has this password.
    pub(super) async fn new(administrator: &str, password: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("postgres").tempdir().unwrap();
        let user = geteuid().is_root().then(|| User::from_name("nobody").unwrap().expect("a user `nobody`"));
        let folder = Self { directory, user };
        folder.give(folder.path());
        let file = folder.write("password", password);
        let mut command = folder.command("initdb");
        command.args(INITDB).arg(format!("--username={administrator}"));
        Outcome::of(Process::spawn(&mut command), PATIENCE).await.ok();
        fs::remove_file(file).unwrap();
        folder.write("data/postgresql.conf", &settings(folder.path()));
        folder.allow("host");
        folder
    }

    /// Lets nobody in who does not use TLS, and returns the certificate of the authority that clients have to trust.
    pub(super) fn require_tls(&self) -> PathBuf {
        let authority = Authority::new(self.path());
        let Issued { cert_file, key_file } = authority.server();
        self.give(&cert_file);
        self.give(&key_file);
        let [cert, key] = [cert_file.display(), key_file.display()];
        let tls = format!("ssl = on\nssl_cert_file = '{cert}'\nssl_key_file = '{key}'\n");
        self.write("data/postgresql.conf", &(settings(self.path()) + &tls));
        self.allow("hostssl");
        authority.ca_file
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A program of the server, as its user and with nothing in its environment.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(binaries::postgres(program));
        command.current_dir(self.path()).env_clear();
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Whoever comes over the network, in this way, or by the socket, has to know a password.
    fn allow(&self, way: &str) {
        let rules = format!("local all all scram-sha-256\n{way} all all 127.0.0.1/32 scram-sha-256\n");
        self.write("data/pg_hba.conf", &rules);
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self.give(&path);
        path
    }

    fn give(&self, path: &Path) {
        if let Some(user) = &self.user {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        }
    }
}

const INITDB: [&str; 7] = [
    "--pgdata=data",
    "--pwfile=password",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
];

/// What is committed is handed to the system at once, though not to the disk: it outlives a crash of the server.
/// Everything that clients say is logged, so that a secret on its way into a database is found. Nothing is left in
/// `/dev/shm` by a server that was killed.
fn settings(folder: &Path) -> String {
    format!(
        "listen_addresses = '127.0.0.1'\n\
         unix_socket_directories = '{}'\n\
         fsync = off\n\
         full_page_writes = off\n\
         dynamic_shared_memory_type = mmap\n\
         log_statement = all\n\
         log_line_prefix = '%m [%p] %q%a: '\n",
        folder.display()
    )
}
