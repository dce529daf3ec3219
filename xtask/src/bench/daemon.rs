//! The daemon under measurement: its log says what it has done, and it can be made to stand still.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::log::Log;
use crate::process;

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running daemon, with its log as it is by default: every run is in it. It ends with this value.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    log: Log,
    seen: Seen,
}

impl Daemon {
    /// Starts it with this configuration and environment, and a new log.
    pub(super) fn start(
        program: &Path,
        configuration: &Path,
        environment: &[(&'static str, String)],
    ) -> Result<Self> {
        let log = configuration.with_extension("log");
        let errors = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let log = Log::open(&log)?;
        let mut command = Command::new(program);
        command.args(["run", "--log-format", "json", "--config"]).arg(configuration);
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        let child =
            process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(errors)))?;
        Ok(Self { child, log, seen: Seen::default() })
    }

    pub(super) fn process(&self) -> Pid {
        process::pid(&self.child)
    }

    /// What it has said of its part among replicas: whether it leads. Nothing before it is one of them.
    pub(super) fn leads(&mut self) -> Result<Option<bool>> {
        self.rotated()?;
        Ok(self.seen.leads)
    }

    /// Ends it as a lost machine does, without a chance to say anything.
    pub(super) fn kill(self) {
        kill(self.process(), Signal::SIGKILL).ok();
    }

    /// How late its runs began that have ended well, in milliseconds.
    pub(super) fn lags(&self) -> &[u64] {
        &self.seen.lags
    }

    /// How many runs have ended well since its start.
    pub(super) fn rotated(&mut self) -> Result<u64> {
        self.seen.take_in(&self.log.new_lines()?);
        Ok(self.seen.rotated)
    }

    /// Rotation and version of the latest run that ended well and was counted.
    pub(super) fn latest(&self) -> Option<(String, u64)> {
        let line: Value = serde_json::from_str(&self.seen.latest).ok()?;
        Some((line["rotation"].as_str()?.to_owned(), line["version"].as_u64()?))
    }

    /// Waits until so many runs have ended well.
    pub(super) fn wait_for(&mut self, runs: u64, patience: Duration) -> Result {
        let begun = Instant::now();
        while self.rotated()? < runs {
            self.check(begun, patience, &format!("{runs} runs"))?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// As [`Daemon::wait_for`], but looks seldom enough not to be in the way, and tells what it sees.
    pub(super) fn watch(&mut self, runs: u64, patience: Duration, mut tell: impl FnMut(u64)) -> Result {
        let begun = Instant::now();
        loop {
            let rotated = self.rotated()?;
            if rotated >= runs {
                return Ok(());
            }
            tell(rotated);
            self.check(begun, patience, &format!("{runs} runs"))?;
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it knows all of its entries.
    pub(super) fn wait_until_read(&mut self, patience: Duration) -> Result {
        let begun = Instant::now();
        while !self.seen.all_read {
            self.rotated()?;
            self.check(begun, patience, "end of reading")?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// An error if it has ended, or if what is waited for has taken longer than this.
    pub(super) fn check(&mut self, begun: Instant, patience: Duration, wanted: &str) -> Result {
        interrupt::check()?;
        let ended = self.child.try_wait().attempt(|| "look at the rotator".into())?;
        let problem = match ended {
            Some(status) => format!("the rotator ended ({status})"),
            None if begun.elapsed() > patience => {
                format!("no {wanted} after {} s, but {}", patience.as_secs(), self.seen.rotated)
            }
            None => return Ok(()),
        };
        Err(Error::unexpected(format!("{problem}\n{}", self.seen.last_warning)))
    }

    /// Makes it stand still; what others send to it waits.
    pub(super) fn pause(&self) {
        kill(self.process(), Signal::SIGSTOP).ok();
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        kill(self.process(), Signal::SIGCONT).ok();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.resume();
        process::stop(&mut self.child, PATIENCE);
    }
}

/// What its log has told so far.
#[derive(Debug, Default)]
struct Seen {
    all_read: bool,
    leads: Option<bool>,
    rotated: u64,
    lags: Vec<u64>,
    latest: String,
    last_warning: String,
}

impl Seen {
    fn take_in(&mut self, lines: &str) {
        for line in lines.lines() {
            if line.contains(r#""message":"rotated""#) {
                self.rotated += 1;
                self.lags.extend(lag(line));
                line.clone_into(&mut self.latest);
            } else if line.contains(r#""message":"all entries are read""#) {
                self.all_read = true;
            } else if line.contains(r#""message":"this replica leads"#) {
                self.leads = Some(true);
            } else if line.contains(r#""message":"this replica stands by"#) {
                self.leads = Some(false);
            } else if !line.contains(r#""level":"info""#) {
                line.clone_into(&mut self.last_warning);
            }
        }
    }
}

/// Without reading the rest: there are thousands of lines a second, and we share the machine with what we measure.
fn lag(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(r#""lag_ms":"#)?;
    rest.split([',', '}']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_runs_are_counted_and_the_last_trouble_is_kept() {
        let rotated = r#"{"lag_ms":12,"level":"info","message":"rotated","rotation":"a"}"#;
        let next = r#"{"level":"info","message":"next run","rotation":"a"}"#;
        let failed = r#"{"level":"warn","message":"cannot log in","rotation":"b"}"#;
        let mut seen = Seen::default();
        seen.take_in(&format!("{rotated}\n{next}\n{failed}\n"));
        assert_eq!((seen.rotated, seen.latest.as_str(), seen.last_warning.as_str()), (1, rotated, failed));
        seen.take_in(&format!("{rotated}\n"));
        assert_eq!((seen.rotated, seen.last_warning.as_str()), (2, failed));
        assert_eq!((seen.lags.as_slice(), seen.all_read), ([12, 12].as_slice(), false));
        seen.take_in(r#"{"level":"info","message":"all entries are read"}"#);
        assert!(seen.all_read);
    }

    #[test]
    fn the_part_of_a_replica_is_the_one_it_told_last() {
        let mut seen = Seen::default();
        assert_eq!(seen.leads, None);
        seen.take_in(r#"{"level":"info","message":"this replica stands by: it works"}"#);
        assert_eq!(seen.leads, Some(false));
        seen.take_in(r#"{"level":"info","message":"this replica leads: it dispatches"}"#);
        assert_eq!(seen.leads, Some(true));
    }
}
