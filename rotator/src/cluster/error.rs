//! What goes wrong with the database, told without what the server or a library says: that may quote anything.

use std::error::Error as StdError;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use rustls::{CertificateError, Error as TlsError};
use sqlx::error::Error;
use sqlx::migrate::MigrateError;
use thiserror::Error;
use tokenferry_sources::ReferenceError;
use tokenferry_sources::cause::tls_error;

use super::url::UrlFault;

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
    /// There is no connection to it.
    #[error("cannot connect to the database at {at}: {cause}")]
    Unreachable {
        /// Host and port, or the socket.
        at: String,
        /// What came back.
        cause: Cause,
    },
    /// The certificates that it is to be known by are not there.
    #[error("cannot use {} as the certificates of the database's authority: {cause}", path.display())]
    Authority {
        /// Where they should be.
        path: PathBuf,
        /// What is wrong there.
        cause: String,
    },
    /// It is not said where it is.
    #[error("`database_url` is not a URL of PostgreSQL: {0}")]
    NoUrl(UrlFault),
    /// What it is asked and tells would be readable on its way.
    #[error("the database at {host} would be talked to without TLS")]
    Plaintext {
        /// Which host.
        host: String,
    },
    /// The role may not do all that is needed.
    #[error("the role may not work in the database: it lacks {missing}")]
    Rights {
        /// What it may not do, as `GRANT` calls it.
        missing: String,
    },
    /// It lacks something that is needed.
    #[error("the database is PostgreSQL {version}, and {LEAST_VERSION} is needed")]
    TooOld {
        /// Its version.
        version: u32,
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
    /// No connection in time, though there is another one.
    #[error("no connection to be had within {} s", .0.as_secs_f32())]
    NoConnection(Duration),
    /// The connection could not be made, or was lost.
    #[error("{0}")]
    Connection(ErrorKind),
    /// There is no address of that name.
    #[error("the name of the host is not known")]
    UnknownHost,
    /// The server speaks no TLS.
    #[error("the server has no TLS")]
    NoTls,
    /// The certificate of the server proves nothing.
    #[error("{0}")]
    Certificate(BadCertificate),
    /// The server and we do not agree on how to use TLS.
    #[error("no TLS connection could be made")]
    Tls,
    /// An answer that is not understood.
    #[error("an answer that is not understood ({0})")]
    Unexpected(&'static str),
}

/// Why the certificate of a server proves nothing.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BadCertificate {
    /// Nobody here knows who has signed it.
    #[error("the server's certificate is of an authority that is not trusted here")]
    Authority,
    /// It is not that of this host.
    #[error("the server's certificate is that of another host name")]
    Host,
    /// It is not good now.
    #[error("the server's certificate has expired, or is not good yet")]
    Time,
    /// Something else is wrong with it.
    #[error("the server's certificate is not good")]
    Other,
}

impl DatabaseError {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            DatabaseError::NoUrl(fault) => fault.advice(),
            DatabaseError::Authority { .. } => {
                "see `ca_cert_file`: it has to be a readable file with one or more certificates in PEM form"
            }
            DatabaseError::Rights { .. } => GRANT,
            DatabaseError::TooOld { .. } => "upgrade PostgreSQL",
            DatabaseError::Plaintext { .. } => {
                "set sslmode=verify-full in its URL, or `allow_plaintext = true` if the network in between is yours"
            }
            DatabaseError::Unreadable(_) => "see where `database_url` says that it is kept",
            DatabaseError::Failed { cause, .. } | DatabaseError::Unreachable { cause, .. } => cause.advice(),
        }
    }

    /// Whether it is for the database to change, and not for the configuration.
    pub fn may_pass(&self) -> bool {
        use DatabaseError::{Failed, Rights, TooOld, Unreachable};
        matches!(self, Failed { .. } | Rights { .. } | TooOld { .. } | Unreachable { .. })
    }

    /// A duration that nobody answered in.
    pub(super) fn silence(doing: &'static str, limit: Duration) -> Self {
        DatabaseError::Failed { doing, cause: Cause::Silence(limit) }
    }
}

impl Cause {
    /// What a server says that cannot be written.
    pub(super) fn read_only() -> Self {
        Cause::Code("25006".to_owned())
    }

