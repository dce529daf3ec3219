//! Very many rotations in one daemon: what it keeps, what it costs while nothing is due, how fast it is when
//! everything is due at once, and how punctual when the due times are spread out.
//!
//! When something is due is said by the schedule: a minute that is about to come.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::load::Load;
use super::measures::{
    BURST_CLIENT, BURST_PAIRS_SHARE, BURST_PEAK, BURST_RATE, BURST_SHARE, BURST_WALL, FIRST_PEAK, FIRST_WALL,
    REST_CPU, REST_RSS, SPREAD_CLIENT, SPREAD_MAX, SPREAD_P50, SPREAD_P99, SPREAD_PEAK,
};
use super::pairs::Pairs;
use super::rates::{self, Window};
use crate::bench::configuration::{self, Rotations};
use crate::bench::daemon::Daemon;
use crate::bench::measures::{Results, Subject, number};
use crate::bench::tick::Tick;
use crate::bench::usage::{self, mebibytes, milliseconds};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::mirror;
use crate::openbao::Server;
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

pub(super) const ROTATIONS: u32 = 10_000;

/// Runs at once.
const CONCURRENCY: u32 = 8;

/// How long first runs, reading or a burst may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long the daemon is watched while nothing is due.
const QUIET: Duration = Duration::from_mins(1);

/// A daemon starts and has read everything long before this is over.
const START: Duration = Duration::from_secs(15);

/// Nothing is watched so shortly before something is due.
const MARGIN: Duration = Duration::from_secs(2);

/// What everything below happens with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) server: &'a Server,
    pub(super) sandbox: &'a Sandbox,
    pub(super) terminal: &'a Terminal,
}

impl Scale<'_> {
    /// Measures all of it once, with due times spread over so many seconds.
    pub(super) fn measure(&self, spread: u32, results: &mut Results) -> Result {
        let terminal = self.terminal;
        terminal.step(&format!("first runs of {ROTATIONS} rotations"), || self.first_runs(results))?;
        let before = terminal.step("write limits found", || self.limits())?;
        let tick = Tick::after(START + QUIET + MARGIN);
        let mut daemon = self.start("burst", &tick, 0)?;
        let name = format!("nothing due for at least {} s", QUIET.as_secs());
        terminal.step(&name, || quiet(&mut daemon, &tick, results))?;
        terminal.step(&format!("{ROTATIONS} due at once"), || self.burst(daemon, &tick, before, results))?;
        terminal.line(&format!("{ROTATIONS} rotations due over {spread} s, which takes as long"));
        terminal.step(&format!("{ROTATIONS} due over {spread} s"), || self.spread(spread, results))
    }

    /// Marks the entries as ours, and leaves them there.
    fn first_runs(&self, results: &mut Results) -> Result {
        let begun = Instant::now();
        let mut daemon = self.start_with("first", &rotations())?;
        daemon.watch(ROTATIONS.into(), PATIENCE, |runs| self.progress(runs))?;
        results.add(FIRST_WALL, Subject::Ours, begun.elapsed().as_secs_f64());
        let memory = usage::memory(daemon.process())?;
        results.add(FIRST_PEAK, Subject::Ours, mebibytes(memory.peak_rss_kib));
        Ok(())
    }

    /// Between the two looks at what others reach: `before` is the first.
    fn burst(&self, mut daemon: Daemon, tick: &Tick, before: Limits, results: &mut Results) -> Result {
        let clocks = [daemon.process(), self.server.process()];
        let read = || -> Result<[Duration; 2]> { Ok([usage::cpu(clocks[0])?, usage::cpu(clocks[1])?]) };
        let start = read()?;
        thread::sleep(tick.left());
        let begun = Instant::now();
        daemon.watch(ROTATIONS.into(), PATIENCE, |runs| self.progress(runs))?;
        let (took, end) = (begun.elapsed(), read()?);
        let [client, server] = [0, 1].map(|clock| end[clock].saturating_sub(start[clock]));
        let ours = Window { runs: ROTATIONS.into(), took, client, server };
        let memory = usage::memory(daemon.process())?;
        drop(daemon);

        let after = self.limits()?;
        let (limit, pairs) = (before.load.and(after.load), before.pairs.and(after.pairs));
        results.add(BURST_WALL, Subject::Ours, took.as_secs_f64());
        results.add(BURST_SHARE, Subject::Ours, 100.0 * ours.rate() / limit.rate());
        results.add(BURST_PAIRS_SHARE, Subject::Ours, 100.0 * ours.rate() / pairs.rate());
        results.add(BURST_PEAK, Subject::Ours, mebibytes(memory.peak_rss_kib));
        let subjects = [Subject::Ours, Subject::LoadGenerator, Subject::ShortestClient];
        for (subject, window) in subjects.into_iter().zip([ours, limit, pairs]) {
            results.add(BURST_RATE, subject, window.rate());
            results.add(BURST_CLIENT, subject, milliseconds(window.client) / number(window.runs.max(1)));
        }
        Ok(())
    }

    /// What others reach on the same server at the same concurrency.
    fn limits(&self) -> Result<Limits> {
        let (access, api) = (self.sandbox.access(), self.server.api());
        let mut answer = api.call("GET", &format!("secret/data/{ENTRIES}/user-1"), None)?;
        let entry = answer["data"]["data"].take();
        let mut load = Load::prepare(self.folder, CONCURRENCY, api, &entry)?;
        let pairs = Pairs::new(CONCURRENCY, access, api, &entry);
        Ok(Limits {
            load: load.run(2 * rates::STRETCH, self.server)?,
            pairs: pairs.run(2 * rates::STRETCH, self.server)?,
        })
    }

    fn spread(&self, spread: u32, results: &mut Results) -> Result {
        let tick = Tick::after(START);
        let mut daemon = self.start("spread", &tick, spread)?;
        daemon.wait_until_read(PATIENCE)?;
        thread::sleep(tick.left());
        let (begun, before) = (Instant::now(), usage::cpu(daemon.process())?);
        let patience = Duration::from_secs(spread.into()) + START;
        daemon.watch(ROTATIONS.into(), patience, |runs| self.progress(runs))?;
        check_spread(begun.elapsed(), spread)?;
        let client = usage::cpu(daemon.process())?.saturating_sub(before);
        let memory = usage::memory(daemon.process())?;
        let mut lags = daemon.lags().to_vec();
        lags.sort_unstable();
        for (measure, percent) in [(SPREAD_P50, 50), (SPREAD_P99, 99), (SPREAD_MAX, 100)] {
            let lag = percentile(&lags, percent);
            results.add(measure, Subject::Ours, number(lag.ok_or_else(|| Error::unexpected(NO_LAGS))?));
        }
        results.add(SPREAD_CLIENT, Subject::Ours, milliseconds(client) / f64::from(ROTATIONS));
        results.add(SPREAD_PEAK, Subject::Ours, mebibytes(memory.peak_rss_kib));
        Ok(())
    }

    /// A daemon for the entries that are there, which all are due at this time, or within `spread` seconds of it.
    fn start(&self, name: &str, tick: &Tick, spread: u32) -> Result<Daemon> {
        self.start_with(name, &Rotations { schedule: tick.schedule(), spread, ..rotations() })
    }

    fn start_with(&self, name: &str, rotations: &Rotations) -> Result<Daemon> {
        let (access, api) = (self.sandbox.access(), self.server.api());
        let file = mirror::write(&self.folder.join(format!("{name}.hcl")), &rotations.text(access, api))?;
        Daemon::start(self.program, &file, &configuration::environment(access, api))
    }

    fn progress(&self, runs: u64) {
        self.terminal.progress(&format!("{runs} of {ROTATIONS} runs"));
    }
}

