//! Why the documentation cannot be made.

use std::io;

use thiserror::Error;

/// What a step comes to.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// What is wrong, and what to do.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The system refused.
    #[error("cannot {attempt}: {source}")]
    Attempt { attempt: String, source: io::Error },
    /// Something that has a page has no example.
    #[error("{example} is missing: every page has an example")]
    NoExample { example: String },
    /// A guide that the registry would show without a title.
    #[error("docs/{page} does not begin with front matter between two lines of `---`")]
    NoFrontMatter { page: String },
    /// A guide that does not say all of it.
    #[error("docs/{page} has no `{name}` in its front matter")]
    NoFrontMatterField { page: String, name: &'static str },
    /// What `--check` found.
    #[error("{0}")]
    NotUpToDate(String),
    /// An example of something that the provider does not have.
    #[error("{example} belongs to nothing that the provider has")]
    SurplusExample { example: String },
    /// The command line.
    #[error("`{0}` is no argument of this program: it takes `--check`, or nothing")]
    UnknownArgument(String),
}

/// Names what was being attempted when the system refused.
pub(crate) trait Attempt<T> {
    /// `attempt` continues the sentence "cannot …".
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Attempt { attempt: attempt(), source })
    }
}
