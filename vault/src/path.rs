//! Mounts and paths of Vault, as users write them.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// An entry of a KV secrets engine.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KvPath {
    /// Where the engine is mounted, without slashes at its ends.
    pub mount: Arc<str>,
    /// The path below it, without slashes at its ends and without `data/`.
    pub path: Arc<str>,
}

impl fmt::Display for KvPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mount, self.path)
    }
}

/// Why a text is no mount and no path.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PathError {
    /// It has characters that nobody means.
    #[error("contains a control character, or white space at its ends")]
    Control,
    /// It goes up.
    #[error("contains `.` or `..` as a step")]
    Dots,
    /// There is nothing.
    #[error("is empty; write the name of one step, or of several as in `a/b`")]
    Empty,
    /// Something is missing in it.
    #[error("contains an empty step, `//`; write `a/b`, without an empty step")]
    EmptyStep,
}

/// A mount or a path without the slash that may stand at either end: Vault itself lists mounts with one.
///
/// # Errors
/// When it names nothing, or something else than it seems to.
pub fn entry_path(text: &str) -> Result<String, PathError> {
    let path = text.strip_prefix('/').unwrap_or(text);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.chars().any(char::is_control) || text.trim() != text {
        return Err(PathError::Control);
    }
    if path.split('/').any(str::is_empty) {
        return Err(PathError::EmptyStep);
    }
    if path.split('/').any(|step| matches!(step, "." | "..")) {
        return Err(PathError::Dots);
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_either_end_does_not_matter() {
        for (text, path) in
            [("secret", "secret"), ("secret/", "secret"), ("/a/b c/", "a/b c"), ("data/x", "data/x")]
        {
            assert_eq!(entry_path(text).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_names_no_entry_is_refused() {
        let cases = [
            ("", PathError::Empty),
            ("/", PathError::Empty),
            ("a//b", PathError::EmptyStep),
            ("a//", PathError::EmptyStep),
            ("a/../b", PathError::Dots),
            ("./a", PathError::Dots),
            ("a\u{0}b", PathError::Control),
            (" a", PathError::Control),
        ];
        for (text, reason) in cases {
            assert_eq!(entry_path(text), Err(reason), "{text:?}");
        }
    }
}
