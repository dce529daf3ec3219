//! The simulated systems, as a child of ours.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Attempt, Error, Result};
use crate::process;

/// How long the sandbox may take to say where it listens, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running sandbox. It is stopped when this value is dropped.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Option<Child>,
    access: Access,
}

/// The line that the sandbox prints when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Access {
    pub(crate) url: String,
    /// The variables from which the provider takes all of it.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) zettelstore: Zettelstore,
    pub(crate) zscaler: Zscaler,
}

/// How to log in to the simulated Zettelstore.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Zettelstore {
    pub(crate) base_url: String,
    pub(crate) password: String,
}

/// How to log in to the simulated Zscaler tenant, and one of its devices.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Zscaler {
    pub(crate) base_url: String,
    pub(crate) api_key: String,
    pub(crate) secret_key: String,
    pub(crate) udid: String,
}

/// One line of the sandbox's request log, which is free of secrets.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Request {
    method: String,
    path: String,
    query: Option<String>,
    authorization_scheme: Option<String>,
    status: Option<u16>,
}

impl Request {
    /// Whether it is Zettelstore's command for this, which the provider never gives.
    pub(crate) fn asks_whether_a_token_is_good(&self) -> bool {
        self.path == "/zettelstore/x" && self.query.as_deref() == Some("cmd=authenticated")
    }

    /// Whether the answer was a friendly one.
    pub(crate) fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, self.path)?;
        if let Some(query) = &self.query {
            write!(out, "?{query}")?;
        }
        if let Some(scheme) = &self.authorization_scheme {
            write!(out, ", Authorization: {scheme} …")?;
        }
        write!(out, " → {}", self.status.unwrap_or(0))
    }
}

/// What the systems were asked since the sandbox started.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Counters {
    connections: Connections,
    systems: BTreeMap<String, System>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Connections {
    accepted: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct System {
    logins: BTreeMap<String, Logins>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Logins {
    attempted: u64,
    /// Not answered yet.
    #[serde(default)]
    running: u64,
    /// The most that ran at one time.
    #[serde(default)]
    peak: u64,
}

impl Counters {
    /// All logins at one system.
    pub(crate) fn logins(&self, system: &str) -> u64 {
        self.systems
            .get(system)
            .map_or(0, |system| system.logins.values().map(|logins| logins.attempted).sum())
    }

    /// All logins at one system that are not answered yet.
    pub(crate) fn running(&self, system: &str) -> u64 {
        self.systems.get(system).map_or(0, |system| system.logins.values().map(|logins| logins.running).sum())
    }

    /// With how many keys or names of one system somebody logged in while another login with it was under way.
    pub(crate) fn overlaps(&self, system: &str) -> usize {
        let overlapped = |system: &System| system.logins.values().filter(|logins| logins.peak > 1).count();
        self.systems.get(system).map_or(0, overlapped)
    }

    /// All TCP connections; each look at the counters is one of them.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.accepted
    }
}

impl Sandbox {
    /// Starts the program and waits until it answers. What it says besides goes to `log`.
    pub(crate) fn start(program: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let errors = File::create(log).attempt(|| format!("create {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(["--output", "json"]).args(arguments);
        let mut child =
            process::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(errors)))?;
        let access =
            child.stdout.take().and_then(first_line).and_then(|line| serde_json::from_str(&line).ok());
        let Some(access) = access else {
            process::stop(&mut child, Duration::ZERO);
            let said = std::fs::read_to_string(log).unwrap_or_default();
            return Err(Error::unexpected(format!("the sandbox does not say where it listens\n{said}")));
        };
        Ok(Self { child: Some(child), access })
    }

    /// Where it listens and how to log in.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Its process, as long as it is ours.
    pub(crate) fn process(&self) -> Option<Pid> {
        self.child.as_ref().map(process::pid)
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> Result<Counters> {
        let body = request(&self.access.url, "GET", "/_control/counters", "")?;
        serde_json::from_str(&body).attempt(|| "read the sandbox's counters".into())
    }

    /// The latest requests, oldest first.
    pub(crate) fn requests(&self) -> Result<Vec<Request>> {
        let body = request(&self.access.url, "GET", "/_control/requests", "")?;
        serde_json::from_str(&body).attempt(|| "read the sandbox's request log".into())
    }

    /// Asks Zettelstore whether the token in this header is good; an error if it is not.
    pub(crate) fn try_token(&self, header_name: &str, header_value: &str) -> Result {
        let header = format!("{header_name}: {header_value}\r\n");
        send(&self.access.url, "POST", "/zettelstore/x?cmd=authenticated", &header, "").map(drop)
    }

    /// From now on every request at this path gets this answer, whatever it asks for.
    pub(crate) fn answer_always(&self, path: &str, answer: &Value) -> Result {
        let headers = json!({"Content-Type": "application/json;charset=UTF-8"});
        let effect = json!({"answer": {"status": 200, "headers": headers, "body": answer.to_string()}});
        let fault = json!({"path": path, "effect": effect});
        request(&self.access.url, "POST", "/_control/faults", &fault.to_string()).map(drop)
    }

    /// From now on every request to this system takes so long.
    pub(crate) fn delay(&self, system: &str, time: Duration) -> Result {
        let fault = json!({"system": system, "effect": {"latency": {"millis": time.as_millis()}}});
        request(&self.access.url, "POST", "/_control/faults", &fault.to_string()).map(drop)
    }

    /// Everything is as usual again.
    pub(crate) fn clear_faults(&self) -> Result {
        request(&self.access.url, "DELETE", "/_control/faults", "").map(drop)
    }

    /// Lets it run on without us, and returns its process id.
    pub(crate) fn leave_running(mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            process::stop(child, PATIENCE);
        }
    }
}

/// The first line, if it comes in time.
fn first_line(stdout: ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(stdout).read_line(&mut line).is_ok() {
            // Fails when nobody waits any more.
            sender.send(line).ok();
        }
    });
    receiver.recv_timeout(PATIENCE).ok()
}

