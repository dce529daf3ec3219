//! What the user sees: one short line per step, with its outcome and its seconds.

use std::env;
use std::error::Error as _;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Where the seconds of a step stand.
const WIDTH: usize = 70;

/// Writes to stdout or stderr, in colour if a person is watching.
#[derive(Debug)]
pub(crate) struct Terminal {
    colour: bool,
    live: bool,
    stream: Stream,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Stderr,
    Stdout,
}

/// The few looks that we use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Bad,
    Bold,
    Dim,
    Good,
    Warning,
}

impl Terminal {
    /// The ordinary place for what a command says.
    pub(crate) fn stdout() -> Self {
        Self::on(Stream::Stdout, io::stdout().is_terminal())
    }

    /// For commands whose stdout is for a program.
    pub(crate) fn stderr() -> Self {
        Self::on(Stream::Stderr, io::stderr().is_terminal())
    }

    /// Colours need a terminal that wants them: `NO_COLOR` and `TERM=dumb` are honoured.
    fn on(stream: Stream, is_terminal: bool) -> Self {
        let live = is_terminal && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: live && !refused, live, stream }
    }

    /// Runs one step and prints its name, outcome and seconds.
    pub(crate) fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.live {
            self.write(&format!("{} {name}", self.paint(Look::Dim, "·")));
        }
        let start = Instant::now();
        let outcome = work();
        self.outcome(name, outcome.is_ok(), start.elapsed());
        outcome
    }

    /// As [`Terminal::step`], for work that writes to the screen itself: no line is kept open meanwhile.
    pub(crate) fn long_step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let outcome = work();
        self.outcome(name, outcome.is_ok(), start.elapsed());
        outcome
    }

    /// Prints how something ended that was timed elsewhere.
    pub(crate) fn outcome(&self, name: &str, good: bool, took: Duration) {
        let mark = if good { self.paint(Look::Good, "✓") } else { self.paint(Look::Bad, "✗") };
        let padding = " ".repeat(WIDTH.saturating_sub(name.chars().count()));
        let seconds = self.paint(Look::Dim, format!("{:>6.1} s", took.as_secs_f64()));
        let clear = if self.live { "\r\x1b[2K" } else { "" };
        self.line(&format!("{clear}{mark} {name}{padding}{seconds}"));
    }

    /// Shows how far a step is, in its own line, if a person is watching.
    pub(crate) fn progress(&self, text: &str) {
        if self.live {
            self.write(&format!("\r\x1b[2K{} {text}", self.paint(Look::Dim, "·")));
        }
    }

    /// A finding below a step.
    pub(crate) fn detail(&self, text: &str) {
        self.line(&format!("    {text}"));
    }

    /// A finding that is a check of its own, without a time.
    pub(crate) fn verdict(&self, good: bool, text: &str) {
        let mark = if good { self.paint(Look::Good, "✓") } else { self.paint(Look::Bad, "✗") };
        self.line(&format!("{mark} {text}"));
    }

    /// A heading with an empty line above it.
    pub(crate) fn heading(&self, text: &str) {
        self.line(&format!("\n{}", self.paint(Look::Bold, text)));
    }

    /// One line as it is.
    pub(crate) fn line(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// The error with its chain of causes.
    pub(crate) fn error(&self, error: &Error) {
        let mut text = format!("{} {error}", self.paint(Look::Bad, "error:"));
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        self.line(&text);
    }

    /// Text in one of our looks, if colours are wanted.
    pub(crate) fn paint(&self, look: Look, text: impl Display) -> String {
        let code = match look {
            Look::Bad => "1;31",
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Warning => "33",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn write(&self, text: &str) {
        let mut stream: Box<dyn Write> = match self.stream {
            Stream::Stderr => Box::new(io::stderr()),
            Stream::Stdout => Box::new(io::stdout()),
        };
        // A reader that has gone away (`| head`) is no reason to leave children behind.
        stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).ok();
    }
}

/// A secret as it may appear on a screen: its first two characters.
pub(crate) fn mask(secret: &str) -> String {
    format!("{}…", secret.chars().take(2).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_secret_shows_two_characters() {
        assert_eq!(mask("hunter2"), "hu…");
        assert_eq!(mask(""), "…");
        assert_eq!(mask("äöü"), "äö…");
    }

    #[test]
    fn without_colour_text_stays_as_it_is() {
        let plain = Terminal::on(Stream::Stdout, false);
        assert_eq!(plain.paint(Look::Bad, "no"), "no");
    }
}
