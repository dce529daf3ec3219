//! What goes wrong with the database, told without what the server or a library says: that may quote anything.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::error::Error;
use sqlx::migrate::MigrateError;
use thiserror::Error;
use tokenferry_sources::ReferenceError;

/// Why the database cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// Something was sent, and came to nothing.
    #[error("cannot {doing} the database: {cause}")]
    Failed {
        /// What was attempted.
        doing: &'static str,
        /// What came back.
        cause: Cause,
    },
    /// It is not said where it is.
    #[error("`database_url` is not a URL of PostgreSQL")]
    NoUrl,
    /// What it is asked and tells would be readable on its way.
    #[error("the database at {host} would be talked to without TLS")]
    Plaintext {
        /// Which host.
        host: String,
    },
    /// Where it is cannot be read.
    #[error("cannot read `database_url`")]
    Unreadable(#[source] ReferenceError),
}

/// What came back from the database.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// An error with its code.
    #[error("SQLSTATE {0}{told}", told = meaning(.0))]
    Code(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Silence(Duration),
    /// The connection could not be made, or was lost.
    #[error("{0}")]
    Connection(ErrorKind),
    /// The server did not prove who it is, or wants no TLS.
    #[error("no TLS connection could be made")]
    Tls,
    /// An answer that is not understood.
    #[error("an answer that is not understood ({0})")]
    Unexpected(&'static str),
}

impl DatabaseError {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            DatabaseError::NoUrl => {
                "write it as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full"
            }
            DatabaseError::Plaintext { .. } => {
                "set sslmode=verify-full in its URL, or `allow_plaintext = true` if the network in between is yours"
            }
            DatabaseError::Unreadable(_) => "see where `database_url` says that it is kept",
            DatabaseError::Failed { cause, .. } => cause.advice(),
        }
    }

    /// A duration that nobody answered in.
    pub(super) fn silence(doing: &'static str, limit: Duration) -> Self {
        DatabaseError::Failed { doing, cause: Cause::Silence(limit) }
    }
}

impl Cause {
    fn advice(&self) -> &'static str {
        match self {
            Cause::Code(code) if code.starts_with("28") => "see user, password and pg_hba.conf",
            Cause::Code(code) => match &**code {
                "3D000" => "create the database, or correct its name in `database_url`",
                "42501" => "grant the right; the operator's guide lists what is needed",
                "53300" => "raise max_connections, or run fewer replicas",
                _ => "look into the log of PostgreSQL",
            },
            Cause::Tls => "see `ca_cert_file` and sslmode in `database_url`",
            Cause::Silence(_) | Cause::Connection(_) => {
                "see whether PostgreSQL runs and can be reached; work goes on by itself when it is back"
            }
            Cause::Unexpected(_) => "see whether that is PostgreSQL, and of a supported version",
        }
    }
}

/// What the most frequent codes mean. A server may send any.
fn meaning(code: &str) -> &'static str {
    match code {
        "28000" | "28P01" => " (the login was refused)",
        "3D000" => " (there is no such database)",
        "25006" => " (it cannot be written: a standby?)",
        "42501" => " (a right is missing)",
        "53300" => " (too many connections)",
        "57P01" | "57P02" => " (the server ended the connection)",
        "57P03" => " (the server is starting or stopping)",
        "58P01" => " (an extension is not installed)",
        _ => "",
    }
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        match error {
            Error::Database(told) => {
                let code = told.code().unwrap_or_default();
                let is_code = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
                Cause::Code(if is_code { code.into_owned() } else { "unknown".to_owned() })
            }
            // So it is told that a certificate is not trusted.
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => Cause::Tls,
            Error::Io(error) => Cause::Connection(error.kind()),
            Error::Tls(_) => Cause::Tls,
            Error::PoolTimedOut => Cause::Silence(LIMIT),
            Error::PoolClosed | Error::WorkerCrashed => Cause::Connection(ErrorKind::NotConnected),
            Error::Protocol(_) => Cause::Unexpected("protocol"),
            Error::RowNotFound => Cause::Unexpected("no row"),
            Error::Migrate(error) => match &**error {
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Cause::from(error),
                _ => Cause::Unexpected("migration"),
            },
            Error::Configuration(_) => Cause::Unexpected("configuration"),
            _ => Cause::Unexpected("a value of another type"),
        }
    }
}

/// Says what was attempted.
pub(super) trait Failed<T> {
    fn doing(self, doing: &'static str) -> Result<T, DatabaseError>;
}

impl<T> Failed<T> for Result<T, Error> {
    fn doing(self, doing: &'static str) -> Result<T, DatabaseError> {
        self.map_err(|error| DatabaseError::Failed { doing, cause: Cause::from(&error) })
    }
}

impl<T> Failed<T> for Result<T, apalis_postgres::Error> {
    fn doing(self, doing: &'static str) -> Result<T, DatabaseError> {
        self.map_err(|error| match error {
            apalis_postgres::Error::Database(error) => {
                DatabaseError::Failed { doing, cause: Cause::from(&error) }
            }
            _ => DatabaseError::Failed { doing, cause: Cause::Unexpected("queue") },
        })
    }
}

/// How long a statement may take, and a connection to be had.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
