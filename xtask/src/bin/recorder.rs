//! Stands in a program's place, runs the real one, and notes what it cost.
//!
//! Terraform starts a provider several times for one command, so the cost of a command is a sum over processes
//! that end before anybody could look at them. This launcher is installed under the provider's name; the real
//! program stands in `real/` beside it. After each run it appends `CPU in microseconds, peak RSS in KiB, wall time
//! in microseconds` to `starts.log` in its own folder, with that of all processes which the program waited for. It
//! is small on purpose: Linux carries the peak RSS of the forking process over `exec`, so a big launcher would be
//! measured instead of its child.
#![allow(clippy::disallowed_types, reason = "there is no runtime whose time could be paused")]

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

fn main() -> io::Result<ExitCode> {
    let launcher = std::env::current_exe()?;
    let folder = launcher.parent().ok_or(io::ErrorKind::NotFound)?;
    let program = folder.join("real").join(launcher.file_name().ok_or(io::ErrorKind::NotFound)?);
    let start = Instant::now();
    let status = Command::new(program).args(std::env::args_os().skip(1)).status()?;
    let wall = start.elapsed().as_micros();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let mut log = OpenOptions::new().create(true).append(true).open(folder.join("starts.log"))?;
    log.write_all(format!("{} {} {wall}\n", cpu(&usage), usage.max_rss()).as_bytes())?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Microseconds in user and kernel mode.
fn cpu(usage: &Usage) -> i64 {
    let microseconds = |time: TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    microseconds(usage.user_time()) + microseconds(usage.system_time())
}
