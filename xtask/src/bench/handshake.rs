//! From exec to the handshake line: what every start of a provider costs before Terraform hears of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Attempt, Error, Result};
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
    let attempt = || "look at a provider's memory".to_owned();
    let cpu = cpu(child)?;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).attempt(attempt)?;
    Ok(Handshake {
        cpu,
        wall,
        rss_kib: kibibytes(&status, "VmRSS:")?,
        peak_rss_kib: kibibytes(&status, "VmHWM:")?,
    })
}

/// What the process has used up to now, threads that have ended included.
#[cfg(target_os = "linux")]
fn cpu(child: &Child) -> Result<Duration> {
    use nix::sys::time::TimeValLike;
    use nix::time::{clock_getcpuclockid, clock_gettime};

    let used = clock_getcpuclockid(process::pid(child)).and_then(clock_gettime);
    let used = used.attempt(|| "read a provider's CPU time".into())?;
    Ok(Duration::from_nanos(used.num_nanoseconds().try_into().unwrap_or(0)))
}

#[cfg(not(target_os = "linux"))]
fn cpu(_: &Child) -> Result<Duration> {
    Err(Error::unexpected("the benchmark needs Linux, where one process can read another's CPU clock"))
}

fn kibibytes(status: &str, field: &str) -> Result<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| Error::unexpected(format!("the kernel does not tell {field}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_process_status() {
        let status = "Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:").unwrap(), 4096);
        assert!(kibibytes(status, "VmSwap:").is_err());
    }
}