    fn advice(&self) -> &'static str {
        match self {
            Cause::Code(code) if code.starts_with("28") => REFUSED,
            Cause::Code(code) => match &**code {
                "3D000" => "create the database, or correct its name in `database_url`",
                "25006" => WRITE,
                "42501" => GRANT,
                "53100" => "make room on the disk of PostgreSQL",
                "42P01" | "3F000" => MISSING,
                "53300" => CONNECT,
                _ => "look into the log of PostgreSQL",
            },
            Cause::NoConnection(_) => CONNECT,
            Cause::UnknownHost => "see the host in `database_url`, then the resolver of this machine",
            Cause::NoTls => {
                "turn TLS on there (`ssl = on`), or see whether `database_url` leads to the right server"
            }
            Cause::Certificate(bad) => bad.advice(),
            Cause::Tls => {
                "see whether the server has TLS 1.2 or later, and whether it wants a certificate of ours"
            }
            Cause::Silence(_) | Cause::Connection(_) => {
                "see whether PostgreSQL runs and can be reached; work goes on by itself when it is back"
            }
            Cause::Unexpected(_) => "see whether that is PostgreSQL, and of a supported version",
        }
    }
}

impl BadCertificate {
    fn advice(self) -> &'static str {
        match self {
            BadCertificate::Authority => {
                "set `ca_cert_file` to the certificate of the authority that has signed the server's"
            }
            BadCertificate::Host => {
                "let `database_url` name a host that the certificate names, or set sslmode=verify-ca"
            }
            BadCertificate::Time => "have the certificate renewed, or set the clocks right",
            BadCertificate::Other => "have the server given another certificate",
        }
    }
}

/// What the most frequent codes mean. A server may send any.
fn meaning(code: &str) -> &'static str {
    match code {
        "28000" | "28P01" => " (the login was refused)",
        "3D000" => " (there is no such database)",
        "25006" => " (it cannot be written)",
        "42501" => " (a right is missing)",
        "42P01" | "3F000" => " (a table is missing)",
        "53100" => " (the disk is full)",
        "53300" => " (too many connections)",
        "57P01" | "57P02" => " (the server ended the connection)",
        "57P03" => " (the server is starting or stopping)",
        "57P05" => " (the session was silent for too long)",
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
            Error::Io(error) => of_io(error),
            // The one case in which the library speaks for itself.
            Error::Tls(error) if error.to_string() == "server does not support TLS" => Cause::NoTls,
            Error::Tls(error) => tls_error(&**error).map_or(Cause::Tls, of_tls),
            Error::PoolTimedOut => Cause::NoConnection(LONGEST_ACQUIRE),
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

fn of_io(error: &std::io::Error) -> Cause {
    match tls_error(error as &(dyn StdError + 'static)) {
        Some(tls) => of_tls(tls),
        None if error.kind() == ErrorKind::InvalidData => Cause::Tls,
        // It has no kind of its own.
        None if error.to_string().starts_with("failed to lookup address") => Cause::UnknownHost,
        None => Cause::Connection(error.kind()),
    }
}

fn of_tls(error: &TlsError) -> Cause {
    use CertificateError as Bad;
    let TlsError::InvalidCertificate(bad) = error else { return Cause::Tls };
    Cause::Certificate(match bad {
        Bad::UnknownIssuer | Bad::BadSignature => BadCertificate::Authority,
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => BadCertificate::Host,
        Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            BadCertificate::Time
        }
        _ => BadCertificate::Other,
    })
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

/// How long a statement may take, with the connection for it.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// How long a connection of the pool may take to be had: less, so that the cause is known.
pub(super) const LONGEST_ACQUIRE: Duration = Duration::from_secs(4);
/// The oldest PostgreSQL that will do.
pub const LEAST_VERSION: u32 = 14;
/// A pool tries again by itself when the server has no room, and does not tell of it.
const CONNECT: &str = "raise what leaves too little room for the 6 connections of each replica, or run fewer: max_connections \
                       of the server, or CONNECTION LIMIT of the role or the database; `tokenferry doctor` compares them";
const GRANT: &str =
    "grant it: \"The database\" in the operator's guide (docs/rotator/cluster.md) has all that is needed";
const MISSING: &str = "somebody has removed it: drop the schemas apalis and tokenferry, which replicas then make anew; what is \
                       planned and done stands in the entries";
const REFUSED: &str = "see user and password in `database_url`, and pg_hba.conf; the log of PostgreSQL says whom it refused and \
                       why";
const WRITE: &str = "let `database_url` lead to the primary, and see whether default_transaction_read_only is on there, or for \
                     this role";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_finds_no_room_is_told_from_a_server_without_an_answer() {
        let cause = Cause::from(&Error::PoolTimedOut);
        assert_eq!(cause.to_string(), "no connection to be had within 4 s");
        assert_eq!(cause.advice(), Cause::Code("53300".to_owned()).advice());
    }
}
