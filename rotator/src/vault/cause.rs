//! What is behind an error.

use std::error::Error;

use tokenferry_sources::cause::chain;

/// An error with all its causes, on one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.join(": ")
}
