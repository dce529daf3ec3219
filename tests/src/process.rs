//! A child process whose output is collected while it runs, and which dies with its handle.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokenferry_leaks::open_log;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// A running (or ended) program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// What it wrote to its standard output so far.
    pub stdout: Output,
    /// What it wrote to its standard error so far.
    pub stderr: Output,
}

impl Process {
    /// Starts `command` with nothing on its standard input.
    pub fn spawn(command: &mut Command) -> Self {
        Self::start(command, None)
    }

    /// The same, and keeps all that it prints as a log of this `kind`, in which no secret may stand.
    pub fn spawn_logged(command: &mut Command, kind: &str) -> Self {
        Self::start(command, Some(kind))
    }

    fn start(command: &mut Command, kind: Option<&str>) -> Self {
        let (stdout, stderr) = (io::pipe().unwrap(), io::pipe().unwrap());
        let child = command.stdin(Stdio::null()).stdout(stdout.1).stderr(stderr.1).kill_on_drop(true).spawn();
        // The command holds the other ends of the pipes, which would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let log = || kind.and_then(|kind| open_log(kind).unwrap()).map(|(_, log)| log);
        Self { child, stdout: Output::collect(stdout.0, log()), stderr: Output::collect(stderr.0, log()) }
    }

    /// Its process id.
    ///
    /// # Panics
    ///
    /// If it has ended and the end was seen.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process has ended")
    }

    /// Waits for it to end by itself.
    ///
    /// # Panics
    ///
    /// If it does not within `limit`.
    pub async fn exit(&mut self, limit: Duration) -> ExitStatus {
        let Ok(status) = timeout(limit, self.child.wait()).await else {
            panic!("still running after {limit:?}; standard error:\n{}", self.stderr.text());
        };
        status.unwrap()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        send(self.id(), signal);
    }

    /// The most memory it ever held, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        status(self.id(), "VmHWM:").expect("it runs")
    }

    /// The number of files, sockets and pipes that it holds open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }
}

/// Sends `signal` to the process `id`.
pub fn send(id: u32, signal: Signal) {
    signal::kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
}

/// What a process held at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Files, sockets and pipes.
    pub open_files: u64,
    /// The most memory up to then, in KiB.
    pub peak_memory_kib: u64,
}

/// The processes that `parent` has started from a file whose name begins with `program`, and what they hold. Who ends
/// meanwhile is left out.
pub fn children(parent: u32, program: &str) -> Vec<(u32, Usage)> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| status(*id, "PPid:") == Some(parent.into()) && runs(*id, program);
    processes.filter(is_child).filter_map(|id| Some((id, usage(id)?))).collect()
}

fn runs(id: u32, program: &str) -> bool {
    let file = fs::read_link(format!("/proc/{id}/exe")).ok();
    file.as_deref().and_then(Path::file_name).is_some_and(|name| name.to_string_lossy().starts_with(program))
}

fn usage(id: u32) -> Option<Usage> {
    let open_files = fs::read_dir(format!("/proc/{id}/fd")).ok()?.count().try_into().ok()?;
    Some(Usage { open_files, peak_memory_kib: status(id, "VmHWM:")? })
}

/// A number in the status of a process; `None` when the process has ended.
fn status(id: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// One output stream of a process.
#[derive(Debug)]
pub struct Output(watch::Receiver<Vec<u8>>);

impl Output {
    /// In a thread: whatever comes after the end of the test, which ends its tasks, belongs into the log too.
    fn collect(mut stream: PipeReader, mut log: Option<File>) -> Self {
        let (sender, receiver) = watch::channel(Vec::new());
        // Ends with the stream, which ends with the process.
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if let Some(log) = &mut log {
                    log.write_all(&buffer[..count]).unwrap();
                }
                sender.send_modify(|bytes| bytes.extend_from_slice(&buffer[..count]));
            }
        });
        Self(receiver)
    }

    /// What has arrived so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }

    /// The first line without its end, or nothing if the stream ends or `limit` passes before it.
    pub async fn first_line(&self, limit: Duration) -> Option<String> {
        self.line_that(limit, |_| true).await
    }

    /// The first whole line that `is_it` accepts.
    pub async fn line_that(&self, limit: Duration, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let find = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let (whole, _) = text.rsplit_once('\n')?;
            whole.lines().find(|line| is_it(line)).map(str::to_owned)
        };
        let mut receiver = self.0.clone();
        match timeout(limit, receiver.wait_for(|bytes| find(bytes).is_some())).await {
            Ok(Ok(bytes)) => find(&bytes),
            Ok(Err(_)) => find(&self.0.borrow()),
            Err(_) => None,
        }
    }

    /// All of it, once every holder of the stream's other end has closed it.
    ///
    /// # Panics
    ///
    /// If somebody still holds it after `limit`.
    pub async fn whole(&self, limit: Duration) -> String {
        assert!(timeout(limit, self.ended()).await.is_ok(), "the stream is still open after {limit:?}");
        self.text()
    }

    /// Waits until every holder of the stream's other end has closed it.
    pub async fn ended(&self) {
        let mut receiver = self.0.clone();
        while receiver.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use tokenferry_leaks::{CANARY, note_secret};

    use super::*;

    /// `cargo xtask test` demands that its search finds it, on both streams.
    #[tokio::test]
    async fn what_is_printed_is_kept_for_the_search() {
        const VALUE: &str = "5k7-made-up-to-be-found";
        note_secret(CANARY, VALUE).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"echo "$0"; echo "$0" >&2"#, VALUE]);
        let process = Process::spawn_logged(&mut command, CANARY);
        for stream in [&process.stdout, &process.stderr] {
            assert_eq!(stream.whole(Duration::from_secs(20)).await, format!("{VALUE}\n"));
        }
    }
}
