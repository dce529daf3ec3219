//! Very many rotations that are due at once, for one, two and three replicas.

use std::thread;
use std::time::{Duration, Instant};

use super::measures::{LOST, OVERLAPS, PEAKS, REAL_RATES, TWICE, WALLS};
use super::replicas::{Replicas, Site};
use crate::bench::configuration::Rotations;
use crate::bench::measures::{Results, Subject, number};
use crate::bench::tick::Tick;
use crate::bench::usage::{self, mebibytes};
use crate::error::{Error, Result};
use crate::interrupt;

/// How long first runs, reading or a burst may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// By then all replicas have started and read everything: the leader at once, the others after ten seconds.
const START: Duration = Duration::from_secs(40);

/// Measures all of it once.
pub(super) fn measure(site: &Site<'_>, rotations: &Rotations, results: &mut Results) -> Result {
    let count = rotations.count;
    let burst = Burst { site, rotations };
    site.terminal.step(&format!("first runs of {count} rotations"), || burst.first_runs())?;
    let mut before = burst.versions()?;
    let (mut lost, mut twice) = (0, 0);
    for replicas in 1..=REAL_RATES.len() {
        let name = format!("{count} due at once, replicas: {replicas}");
        site.terminal.step(&name, || burst.once(replicas, results))?;
        let after = burst.versions()?;
        let changes = Changes::of(&before, &after);
        (lost, twice) = (lost + changes.none, twice + changes.several);
        before = after;
    }
    let overlaps = site.sandbox.counters()?.overlaps("zettelstore");
    for (measure, count) in [(LOST, lost), (TWICE, twice), (OVERLAPS, overlaps)] {
        results.add(measure, Subject::Ours, number(count as u64));
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Burst<'a> {
    site: &'a Site<'a>,
    rotations: &'a Rotations,
}

impl Burst<'_> {
    /// Marks the entries as ours.
    fn first_runs(&self) -> Result {
        let mut replicas = Replicas::start(self.site, "first", REAL_RATES.len(), self.rotations)?;
        self.watch(&mut replicas)
    }

    fn once(&self, count: usize, results: &mut Results) -> Result {
        let tick = Tick::after(START);
        let rotations = Rotations { schedule: tick.schedule(), ..self.rotations.clone() };
        let mut replicas = Replicas::start(self.site, &format!("burst_{count}"), count, &rotations)?;
        replicas.informed_leader(PATIENCE)?;
        wait_for(&tick)?;
        let begun = Instant::now();
        self.watch(&mut replicas)?;
        let took = begun.elapsed().as_secs_f64();
        let mut most = 0;
        for daemon in replicas.all() {
            most = most.max(usage::memory(daemon.process())?.peak_rss_kib);
        }
        results.add(REAL_RATES[count - 1], Subject::Ours, f64::from(rotations.count) / took);
        results.add(WALLS[count - 1], Subject::Ours, took);
        results.add(PEAKS[count - 1], Subject::Ours, mebibytes(most));
        Ok(())
    }

    fn watch(&self, replicas: &mut Replicas) -> Result {
        let count = self.rotations.count;
        let tell = |runs| self.site.terminal.progress(&format!("{runs} of {count} runs"));
        replicas.watch(count.into(), PATIENCE, tell)
    }

    /// Of each entry.
    fn versions(&self) -> Result<Vec<u64>> {
        let (api, Rotations { folder, count, .. }) = (self.site.server.api(), self.rotations);
        let version = |user| {
            interrupt::check()?;
            Ok(api.version(&format!("{folder}/user-{user}")))
        };
        (1..=*count).map(version).collect()
    }
}

/// Waits until then; an error if that is over, for then not everything was due at once.
fn wait_for(tick: &Tick) -> Result {
    if tick.left().is_zero() {
        return Err(Error::unexpected(format!("the entries were not read within {} s", START.as_secs())));
    }
    while !tick.left().is_zero() {
        interrupt::check()?;
        thread::sleep(tick.left().min(Duration::from_secs(1)));
    }
    Ok(())
}

/// How many entries did not get the one version that they should have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Changes {
    none: usize,
    several: usize,
}

impl Changes {
    fn of(before: &[u64], after: &[u64]) -> Self {
        let count = |is_it: fn(u64, u64) -> bool| {
            before.iter().zip(after).filter(|(before, after)| is_it(**before, **after)).count()
        };
        Self {
            none: count(|before, after| after <= before),
            several: count(|before, after| after > before + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_should_get_one_new_version() {
        let changes = Changes::of(&[1, 1, 1, 0, 5], &[2, 1, 3, 1, 0]);
        assert_eq!(changes, Changes { none: 2, several: 1 });
    }
}
