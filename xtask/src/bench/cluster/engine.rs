//! The engine alone: errands go through queue, locks and outcomes, and nothing is done in between.

use std::path::Path;
use std::process::Command;

use super::measures::EMPTY_RATES;
use super::postgres;
use crate::bench::measures::{Results, Subject};
use crate::error::{Error, Result};
use crate::process;

/// Enough for seconds, so that a start in step matters little.
const RUNS: u32 = 10_000;

/// Ten runs for each.
const CREDENTIALS: u32 = 1_000;

/// Counts the databases: each measurement has a new one.
#[derive(Debug)]
pub(super) struct Engine<'a> {
    /// The rotator's example `cluster`.
    pub(super) program: &'a Path,
    pub(super) postgres: &'a postgres::Server,
    /// At once in each replica.
    pub(super) concurrency: u32,
    pub(super) databases: u32,
}

impl Engine<'_> {
    /// Measures one, two and three replicas.
    pub(super) fn round(&mut self, results: &mut Results) -> Result {
        for (replicas, measure) in (1..).zip(EMPTY_RATES) {
            let rate = self.rate(replicas)?;
            results.add(measure, Subject::Ours, rate);
        }
        Ok(())
    }

    fn rate(&mut self, replicas: u32) -> Result<f64> {
        self.databases += 1;
        let url = self.postgres.database(&format!("empty_{}", self.databases))?;
        let mut command = Command::new(self.program);
        command.arg(url).args([replicas, RUNS, CREDENTIALS, self.concurrency].map(|count| count.to_string()));
        let said = process::stdout(&mut command)?;
        rate(&said).ok_or_else(|| Error::unexpected(format!("no rate of empty runs in: {said}")))
    }
}

/// Out of `10000 runs in 4.00 s: 2500 a second`.
fn rate(said: &str) -> Option<f64> {
    let (_, rest) = said.lines().last()?.split_once(" s: ")?;
    rest.strip_suffix(" a second")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_last_line() {
        assert_eq!(rate("hello\n10000 runs in 4.00 s: 2500 a second\n"), Some(2500.0));
        assert_eq!(rate("10000 runs in 4.00 s\n"), None);
        assert_eq!(rate(""), None);
    }
}
