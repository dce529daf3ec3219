//! Where secrets are kept, and how they are read.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Environment;

/// Where a secret is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reference {
    /// In an environment variable.
    Env(String),
    /// In a file: its content without the line break at its end.
    File(PathBuf),
}

impl Reference {
    /// Reads what is kept there: one line.
    ///
    /// # Errors
    /// When there is nothing, or nothing that can be sent.
    pub fn read(&self, environment: &dyn Environment) -> Result<SecretString, ReferenceError> {
        let text = self.read_lines(environment)?;
        if text.expose_secret().contains(['\0', '\r', '\n']) {
            return Err(ReferenceError::LineBreak { place: self.to_string() });
        }
        Ok(text)
    }

    /// Reads what is kept there, if it is a line or more.
    ///
    /// # Errors
    /// When there is nothing.
    pub fn read_lines(&self, environment: &dyn Environment) -> Result<SecretString, ReferenceError> {
        let text: SecretString = match self {
            Reference::Env(variable) => {
                let text = environment.var(variable);
                text.ok_or_else(|| ReferenceError::Unset { variable: variable.clone() })?.into()
            }
            Reference::File(path) => read_file(path)?,
        };
        if text.expose_secret().is_empty() {
            return Err(ReferenceError::Empty { place: self.to_string() });
        }
        Ok(text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Env(variable) => write!(f, "the environment variable {variable}"),
            Reference::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Why a secret cannot be had. It is never repeated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is nothing in it.
    #[error("{place} is empty")]
    Empty {
        /// Where it should be.
        place: String,
    },
    /// It has several lines.
    #[error("{place} contains a line break before its end, or a NUL")]
    LineBreak {
        /// Where it is.
        place: String,
    },
    /// It is a folder, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NoFile {
        /// Where it is.
        path: PathBuf,
    },
    /// It is not text.
    #[error("the file {} is not UTF-8", path.display())]
    NotText {
        /// Where it is.
        path: PathBuf,
    },
    /// It is longer than any secret.
    #[error("the file {} is larger than 64 KiB", path.display())]
    TooLarge {
        /// Where it is.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the file {}", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no such variable.
    #[error("the environment variable {variable} is not set, or empty")]
    Unset {
        /// Its name.
        variable: String,
    },
}

fn read_file(path: &Path) -> Result<SecretString, ReferenceError> {
    let unreadable = |source| ReferenceError::Unreadable { path: path.to_owned(), source };
    // Opening a pipe would wait for somebody to write.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(ReferenceError::NoFile { path: path.to_owned() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    let limited = File::open(path).map(|file| file.take(LARGEST as u64 + 1));
    limited.and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(ReferenceError::TooLarge { path: path.to_owned() });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| ReferenceError::NotText { path: path.to_owned() })?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.into())
}

const LARGEST: usize = 64 * 1024;