/// What others reach.
#[derive(Clone, Copy, Debug)]
struct Limits {
    load: Window,
    pairs: Window,
}

/// Watches a daemon that has read everything and has nothing to do before this time.
fn quiet(daemon: &mut Daemon, tick: &Tick, results: &mut Results) -> Result {
    daemon.wait_until_read(PATIENCE)?;
    let process = daemon.process();
    let memory = usage::memory(process)?;
    results.add(REST_RSS, Subject::Ours, mebibytes(memory.rss_kib));
    let (begun, before) = (Instant::now(), usage::cpu(process)?);
    while tick.left() > MARGIN {
        interrupt::check()?;
        thread::sleep(tick.left().saturating_sub(MARGIN).min(Duration::from_secs(1)));
    }
    let (took, after) = (begun.elapsed(), usage::cpu(process)?);
    if took < QUIET || daemon.rotated()? > 0 {
        return Err(Error::unexpected(format!(
            "the daemon was not at rest, or only for {} s",
            took.as_secs()
        )));
    }
    let busy = after.saturating_sub(before).as_secs_f64() / took.as_secs_f64();
    results.add(REST_CPU, Subject::Ours, 100.0 * busy);
    Ok(())
}

/// With so many rotations the last of them is due close to the end.
fn check_spread(took: Duration, spread: u32) -> Result {
    let share = took.as_secs_f64() / f64::from(spread);
    if (0.95..1.1).contains(&share) {
        return Ok(());
    }
    Err(Error::unexpected(format!("the runs took {} s, although spread over {spread} s", took.as_secs())))
}

fn rotations() -> Rotations {
    Rotations::new(ENTRIES, ROTATIONS, CONCURRENCY)
}

/// The least value that so many of a hundred do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

/// Below this they write.
const ENTRIES: &str = "bench/scale";
const NO_LAGS: &str = "the rotator's log does not tell how late its runs began";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<u64> = (1..=200).collect();
        let found = [50, 99, 100].map(|percent| percentile(&sorted, percent));
        assert_eq!(found, [Some(100), Some(198), Some(200)]);
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn runs_that_were_not_spread_are_no_measure() {
        assert!(check_spread(Duration::from_secs(599), 600).is_ok());
        assert!(check_spread(Duration::from_secs(30), 600).is_err());
        assert!(check_spread(Duration::from_secs(700), 600).is_err());
    }
}
