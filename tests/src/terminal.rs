//! A terminal that nobody sits at: what a program shows to people, with everything that moves and glows.

use std::io::{PipeReader, Read as _};
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use tokio::process::Command;
use tokio::time::timeout;

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// How the program ended.
    pub status: ExitStatus,
    /// Everything that was sent to the terminal, as it was sent.
    pub sent: String,
}

impl Seen {
    /// The lines that are left in the end: what was written over is gone, and so are the colours.
    pub fn lines(&self) -> Vec<String> {
        let last_state = |line: &str| line.rsplit("\x1b[2K").next().unwrap_or_default().to_owned();
        self.sent.replace('\r', "").lines().map(last_state).map(|line| without_colours(&line)).collect()
    }
}

/// Runs a command on a terminal with so many columns.
///
/// # Panics
///
/// If it cannot be started, or does not end.
pub async fn on_terminal(mut command: Command, columns: u16) -> Seen {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let end = |of: &OwnedFd| Stdio::from(of.try_clone().unwrap());
    command.stdin(Stdio::null()).stdout(end(&terminal.slave)).stderr(end(&terminal.slave));
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    // The terminal ends with the last who could write to it.
    drop((command, terminal.slave));
    let reader = thread::spawn(move || read_all(PipeReader::from(terminal.master)));
    let status = timeout(PATIENCE, child.wait()).await.expect("it does not end").unwrap();
    Seen { status, sent: reader.join().unwrap() }
}

/// A terminal ends with an error where a pipe just ends.
fn read_all(mut master: PipeReader) -> String {
    let (mut sent, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(length) = master.read(&mut part) {
        if length == 0 {
            break;
        }
        sent.extend_from_slice(&part[..length]);
    }
    String::from_utf8(sent).unwrap()
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

const PATIENCE: Duration = Duration::from_secs(90);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_program_sees_a_terminal_of_that_width() {
        let seen = on_terminal(shell("test -t 1 && test -t 2 && stty size <&1; exit 3"), 77).await;
        assert_eq!((seen.status.code(), seen.lines()), (Some(3), vec!["50 77".to_owned()]));
    }

    #[tokio::test]
    async fn what_is_written_over_is_gone() {
        let seen =
            on_terminal(shell("printf '\\r\\033[2K1 of 2\\r\\033[2K\\033[32mdone\\033[0m\\n'"), 80).await;
        assert!(seen.sent.contains("1 of 2"));
        assert_eq!(seen.lines(), ["done"]);
    }
}
