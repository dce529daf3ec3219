//! The daemon at work, as its log tells.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::log::Log;
use crate::process;

/// How long the next event may be in coming; longer than the pause between two runs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// A running daemon. It is stopped when this value is dropped.
#[derive(Debug)]
pub(in crate::demo) struct Daemon {
    child: Option<Child>,
    log: Log,
    events: VecDeque<Event>,
}

/// What we read of a line of its log.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    level: String,
    pub(super) message: String,
    pub(super) rotation: Option<String>,
    pub(super) reason: Option<String>,
    /// Of an entry a number; of the program, at the start, a text.
    #[serde(default)]
    version: Value,
    error: Option<String>,
}

impl Daemon {
    /// Starts a command that logs JSON to this file.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = Log::open(log)?;
        Ok(Self { child: Some(process::start(command)?), log, events: VecDeque::new() })
    }

    /// Waits for the next event with this message. Trouble is an error: there is none in the demo.
    pub(super) fn wait_for(&mut self, message: &str) -> Result<Event> {
        let begun = Instant::now();
        loop {
            self.read()?;
            while let Some(event) = self.events.pop_front() {
                event.check()?;
                if event.message == message {
                    return Ok(event);
                }
            }
            self.check(begun, message)?;
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, and returns its exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        process::stop(self.child.take().as_mut()?, GRACE)?.code()
    }

    /// Lets it run on without us, and returns its process id.
    pub(in crate::demo) fn leave_running(mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }

    fn read(&mut self) -> Result {
        for line in self.log.new_lines()?.lines() {
            self.events
                .push_back(serde_json::from_str(line).attempt(|| format!("read the log line {line}"))?);
        }
        Ok(())
    }

    fn check(&mut self, begun: Instant, wanted: &str) -> Result {
        interrupt::check()?;
        let ended = self.child.as_mut().map(Child::try_wait);
        match ended {
            Some(Ok(None)) if begun.elapsed() < PATIENCE => Ok(()),
            Some(Ok(Some(status))) => Err(Error::unexpected(format!("the rotator ended ({status})"))),
            _ => Err(Error::unexpected(format!("the rotator's log has no line `{wanted}`"))),
        }
    }
}

impl Event {
    /// The version of the entry that was written.
    pub(super) fn version(&self) -> u64 {
        self.version.as_u64().unwrap_or_default()
    }

    fn check(&self) -> Result {
        if !["error", "warn"].contains(&self.level.as_str()) {
            return Ok(());
        }
        let error = self.error.as_deref().unwrap_or_default();
        Err(Error::Findings(format!("the rotator is in trouble: {} {error}", self.message)))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            process::stop(child, GRACE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_in_the_log_is_told_with_its_cause() {
        let line = r#"{"timestamp":"t","level":"warn","message":"failed","rotation":"a","error":"refused"}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(event.check().unwrap_err().to_string(), "the rotator is in trouble: failed refused");
        let line = r#"{"level":"info","message":"rotated","rotation":"a","reason":"expiry","version":3}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert!(event.check().is_ok() && event.version() == 3);
    }
}
