//! From exec to the handshake line: what every start of a provider costs before Terraform hears of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::usage::{self, Memory};
use crate::error::{Error, Result};
use crate::process;

/// A certificate as Terraform makes one for each start: self-signed, P-521, CA:TRUE. Nobody connects, so its key
/// is not needed and does not exist any more.
const CLIENT_CERTIFICATE: &str = include_str!("client-certificate.pem");

/// Terraform's own value, by which a provider knows that Terraform started it.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// One start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    pub(super) rss_kib: u32,
    pub(super) peak_rss_kib: u32,
}

/// Starts a provider as Terraform would, and looks at it when its line arrives. `scratch` takes its socket.
pub(super) fn once(program: &Path, scratch: &Path) -> Result<Handshake> {
    let mut command = command(program, scratch);
    let start = Instant::now();
    let mut child = process::start(&mut command)?;
    let line = first_line(&mut child);
    let wall = start.elapsed();
    let seen = look_at(&child, wall);
    process::stop(&mut child, Duration::ZERO);
    if line.starts_with("1|6|") && line.len() > 100 {
        return seen;
    }
    Err(Error::unexpected(format!("{} does not shake hands, it says: {line}", program.display())))
}

fn command(program: &Path, scratch: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.envs([
        ("PLUGIN_CLIENT_CERT", CLIENT_CERTIFICATE),
        ("PLUGIN_MAX_PORT", "25000"),
        ("PLUGIN_MIN_PORT", "10000"),
        ("PLUGIN_PROTOCOL_VERSIONS", "5,6"),
        ("TF_PLUGIN_MAGIC_COOKIE", COOKIE),
    ]);
    command.env("TMPDIR", scratch);
    command
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        // What could not be read is missing in the line, which the caller checks.
        BufReader::new(stdout).read_line(&mut line).ok();
    }
    line
}

fn look_at(child: &Child, wall: Duration) -> Result<Handshake> {
    let cpu = usage::cpu(process::pid(child))?;
    let Memory { rss_kib, peak_rss_kib } = usage::memory(process::pid(child))?;
    Ok(Handshake { cpu, wall, rss_kib, peak_rss_kib })
}
