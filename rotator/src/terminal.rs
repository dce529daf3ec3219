//! What a person at a terminal sees: its width, colours, and a line that changes while something goes on.

use std::env;
use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::termios::tcgetwinsize;
use tokio::time::Instant;

/// What an output can show.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Terminal {
    /// How many characters fit into a line; `None` if it has no end.
    pub width: Option<usize>,
    /// Whether there may be colours.
    pub colours: bool,
    /// Whether a line can be written anew.
    pub moves: bool,
}

/// The few looks that we use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// Something is wrong.
    Bad,
    /// Nothing to look at.
    Dim,
    /// All is well.
    Good,
    /// Something may become wrong.
    Warning,
}

impl Terminal {
    /// Standard error.
    pub fn stderr() -> Self {
        Self::of(&io::stderr())
    }

    /// Standard output.
    pub fn stdout() -> Self {
        Self::of(&io::stdout())
    }

    /// Only a terminal that is not dumb moves, and colours can be declined by everybody.
    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        if !stream.is_terminal() {
            return Terminal::default();
        }
        let columns =
            tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let moves = env::var_os("TERM").is_none_or(|term| term != "dumb");
        let declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Terminal { width: columns, colours: moves && !declined, moves }
    }

    /// A text with its look, where there are colours.
    pub fn paint(self, look: Option<Look>, text: &str) -> String {
        match look.filter(|_| self.colours && !text.is_empty()) {
            Some(look) => format!("\x1b[{}m{text}\x1b[0m", look.code()),
            None => text.to_owned(),
        }
    }
}

impl Look {
    /// The look of a word that says how something stands.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "fine" | "proven" | "rotated" | "would rotate" => Some(Look::Good),
            "already done" | "disabled" | "not due" | "-" => Some(Look::Dim),
            "failing" | "not provable" | "partly" | "stopped" | "waiting" => Some(Look::Warning),
            "dead" | "failed" | "missing" | "refused" | "unread" => Some(Look::Bad),
            _ => None,
        }
    }

    fn code(self) -> u8 {
        match self {
            Look::Bad => 31,
            Look::Dim => 2,
            Look::Good => 32,
            Look::Warning => 33,
        }
    }
}

/// A line on standard error that says how far something has come. It is gone when this value is.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    done: usize,
    total: usize,
    /// When it was drawn last; `None` if nobody watches, or if there is not enough to watch.
    drawn: Option<Instant>,
}

impl Progress {
    /// A line about so many of the same, for those who watch.
    pub fn new(what: &'static str, total: usize, watched: bool) -> Self {
        let shown = watched && total >= WORTH_WATCHING && Terminal::stderr().moves;
        let mut progress = Progress { what, done: 0, total, drawn: None };
        if shown {
            progress.draw();
        }
        progress
    }

    /// One more is done.
    pub fn advance(&mut self) {
        self.done += 1;
        if self.drawn.is_some_and(|drawn| drawn.elapsed() >= REDRAWN_AFTER) {
            self.draw();
        }
    }

    fn draw(&mut self) {
        IS_DRAWN.store(true, Ordering::Relaxed);
        self.drawn = Some(Instant::now());
        let mut stderr = io::stderr().lock();
        drop(
            write!(stderr, "{CLEAR}{}: {} of {}", self.what, self.done, self.total)
                .and_then(|()| stderr.flush()),
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(io::stderr().lock().write_all(clear_progress().as_bytes()));
    }
}

/// What has to be written to standard error before anything else, so that no half line stays there.
pub fn clear_progress() -> &'static str {
    if IS_DRAWN.swap(false, Ordering::Relaxed) { CLEAR } else { "" }
}

static IS_DRAWN: AtomicBool = AtomicBool::new(false);
const CLEAR: &str = "\r\x1b[2K";
const REDRAWN_AFTER: Duration = Duration::from_millis(100);
const WORTH_WATCHING: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_colours_is_painted() {
        let colours = Terminal { colours: true, ..Terminal::default() };
        assert_eq!(colours.paint(Look::of("dead"), "dead"), "\x1b[31mdead\x1b[0m");
        assert_eq!(colours.paint(Look::of("corp"), "corp"), "corp");
        assert_eq!(Terminal::default().paint(Look::of("dead"), "dead"), "dead");
    }

    #[test]
    fn nobody_who_does_not_watch_sees_progress() {
        let mut progress = Progress::new("rotating", 1000, false);
        progress.advance();
        assert_eq!((progress.done, progress.drawn), (1, None));
        assert_eq!(clear_progress(), "");
    }
}
