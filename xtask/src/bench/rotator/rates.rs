//! How many runs a second: a daemon that always has something to do, and the load generator, in turn.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::load::Load;
use super::measures::Rates;
use super::pairs::Pairs;
use crate::bench::configuration::{self, Rotations};
use crate::bench::daemon::Daemon;
use crate::bench::measures::{Results, Subject, number};
use crate::bench::usage::{self, milliseconds};
use crate::error::{Error, Result};
use crate::mirror;
use crate::openbao::Server;
use crate::sandbox::Sandbox;

/// One stretch of work is so long, in seconds.
pub(super) const STRETCH: u32 = 2;

/// The daemon runs no rotation again before it has rested so long.
const REST: u32 = 5;

/// What still waits for the daemon after it stood still has to be over before it is measured.
const SETTLE: Duration = Duration::from_millis(500);

/// How long the first runs of all rotations may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// What one stretch brought, and the CPU time it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) runs: u64,
    pub(super) took: Duration,
    pub(super) client: Duration,
    pub(super) server: Duration,
}

impl Window {
    pub(super) fn rate(&self) -> f64 {
        number(self.runs) / self.took.as_secs_f64()
    }

    /// Both stretches as one.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            took: self.took + other.took,
            client: self.client + other.client,
            server: self.server + other.server,
        }
    }
}

/// How many rotations a daemon needs so that some are always due, on a server with this limit.
pub(super) fn rotations(limit: f64) -> u32 {
    let enough = (limit * f64::from(REST) * 1.5).ceil();
    // No server takes so many writes that these would not do.
    (1..=1000)
        .map(|thousands| thousands * 1000)
        .find(|count| f64::from(*count) >= enough)
        .unwrap_or(1_000_000)
}

/// One server, one concurrency.
#[derive(Debug)]
pub(super) struct Contest {
    measures: Rates,
    rotations: u32,
    /// Below this they write.
    entries: String,
    daemon: Daemon,
    load: Load,
    pairs: Pairs,
}

/// How a contest is set up.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) name: &'static str,
    pub(super) measures: Rates,
    pub(super) concurrency: u32,
    pub(super) rotations: u32,
    pub(super) load: Load,
    pub(super) pairs: Pairs,
}

impl Contest {
    /// Starts the daemon, waits until every rotation has had its first run, and lets it stand still.
    pub(super) fn prepare(
        terms: Terms,
        program: &Path,
        folder: &Path,
        server: &Server,
        sandbox: &Sandbox,
    ) -> Result<Self> {
        let Terms { name, measures, concurrency, rotations, load, pairs } = terms;
        let entries = format!("bench/{name}");
        let (access, api) = (sandbox.access(), server.api());
        let text = Rotations::new(&entries, rotations, concurrency).text(access, api);
        let file: PathBuf = mirror::write(&folder.join(format!("{name}.hcl")), &text)?;
        let mut daemon = Daemon::start(program, &file, &configuration::environment(access, api))?;
        let begun = Instant::now();
        while api.count(&entries) < rotations as usize {
            daemon.check(begun, PATIENCE, "first runs of all rotations")?;
            daemon.rotated()?;
            thread::sleep(SETTLE);
        }
        thread::sleep(SETTLE);
        daemon.pause();
        Ok(Self { measures, rotations, entries, daemon, load, pairs })
    }

    /// One stretch of each.
    pub(super) fn round(&mut self, server: &Server, sandbox: &Sandbox, results: &mut Results) -> Result {
        let limit = self.load.run(STRETCH, server)?;
        let pairs = self.pairs.run(STRETCH, server)?;
        let (ours, sandbox) = self.stretch(server, sandbox)?;
        self.check(&ours, &limit, server)?;
        let Rates { share, pairs_share, rate, client, server, sandbox: issuer } = self.measures;
        results.add(share, Subject::Ours, 100.0 * ours.rate() / limit.rate());
        results.add(pairs_share, Subject::Ours, 100.0 * ours.rate() / pairs.rate());
        results.add(issuer, Subject::Ours, each(sandbox, ours.runs));
        let subjects = [Subject::Ours, Subject::LoadGenerator, Subject::ShortestClient];
        for (subject, window) in subjects.into_iter().zip([ours, limit, pairs]) {
            results.add(rate, subject, window.rate());
            results.add(client, subject, each(window.client, window.runs));
            results.add(server, subject, each(window.server, window.runs));
        }
        Ok(())
    }

    /// Lets the daemon work for a while; also tells the sandbox's CPU time.
    fn stretch(&mut self, server: &Server, sandbox: &Sandbox) -> Result<(Window, Duration)> {
        let clocks: Vec<Pid> =
            [self.daemon.process(), server.process()].into_iter().chain(sandbox.process()).collect();
        let read =
            || -> Result<Vec<Duration>> { clocks.iter().map(|process| usage::cpu(*process)).collect() };
        self.daemon.resume();
        thread::sleep(SETTLE);
        self.daemon.rotated()?;
        let (begun, before) = (Instant::now(), read()?);
        let runs = self.daemon.rotated()?;
        thread::sleep(Duration::from_secs(STRETCH.into()));
        let (took, after) = (begun.elapsed(), read()?);
        self.daemon.pause();
        let runs = self.daemon.rotated()? - runs;
        let spent: Vec<Duration> =
            after.iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
        match spent[..] {
            [client, server, sandbox] => Ok((Window { runs, took, client, server }, sandbox)),
            _ => Err(Error::unexpected("a CPU clock is missing")),
        }
    }

    /// What the log says has to stand in OpenBao; and a daemon that has to wait for what is due shows
    /// less than it can do.
    fn check(&self, ours: &Window, limit: &Window, server: &Server) -> Result {
        let Some((rotation, version)) = self.daemon.latest() else {
            return Err(Error::unexpected("the rotator logged no run"));
        };
        let entry = format!("{}/{rotation}", self.entries);
        if server.api().version(&entry) < version {
            return Err(Error::unexpected(format!("version {version} of {entry} was not written")));
        }
        let most = f64::from(self.rotations) / f64::from(REST);
        if ours.rate() < 0.98 * most || ours.rate() >= limit.rate() {
            return Ok(());
        }
        Err(Error::unexpected(format!(
            "{} rotations were too few to keep the daemon busy: {:.0} runs a second",
            self.rotations,
            ours.rate()
        )))
    }
}

fn each(time: Duration, count: u64) -> f64 {
    milliseconds(time) / number(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_more_rotations_than_can_be_run_while_one_rests() {
        assert_eq!(rotations(2000.0), 15_000);
        assert_eq!(rotations(1.0), 1000);
    }
}
