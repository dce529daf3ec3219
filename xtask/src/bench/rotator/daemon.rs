//! The daemon under measurement: its log says what it has done, and it can be made to stand still.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::process;

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running daemon, with its log as it is by default: every run is in it. It ends with this value.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    log: Log,
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
        Ok(Self { child, log })
    }

    pub(super) fn process(&self) -> Pid {
        process::pid(&self.child)
    }

    /// How many runs have ended well since its start.
    pub(super) fn rotated(&mut self) -> Result<u64> {
        self.log.read()?;
        Ok(self.log.rotated)
    }

    /// Rotation and version of the latest run that ended well and was counted.
    pub(super) fn latest(&self) -> Option<(String, u64)> {
        let line: Value = serde_json::from_str(&self.log.latest).ok()?;
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

    /// An error if it has ended, or if what is waited for has taken longer than this.
    pub(super) fn check(&mut self, begun: Instant, patience: Duration, wanted: &str) -> Result {
        interrupt::check()?;
        let ended = self.child.try_wait().attempt(|| "look at the rotator".into())?;
        let problem = match ended {
            Some(status) => format!("the rotator ended ({status})"),
            None if begun.elapsed() > patience => {
                format!("no {wanted} after {} s, but {}", patience.as_secs(), self.log.rotated)
            }
            None => return Ok(()),
        };
        Err(Error::unexpected(format!("{problem}\n{}", self.log.last_warning)))
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

/// A log that grows, read once from its beginning to its end.
#[derive(Debug)]
struct Log {
    file: File,
    /// A line whose end is not there yet.
    rest: Vec<u8>,
    rotated: u64,
    latest: String,
    last_warning: String,
}

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).attempt(|| format!("read {}", path.display()))?;
        Ok(Self { file, rest: Vec::new(), rotated: 0, latest: String::new(), last_warning: String::new() })
    }

    fn read(&mut self) -> Result {
        self.file.read_to_end(&mut self.rest).attempt(|| "read the rotator's log".into())?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            if line.contains(r#""message":"rotated""#) {
                self.rotated += 1;
                line.clone_into(&mut self.latest);
            } else if !line.contains(r#""level":"info""#) {
                line.clone_into(&mut self.last_warning);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn runs_are_counted_when_their_lines_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let rotated = r#"{"level":"info","message":"rotated","rotation":"a"}"#;
        let (begin, end) = rotated.split_at(30);
        let failed = r#"{"level":"warn","message":"cannot log in","rotation":"b"}"#;
        fs::write(&path, format!("{rotated}\n{failed}\n{begin}")).unwrap();
        let mut log = Log::open(&path).unwrap();
        log.read().unwrap();
        assert_eq!((log.rotated, log.last_warning.as_str()), (1, failed));

        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        writeln!(file, "{end}").unwrap();
        log.read().unwrap();
        assert_eq!((log.rotated, log.latest.as_str()), (2, rotated));
    }
}
