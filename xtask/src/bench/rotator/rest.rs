//! A daemon with very many rotations and nothing to do.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::configuration;
use super::daemon::Daemon;
use super::measures::{REST_CPU, REST_PEAK, REST_RSS};
use crate::bench::measures::{Results, Subject};
use crate::bench::usage::{self, mebibytes};
use crate::error::Result;
use crate::mirror;
use crate::openbao::Server;
use crate::sandbox::Sandbox;

pub(super) const ROTATIONS: u32 = 10_000;

/// How long the first runs may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long it is watched in a round.
const WATCH: Duration = Duration::from_secs(4);

/// The daemon after its first runs.
#[derive(Debug)]
pub(super) struct Rest {
    daemon: Daemon,
}

impl Rest {
    pub(super) fn prepare(program: &Path, folder: &Path, server: &Server, sandbox: &Sandbox) -> Result<Self> {
        let (access, api) = (sandbox.access(), server.api());
        let text = configuration::text(access, api, "bench/rest", ROTATIONS, 8);
        let file = mirror::write(&folder.join("rest.hcl"), &text)?;
        let mut daemon = Daemon::start(program, &file, &configuration::environment(access, api))?;
        daemon.wait_for(ROTATIONS.into(), PATIENCE)?;
        Ok(Self { daemon })
    }

    pub(super) fn round(&self, results: &mut Results) -> Result {
        let process = self.daemon.process();
        let (begun, before) = (Instant::now(), usage::cpu(process)?);
        thread::sleep(WATCH);
        let (took, after) = (begun.elapsed(), usage::cpu(process)?);
        let memory = usage::memory(process)?;
        let busy = after.saturating_sub(before).as_secs_f64() / took.as_secs_f64();
        results.add(REST_CPU, Subject::Ours, 100.0 * busy);
        results.add(REST_PEAK, Subject::Ours, mebibytes(memory.peak_rss_kib));
        results.add(REST_RSS, Subject::Ours, mebibytes(memory.rss_kib));
        Ok(())
    }
}
