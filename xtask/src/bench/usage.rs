//! What a process that still runs has used up to now.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;

use crate::error::{Attempt, Error, Result};

/// Resident memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) rss_kib: u32,
    /// The most there ever was. Unlike what `wait` tells, it does not begin with what the parent had.
    pub(super) peak_rss_kib: u32,
}

/// CPU time, of threads that have ended, too; to the nanosecond where `/proc` counts ticks.
#[cfg(target_os = "linux")]
pub(super) fn cpu(process: Pid) -> Result<Duration> {
    use nix::sys::time::TimeValLike;
    use nix::time::{clock_getcpuclockid, clock_gettime};

    let used = clock_getcpuclockid(process).and_then(clock_gettime);
    let used = used.attempt(|| format!("read the CPU time of process {process}"))?;
    Ok(Duration::from_nanos(used.num_nanoseconds().try_into().unwrap_or(0)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn cpu(_: Pid) -> Result<Duration> {
    Err(Error::unexpected("the benchmark needs Linux, where one process can read another's CPU clock"))
}

/// CPU time of all children that have ended, and of their children.
pub(super) fn children_cpu() -> Result<Duration> {
    used(UsageWho::RUSAGE_CHILDREN)
}

/// Our own CPU time, with all threads.
pub(super) fn own_cpu() -> Result<Duration> {
    used(UsageWho::RUSAGE_SELF)
}

fn used(by: UsageWho) -> Result<Duration> {
    let usage = getrusage(by).attempt(|| "read the CPU time of our own or our children".into())?;
    let time = |value: TimeVal| {
        let microseconds = value.tv_sec() * 1_000_000 + value.tv_usec();
        Duration::from_micros(microseconds.try_into().unwrap_or(0))
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// As the kernel tells it.
pub(super) fn memory(process: Pid) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .attempt(|| format!("look at the memory of process {process}"))?;
    Ok(Memory { rss_kib: kibibytes(&status, "VmRSS:")?, peak_rss_kib: kibibytes(&status, "VmHWM:")? })
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub(super) fn mebibytes(kibibytes: u32) -> f64 {
    f64::from(kibibytes) / 1024.0
}

fn kibibytes(status: &str, field: &str) -> Result<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| Error::unexpected(format!("the kernel does not tell {field}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_process_status() {
        let status = "Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:").unwrap(), 4096);
        assert!(kibibytes(status, "VmSwap:").is_err());
    }
}
