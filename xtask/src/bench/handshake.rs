//! From exec to the handshake line: what every start of a provider costs before Terraform hears of it.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::usage::{self, Memory};
use crate::error::Result;
use crate::handshake;
use crate::process;

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
    let mut command = Command::new(program);
    handshake::prepare(&mut command, scratch);
    let start = Instant::now();
    let mut child = process::start(&mut command)?;
    let line = handshake::await_line(&mut child);
    let wall = start.elapsed();
    let seen = look_at(&child, wall);
    process::stop(&mut child, Duration::ZERO);
    handshake::check(&line, program)?;
    seen
}

fn look_at(child: &Child, wall: Duration) -> Result<Handshake> {
    let cpu = usage::cpu(process::pid(child))?;
    let Memory { rss_kib, peak_rss_kib } = usage::memory(process::pid(child))?;
    Ok(Handshake { cpu, wall, rss_kib, peak_rss_kib })
}
