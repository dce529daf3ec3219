//! Programs behind the recorder, which notes what each of their starts cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::process;

/// A folder from which a program is started through the recorder.
#[derive(Debug)]
pub(super) struct Recorded {
    folder: PathBuf,
}

/// What the starts of one command cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Starts {
    pub(super) count: u32,
    pub(super) cpu_ms: f64,
    pub(super) peak_rss_kib: u32,
    pub(super) wall_ms: f64,
}

impl Recorded {
    /// Installs `recorder` in `folder` under the name `file`, and the real program below it.
    pub(super) fn install(folder: &Path, file: &str, program: &Path, recorder: &Path) -> Result<Self> {
        mirror::make_folder(&folder.join("real"))?;
        mirror::place(recorder, &folder.join(file))?;
        mirror::place(program, &folder.join("real").join(file))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where the real program with this name is.
    pub(super) fn program(&self, file: &str) -> PathBuf {
        self.folder.join("real").join(file)
    }

    /// The folder for `dev_overrides`.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs the program to its end, with this environment and no other.
    pub(super) fn run(
        &self,
        file: &str,
        arguments: &[&str],
        environment: &[(&'static str, String)],
    ) -> Result {
        let mut command = Command::new(self.folder.join(file));
        command.args(arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        process::stdout(&mut command).map(drop)
    }

    /// The sum over all starts since the last call. Providers have ended when Terraform has: it waits for them.
    pub(super) fn take(&self) -> Result<Starts> {
        let log = self.folder.join("starts.log");
        let text =
            fs::read_to_string(&log).attempt(|| format!("read {}: was nothing started?", log.display()))?;
        fs::remove_file(&log).attempt(|| format!("remove {}", log.display()))?;
        sum(&text)
    }
}

fn sum(log: &str) -> Result<Starts> {
    let mut starts = Starts::default();
    for line in log.lines() {
        let mut numbers = line.split(' ').map(str::parse::<u32>);
        let (Some(Ok(cpu_us)), Some(Ok(rss_kib)), Some(Ok(wall_us))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(Error::unexpected(format!("the recorder wrote `{line}`")));
        };
        starts.count += 1;
        starts.cpu_ms += f64::from(cpu_us) / 1000.0;
        starts.wall_ms += f64::from(wall_us) / 1000.0;
        starts.peak_rss_kib = starts.peak_rss_kib.max(rss_kib);
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_added_over_the_starts_and_memory_is_the_greatest() {
        let starts = sum("1500 6000 2000\n2500 7000 3000\n").unwrap();
        assert_eq!(starts, Starts { count: 2, cpu_ms: 4.0, peak_rss_kib: 7000, wall_ms: 5.0 });
        assert!(sum("garbage\n").is_err());
    }
}
