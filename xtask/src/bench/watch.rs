//! Looks at the processes of a program while something else runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Counts the open descriptors of all processes of one program, from now on.
#[derive(Debug)]
pub(super) struct Watch {
    over: Arc<AtomicBool>,
    most: JoinHandle<u32>,
}

impl Watch {
    /// By the file that the processes were started from.
    pub(super) fn start(program: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        let end = Arc::clone(&over);
        Self { over, most: thread::spawn(move || most_descriptors(&program, &end)) }
    }

    /// The most that one process had; 0 if none was seen.
    pub(super) fn end(self) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        self.most.join().unwrap_or_default()
    }
}

fn most_descriptors(program: &Path, over: &AtomicBool) -> u32 {
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        for process in processes(program) {
            most = most.max(descriptors(&process));
        }
        thread::sleep(INTERVAL);
    }
    most
}

/// Their folders in `/proc`.
fn processes(program: &Path) -> Vec<PathBuf> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let folders = all.flatten().map(|entry| entry.path());
    folders.filter(|folder| fs::read_link(folder.join("exe")).is_ok_and(|exe| exe == program)).collect()
}

/// Of a process that has ended meanwhile: none.
fn descriptors(process: &Path) -> u32 {
    let count = fs::read_dir(process.join("fd")).map_or(0, Iterator::count);
    count.try_into().unwrap_or(u32::MAX)
}

/// Seldom enough that looking costs nothing, often enough for a leak, which does not go away.
const INTERVAL: Duration = Duration::from_millis(50);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::process;

    #[test]
    fn the_descriptors_of_a_process_are_seen_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("idle");
        // Not by ourselves: what another thread starts meanwhile would have it open for writing.
        process::stdout(Command::new("cp").arg("/bin/sleep").arg(&program)).unwrap();
        let watch = Watch::start(&program);
        let mut child = process::start(Command::new(&program).arg("60").stdin(Stdio::null())).unwrap();
        thread::sleep(4 * INTERVAL);
        process::stop(&mut child, Duration::from_secs(1));
        assert!((3..10).contains(&watch.end()));
        assert_eq!(Watch::start(&program).end(), 0, "it has ended");
    }
}
