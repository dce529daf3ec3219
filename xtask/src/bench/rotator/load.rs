//! The load generator: what the server can do for a client that only writes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::rates::Window;
use crate::bench::usage;
use crate::debian;
use crate::error::{Error, Result};
use crate::mirror;
use crate::openbao::{Api, Server};
use crate::process;
use crate::terminal::Terminal;

/// As many entries as are written in turn.
const PATHS: u32 = 4000;

const SCRIPT: &str = include_str!("scripts/load.lua");

/// Whether it is here, or can be brought here.
pub(crate) fn check() -> Result {
    debian::found_or_installable(&version(), false, || "the load generator `wrk`".into())
}

/// Installs it if need be, and returns name and version.
pub(super) fn get(terminal: &Terminal) -> Result<String> {
    if version().is_err() {
        terminal.step("wrk installed (Debian package)", || debian::install(&["wrk"]))?;
    }
    version()
}

/// It tells its version and then says that this was wrong.
fn version() -> Result<String> {
    let output = process::output(Command::new("wrk").arg("--version"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = said.split_whitespace();
    match (words.next(), words.next()) {
        (Some(name @ "wrk"), Some(version)) => Ok(format!("{name} {version}")),
        _ => Err(Error::unexpected("`wrk` does not tell its version")),
    }
}

/// Writes to one server with so many connections.
#[derive(Debug)]
pub(super) struct Load {
    connections: u32,
    api: Api,
    script: PathBuf,
    body: PathBuf,
    /// Where the next writes go.
    turn: u64,
}

impl Load {
    /// Writes `entry`: what the rotator writes, too.
    pub(super) fn prepare(folder: &Path, connections: u32, api: &Api, entry: &Value) -> Result<Self> {
        let body = json!({"data": entry}).to_string();
        Ok(Self {
            connections,
            api: api.clone(),
            script: mirror::write(&folder.join("load.lua"), SCRIPT)?,
            body: mirror::write(&folder.join("load.json"), &body)?,
            turn: 0,
        })
    }

    /// Writes for so many seconds as fast as the server takes it.
    pub(super) fn run(&mut self, seconds: u32, server: &Server) -> Result<Window> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--connections", &self.connections.to_string()]);
        wrk.arg("--duration").arg(format!("{seconds}s")).arg("--script").arg(&self.script);
        wrk.args([&self.api.url(), "--", &self.api.token, "bench/load", &PATHS.to_string()]);
        wrk.arg((self.turn % u64::from(PATHS)).to_string()).arg(&self.body);
        let (client, before) = (usage::children_cpu()?, usage::cpu(server.process())?);
        let said = process::stdout(&mut wrk)?;
        let after = usage::cpu(server.process())?;
        let (writes, took) = result(&said)?;
        self.turn += writes;
        Ok(Window {
            runs: writes,
            took,
            client: usage::children_cpu()?.saturating_sub(client),
            server: after.saturating_sub(before),
        })
    }
}

/// What the script printed at the end: requests, microseconds, failures.
fn result(said: &str) -> Result<(u64, Duration)> {
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_default();
    let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [writes, microseconds, 0] if writes > 0 => Ok((writes, Duration::from_micros(microseconds))),
        _ => Err(Error::unexpected(format!("the load generator could not write everything\n{said}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_writes_make_a_figure_worthless() {
        let said = "Running 2s test\nRESULT 4000 2001000 0\n";
        assert_eq!(result(said).unwrap(), (4000, Duration::from_millis(2001)));
        assert!(result("RESULT 4000 2001000 3\n").is_err());
        assert!(result("unable to connect\n").is_err());
    }
}
