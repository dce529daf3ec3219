//! Child processes: started in a group of their own, waited for, interrupted with us.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{Attempt, Error, Result};
use crate::interrupt::{self, Foreground};

/// Runs a program to its end with our own stdout and stderr.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let mut child = start(command.stdin(Stdio::null()))?;
    let _foreground = Foreground::enter(pid(&child));
    let status = child.wait().attempt(|| format!("wait for {}", name(command)))?;
    interrupt::check()?;
    Ok(status)
}

/// Runs a program to its end and keeps what it said, whatever its exit code.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let _foreground = Foreground::enter(pid(&child));
    let output = child.wait_with_output().attempt(|| format!("wait for {}", name(command)))?;
    interrupt::check()?;
    Ok(output)
}

/// As [`output`], but a program that fails is an error that shows the end of what it said.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        return Err(failure(command, &output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program to its end and hands over each line of its stdout; stderr is ours.
pub(crate) fn lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let _foreground = Foreground::enter(pid(&child));
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.attempt(|| format!("read what {} says", name(command)))?;
            each(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait().attempt(|| format!("wait for {}", name(command)))?;
    interrupt::check()?;
    Ok(status)
}

/// The error for a program that failed.
pub(crate) fn failure(command: &Command, output: &Output) -> Error {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Error::Program {
        program: name(command),
        status: output.status.to_string(),
        output: last_lines(&String::from_utf8_lossy(&said), 40),
    }
}

/// Starts a program in a process group of its own.
pub(crate) fn start(command: &mut Command) -> Result<Child> {
    interrupt::check()?;
    command.process_group(0).spawn().attempt(|| format!("start {}", name(command)))
}

/// Asks a child to end, waits for it, and kills it if it does not listen. Returns how it ended.
pub(crate) fn stop(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let asked = Instant::now();
    kill(pid(child), Signal::SIGTERM).ok();
    while asked.elapsed() < patience {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            ended => return ended.ok().flatten(),
        }
    }
    child.kill().ok();
    child.wait().ok()
}

/// The program's name without its folder, and its first argument: enough to recognise it.
pub(crate) fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let file = program.file_name().unwrap_or(program.as_os_str());
    let first = command.get_args().next().unwrap_or(OsStr::new(""));
    format!("`{} {}`", file.to_string_lossy(), first.to_string_lossy()).replace(" `", "`")
}

/// The process id of a child that has not been waited for.
pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
