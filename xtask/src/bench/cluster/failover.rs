//! One of three replicas is killed while all of them log in: how long until the others have done what it had begun.
//!
//! Each has as many runs in its hands as it may have at once, so what is left to do then is what the dead one held.

use std::thread;
use std::time::{Duration, Instant};

use super::measures::{FAILOVER_LOST, FAILOVER_OVERLAPS, HEARTBEAT_LIMIT, LEADER, LEADS, OTHER};
use super::replicas::{Replicas, Site};
use crate::bench::configuration::Rotations;
use crate::bench::measures::{Measure, Results, Subject, number};
use crate::error::{Error, Result};
use crate::interrupt;

const REPLICAS: u32 = 3;

/// Runs at once in each.
const CONCURRENCY: u32 = 8;

/// How many rotations there are, all under way when one is killed. Each has a user of its own.
pub(super) const ROTATIONS: u32 = REPLICAS * CONCURRENCY;

/// A login takes long enough to be interrupted.
const LOGIN: Duration = Duration::from_secs(10);

/// Until all of them have begun.
const PATIENCE: Duration = Duration::from_mins(1);

/// Much longer than anything may take, so that what takes too long is a figure.
const LONGEST: Duration = Duration::from_mins(3);

/// Kills the leader, and in another trial one that does not lead. The sandbox is to have nothing else to do.
pub(super) fn measure(site: &Site<'_>, results: &mut Results) -> Result {
    let limit = format!("heartbeat limit {HEARTBEAT_LIMIT} s");
    let leader = site.terminal.step(&format!("leader killed ({limit})"), || Trial::leader(site).run(results));
    let mut lost = leader?;
    let other = site.terminal.step(&format!("another killed ({limit})"), || Trial::other(site).run(results));
    lost += other?;
    let overlaps = site.sandbox.counters()?.overlaps("zettelstore");
    results.add(FAILOVER_LOST, Subject::Ours, number(lost as u64));
    results.add(FAILOVER_OVERLAPS, Subject::Ours, number(overlaps as u64));
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Trial<'a> {
    site: &'a Site<'a>,
    name: &'static str,
    kills_leader: bool,
    taken_over: Measure,
}

impl<'a> Trial<'a> {
    fn leader(site: &'a Site<'a>) -> Self {
        Self { site, name: "failover_leader", kills_leader: true, taken_over: LEADER }
    }

    fn other(site: &'a Site<'a>) -> Self {
        Self { site, name: "failover_other", kills_leader: false, taken_over: OTHER }
    }

    /// How many entries have no token at the end.
    fn run(self, results: &mut Results) -> Result<usize> {
        let rotations = Rotations::new(&format!("bench/{}", self.name), ROTATIONS, CONCURRENCY);
        self.site.sandbox.delay("zettelstore", LOGIN)?;
        let mut replicas = Replicas::start(self.site, self.name, REPLICAS as usize, &rotations)?;
        let leader = replicas.leader()?;
        self.wait_until_all_log_in()?;
        replicas.kill(if self.kills_leader { leader } else { (leader + 1) % REPLICAS as usize })?;
        let killed = Instant::now();
        self.site.sandbox.clear_faults()?;
        if self.kills_leader {
            replicas.leader()?;
            results.add(LEADS, Subject::Ours, killed.elapsed().as_secs_f64());
        }
        // Those that are left have begun all but the dead one's, so only with these it is so many.
        let tell = |runs| self.site.terminal.progress(&format!("{runs} of {ROTATIONS} runs by the others"));
        replicas.watch(ROTATIONS.into(), LONGEST, tell)?;
        results.add(self.taken_over, Subject::Ours, killed.elapsed().as_secs_f64());
        drop(replicas);
        let api = self.site.server.api();
        let is_lost = |user: &u32| api.version(&format!("{}/user-{user}", rotations.folder)) == 0;
        Ok((1..=ROTATIONS).filter(is_lost).count())
    }

    fn wait_until_all_log_in(&self) -> Result {
        let begun = Instant::now();
        while self.site.sandbox.counters()?.running("zettelstore") < ROTATIONS.into() {
            interrupt::check()?;
            if begun.elapsed() > PATIENCE {
                return Err(Error::unexpected("the replicas do not log in all at once"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