/// The body of an answer to JSON.
fn request(url: &str, method: &str, path: &str, body: &str) -> Result<String> {
    send(url, method, path, "Content-Type: application/json\r\n", body)
}

/// The body of an answer. HTTP/1.0, so that the server neither chunks it nor keeps the connection.
fn send(url: &str, method: &str, path: &str, headers: &str, body: &str) -> Result<String> {
    let authority = url.trim_start_matches("http://");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = String::new();
    TcpStream::connect(authority)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all([head.as_str(), body].concat().as_bytes())?;
            stream.read_to_string(&mut answer)
        })
        .attempt(|| format!("ask the sandbox at {url}{path}"))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) => {
            Ok(body.to_owned())
        }
        _ => Err(Error::unexpected(format!("the sandbox refuses {method} {path}: {answer}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_read() {
        let line = r#"{"url":"http://127.0.0.1:1","environment":{"A":"b"},"zscaler":{"base_url":"u","api_key":"k","secret_key":"s","udid":"d"},
            "zettelstore":{"base_url":"z","username":"n","password":"p"},"later":{}}"#;
        let access: Access = serde_json::from_str(line).unwrap();
        assert_eq!((access.zscaler.udid.as_str(), access.zettelstore.password.as_str()), ("d", "p"));
    }

    #[test]
    fn a_request_is_shown_without_its_token() {
        let line = r#"{"sequence":7,"method":"POST","path":"/zettelstore/x","query":"cmd=authenticated",
            "headers":["authorization"],"authorization_scheme":"bearer","status":204}"#;
        let request: Request = serde_json::from_str(line).unwrap();
        assert!(request.asks_whether_a_token_is_good() && request.is_accepted());
        let shown = "POST /zettelstore/x?cmd=authenticated, Authorization: bearer … → 204";
        assert_eq!(request.to_string(), shown);
    }

    #[test]
    fn logins_of_all_keys_are_added() {
        let body = r#"{"connections":{"accepted":7,"open":1,"peak":2},"requests":{},
            "systems":{"zscaler":{"logins":{"a":{"attempted":2,"succeeded":1,"running":1,"peak":2},"b":{"attempted":1}},"reads":{}}}}"#;
        let counters: Counters = serde_json::from_str(body).unwrap();
        assert_eq!(
            (counters.logins("zscaler"), counters.logins("zenoti"), counters.connections()),
            (3, 0, 7)
        );
        assert_eq!((counters.running("zscaler"), counters.overlaps("zscaler")), (1, 1));
        assert_eq!((counters.running("zenoti"), counters.overlaps("zenoti")), (0, 0));
    }
}
