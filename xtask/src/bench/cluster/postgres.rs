//! A PostgreSQL server of our own, with the settings that it has by itself: what is committed is on the disk.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::mirror;
use crate::process;

/// Longer than a start or an end takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often to try when somebody else takes the port.
const ATTEMPTS: usize = 5;

/// A running server on loopback. It ends with this value, and its files with it.
#[derive(Debug)]
pub(super) struct Server {
    running: Running,
    password: String,
    home: Home,
}

impl Server {
    /// Makes its data and starts it. `programs` is the folder of PostgreSQL's programs.
    pub(super) fn start(programs: &Path) -> Result<Self> {
        let home = Home::new(programs)?;
        let password = format!("bench-{:016x}", RandomState::new().hash_one(home.folder.path()));
        home.make_data(&password)?;
        let mut outcome = Running::start(&home);
        for _ in 1..ATTEMPTS {
            if !matches!(outcome, Err(Error::Unexpected(_))) {
                break;
            }
            outcome = Running::start(&home);
        }
        Ok(Self { running: outcome?, password, home })
    }

    /// Makes an empty database and returns its URL.
    pub(super) fn database(&self, name: &str) -> Result<String> {
        let (port, password) = (self.running.port, &self.password);
        let mut psql = self.home.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1"]);
        psql.args([&format!("--port={port}"), &format!("--username={USER}"), "--dbname=postgres"]);
        psql.arg(format!("--command=CREATE DATABASE {name}")).env("PGPASSWORD", password);
        process::stdout(&mut psql)?;
        Ok(format!("postgres://{USER}:{password}@127.0.0.1:{port}/{name}"))
    }

    /// Name and version, as it tells them.
    pub(super) fn describe(&self) -> Result<String> {
        let said = process::stdout(self.home.command("postgres").arg("--version"))?;
        Ok(version(&said))
    }
}

/// Its process. Killed, it would leave shared memory behind, so it is asked to end.
#[derive(Debug)]
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    fn start(home: &Home) -> Result<Self> {
        let port = free_port()?;
        let log = home.log();
        let output = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let mut command = home.command("postgres");
        command.args(["-D", "data", "-h", "127.0.0.1", "-p", &port.to_string(), "-k"]);
        command.arg(home.folder.path());
        let child =
            process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(output)))?;
        let mut running = Self { child, port };
        running.wait(&log)?;
        Ok(running)
    }

    fn wait(&mut self, log: &Path) -> Result {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            if fs::read_to_string(log).is_ok_and(|said| said.contains(READY)) {
                return Ok(());
            }
            interrupt::check()?;
            thread::sleep(Duration::from_millis(20));
        }
        let said = fs::read_to_string(log).unwrap_or_default();
        Err(Error::unexpected(format!("PostgreSQL does not start\n{said}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Clients or not; what `stop` sends would wait for them.
            kill(process::pid(&self.child), Signal::SIGINT).ok();
            process::stop(&mut self.child, PATIENCE);
        }
    }
}

/// Its files, and who runs its programs: it refuses to be run by root, and then nobody runs it, whom every Unix knows.
#[derive(Debug)]
struct Home {
    programs: PathBuf,
    folder: TempDir,
    user: Option<User>,
}

impl Home {
    fn new(programs: &Path) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-postgres-")?;
        let user = if geteuid().is_root() { Some(nobody()?) } else { None };
        let home = Self { programs: programs.to_owned(), folder, user };
        home.give(home.folder.path())?;
        Ok(home)
    }

    fn make_data(&self, password: &str) -> Result {
        let file = self.folder.path().join("password");
        mirror::write_private(&file, password)?;
        self.give(&file)?;
        let mut initdb = self.command("initdb");
        initdb.args(INITDB).arg(format!("--username={USER}"));
        process::stdout(&mut initdb)?;
        fs::remove_file(&file).attempt(|| format!("remove {}", file.display()))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// One of PostgreSQL's programs, with nothing in its environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env_clear();
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    fn give(&self, path: &Path) -> Result {
        let Some(user) = &self.user else { return Ok(()) };
        let given = chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        given.attempt(|| format!("give {} to {}", path.display(), user.name))
    }
}

fn nobody() -> Result<User> {
    let user = User::from_name("nobody").attempt(|| "look for the user nobody".into())?;
    user.ok_or_else(|| Error::Missing("a user `nobody`, as whom PostgreSQL is run in place of root".into()))
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).attempt(|| "find a free port".into())
}

/// `PostgreSQL 15.18` out of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(said: &str) -> String {
    let number = said.split_once(") ").and_then(|(_, rest)| rest.split_whitespace().next());
    format!("PostgreSQL {}", number.unwrap_or("of an unknown version"))
}

const USER: &str = "bench";
const READY: &str = "database system is ready to accept connections";
const INITDB: [&str; 6] = [
    "--pgdata=data",
    "--pwfile=password",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres;
    use crate::terminal::Terminal;

    #[test]
    fn a_server_has_databases_and_leaves_nothing_behind() {
        let programs = postgres::get(&Terminal::stderr()).unwrap();
        let server = Server::start(&programs).unwrap();
        let url = server.database("one").unwrap();
        assert!(url.starts_with("postgres://bench:") && url.ends_with("/one"));
        assert!(server.database("one").is_err(), "it is there");
        assert!(server.describe().unwrap().starts_with("PostgreSQL 1"));
        let (folder, process) = (server.home.folder.path().to_owned(), process::pid(&server.running.child));
        drop(server);
        assert!(!folder.exists() && kill(process, None).is_err());
    }

    #[test]
    fn the_version_is_told_without_that_of_the_package() {
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), "PostgreSQL 15.18");
        assert_eq!(version("postgres (PostgreSQL) 17.2\n"), "PostgreSQL 17.2");
    }
}
