//! A database: its URL for clients, and SQL for setting things up and for looking at what came of it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::binaries;

/// Longer than any statement of a test takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A database whose owner is allowed nothing else. Its URL is the owner's, and so are the calls; but what these say is not
/// logged.
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    user: (&'static str, String),
    /// Who makes the calls.
    caller: &'static str,
    access: Access,
}

/// How to get to a server, and the administrator's name and password.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) port: u16,
    pub(super) socket: PathBuf,
    pub(super) administrator: (&'static str, String),
}

impl Database {
    /// The first one in a new server, with the user who is to own all others too.
    pub(super) async fn first(access: Access, user: (&'static str, String)) -> Self {
        let create = format!("CREATE ROLE {} LOGIN PASSWORD '{}'", user.0, user.1);
        let postgres = Self { name: "postgres".to_owned(), caller: user.0, user, access };
        postgres.administrator().execute(&create).await;
        postgres.database("tokenferry").await
    }

    /// A new one beside this one. Its name begins with `name`, and no other has it.
    pub async fn database(&self, name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.administrator().execute(&format!("CREATE DATABASE {name} OWNER {}", self.user.0)).await;
        Self { name, ..self.clone() }
    }

    /// The same with calls of the administrator, who is allowed everything.
    pub fn administrator(&self) -> Self {
        Self { caller: self.access.administrator.0, ..self.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The owner's name.
    pub fn user(&self) -> &str {
        self.user.0
    }

    /// The owner's password; a secret.
    pub fn password(&self) -> &str {
        &self.user.1
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// What a client is to be given, with the password in it: `postgres://USER:PASSWORD@127.0.0.1:PORT/NAME`.
    pub fn url(&self) -> String {
        let (user, password) = &self.user;
        format!("postgres://{user}:{password}@127.0.0.1:{}/{}", self.port(), self.name)
    }

    /// Runs statements, each in a transaction of its own unless they say otherwise.
    ///
    /// # Panics
    ///
    /// If one fails.
    pub async fn execute(&self, sql: &str) {
        self.query(sql).await;
    }

    /// The rows that a statement returns, as text. NULL is an empty text.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn query(&self, sql: &str) -> Vec<Vec<String>> {
        self.query_with(sql, &[]).await
    }

    /// Ends all sessions of clients who gave this application name, as an administrator or a failover does, and returns
    /// how many. They are gone then.
    ///
    /// # Panics
    ///
    /// If one does not end.
    pub async fn terminate_sessions(&self, application_name: &str) -> usize {
        let sql = "SELECT pid, pg_terminate_backend(pid, 60000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = :'name'";
        let administrator = self.administrator();
        let ended = administrator.query_with(sql, &[("name", application_name)]).await;
        // A client that has lost one of its sessions may have closed others itself.
        let processes = ended.iter().map(|row| &*row[0]).collect::<Vec<_>>().join(",");
        let left =
            "SELECT pid FROM pg_stat_activity WHERE pid::text = ANY (string_to_array(:'processes', ','))";
        let left = administrator.query_with(left, &[("processes", &processes)]).await;
        assert!(left.is_empty(), "sessions of {application_name} do not end");
        ended.len()
    }

    /// Where `sql` says `:'name'`, there stands the variable's value as a literal.
    async fn query_with(&self, sql: &str, variables: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut psql = psql(&self.administrators_url());
        let quietly = "-c log_statement=none -c log_min_error_statement=panic";
        psql.env("PGOPTIONS", format!("{quietly} -c role={}", self.caller));
        psql.args(variables.iter().map(|(name, value)| format!("--set={name}={value}")));
        let running = timeout(PATIENCE, output(psql, sql)).await;
        match running.unwrap_or_else(|_| Err("no answer".to_owned())) {
            Ok(output) => rows(&output),
            Err(error) => panic!("{sql}\n{error}"),
        }
    }

    fn administrators_url(&self) -> String {
        let Access { port, socket, administrator: (user, password) } = &self.access;
        format!("postgres://{user}:{password}@/{}?host={}&port={port}", self.name, socket.display())
    }
}

/// PostgreSQL's own client, for whoever this URL makes it. It prints rows as [`Database::query`] reads them.
pub fn psql(url: &str) -> Command {
    let mut psql = Command::new(binaries::postgres("psql"));
    psql.args(PSQL).arg(format!("--dbname={url}")).env_clear().kill_on_drop(true);
    psql
}

async fn output(mut psql: Command, sql: &str) -> Result<String, String> {
    let psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = psql.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let write = async move {
        // If it has ended, what it says matters, and its exit code.
        input.write_all(sql.as_bytes()).await.ok();
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn rows(output: &str) -> Vec<Vec<String>> {
    let Some(output) = output.strip_suffix('\n') else { return Vec::new() };
    output.split(RECORD).map(|row| row.split(FIELD).map(str::to_owned).collect()).collect()
}

/// What ASCII has for this and nobody uses otherwise.
const FIELD: char = '\x1f';
const RECORD: char = '\x1e';
const PSQL: [&str; 8] = [
    "--no-psqlrc",
    "--no-password",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--set=ON_ERROR_STOP=1",
    "--field-separator=\x1f",
    "--record-separator=\x1e",
];
