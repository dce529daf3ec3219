//! What can go wrong in a command, told so that the reader knows what to do next.

use std::io;
use std::process::ExitCode;

use thiserror::Error;

/// What a command comes to.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// Why a command ended early.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// Something outside refused: a file, a process, a socket.
    #[error("cannot {attempt}")]
    Attempt { attempt: String, source: io::Error },
    /// The command did its work, and what it found is bad; the findings are on the screen already.
    #[error("{0}")]
    Findings(String),
    /// The user pressed Ctrl-C, or somebody asked us to end.
    #[error("interrupted")]
    Interrupted,
    /// What a command needs is not on this machine.
    #[error("{0}")]
    Missing(String),
    /// A program we started failed.
    #[error("{program} failed ({status})\n{output}")]
    Program { program: String, status: String, output: String },
    /// A program answered with something that we cannot use.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// 130 for an interrupt, as shells have it; 2 for a machine that lacks something; 1 for all else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Interrupted => ExitCode::from(130),
            Self::Missing(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Shorthand for an answer that makes no sense.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::Unexpected(message.into())
    }
}

/// Names what was being attempted when the system refused.
pub(crate) trait Attempt<T> {
    /// `attempt` continues the sentence "cannot …".
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Attempt { attempt: attempt(), source: source.into() })
    }
}
