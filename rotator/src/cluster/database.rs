//! The database: where it is, and how it is talked to.

use std::fmt;
use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Executor as _};
use tokenferry_sources::{Environment, ExposeSecret as _};
use url::Url;

use super::Settings;
use super::error::{DatabaseError, Failed as _};
use super::migrations;

/// A PostgreSQL database that nothing was sent to yet.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
}

impl Database {
    /// Reads where it is.
    ///
    /// # Errors
    /// When that cannot be read, or is not to be talked to.
    pub fn new(settings: &Settings, environment: &dyn Environment) -> Result<Self, DatabaseError> {
        let text = settings.database_url.read(environment).map_err(DatabaseError::Unreadable)?;
        let url = Url::parse(text.expose_secret()).map_err(|_| DatabaseError::NoUrl)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(DatabaseError::NoUrl);
        }
        let mut options = PgConnectOptions::from_url(&url).map_err(|_| DatabaseError::NoUrl)?;
        options = options.disable_statement_logging().statement_cache_capacity(STATEMENTS);
        if let Some(file) = &settings.ca_cert_file {
            options = options.ssl_root_cert(file);
        }
        let is_said = url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
        let mode = match options.get_ssl_mode() {
            _ if !is_said && !is_local(&options) => PgSslMode::VerifyFull,
            // As libpq has it: whoever names an authority wants it to be asked.
            PgSslMode::Require if settings.ca_cert_file.is_some() => PgSslMode::VerifyCa,
            mode => mode,
        };
        let is_plain = matches!(mode, PgSslMode::Allow | PgSslMode::Disable | PgSslMode::Prefer);
        if is_plain && !is_local(&options) && !settings.allow_plaintext {
            return Err(DatabaseError::Plaintext { host: options.get_host().to_owned() });
        }
        Ok(Database { options: options.ssl_mode(mode) })
    }

    /// The same, for a replica of this name: it stands in `pg_stat_activity`.
    pub fn named(self, replica: &str) -> Self {
        // PostgreSQL cuts it off at 63 bytes.
        Database { options: self.options.application_name(&format!("tokenferry {replica}")) }
    }

    /// One connection, for whoever needs a session.
    pub(super) async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        self.options.connect().await.doing("connect to")
    }

    /// Connections for what takes one statement. None is made before it is needed.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(POOLED)
            .acquire_timeout(super::error::LIMIT)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(async { connection.execute(SET_UP).await.map(drop) }))
            .connect_lazy_with(self.options.clone())
    }

    /// Looks at the database, for somebody who wants to know whether it will do. Changes nothing.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn examine(&self) -> Result<Examination, DatabaseError> {
        let mut connection = self.connect().await?;
        let asked = sqlx::query_as::<_, (i32, i32, i64, bool, bool, bool, bool)>(EXAMINE);
        let (version, max_connections, connections, is_standby, is_encrypted, may_create, has_extensions) =
            asked.fetch_one(&mut connection).await.doing("examine")?;
        Ok(Examination {
            version: version / 10_000,
            max_connections,
            connections,
            is_standby,
            is_encrypted,
            is_migrated: migrations::are_done(&mut connection).await?,
            may_create,
            has_extensions,
            keeps_sessions: migrations::keeps_sessions(&mut connection).await?,
        })
    }

    /// Makes schema and tables, as far as they are not there.
    ///
    /// # Errors
    /// When that fails.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        migrations::run(&mut self.connect().await?, &self.pool()).await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("at", &self.to_string()).finish_non_exhaustive()
    }
}

/// Where it is, without user and password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.options.get_socket() {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => write!(f, "{}:{}", self.options.get_host(), self.options.get_port())?,
        }
        self.options.get_database().map_or(Ok(()), |name| write!(f, "/{name}"))
    }
}

/// What was seen of a database.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
pub struct Examination {
    /// PostgreSQL's version, such as 15.
    pub version: i32,
    /// How many connections it takes.
    pub max_connections: i32,
    /// How many there are now.
    pub connections: i64,
    /// Whether it only follows another one, and cannot be written.
    pub is_standby: bool,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether schema and tables are there.
    pub is_migrated: bool,
    /// Whether we may make them, and what the queue needs in the schema `public`.
    pub may_create: bool,
    /// Whether the extensions `hstore` and `pgcrypto` are there, or can be had.
    pub has_extensions: bool,
    /// Whether two statements go to the same session. They do not behind a pooler that shares them out.
    pub keeps_sessions: bool,
}

/// How many connections a replica has at most: those of the pool, of which one listens, and one that holds the locks.
pub const CONNECTIONS: u32 = POOLED + 1;
const POOLED: u32 = 5;
const STATEMENTS: usize = 24;
/// Nothing waits for a disk. Whatever a crash of the server takes back is noticed and done again, and what was done is
/// found in its entry.
const SET_UP: &str = "SET synchronous_commit = off; SET statement_timeout = '10s'";

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

const EXAMINE: &str = "
SELECT current_setting('server_version_num')::int,
       current_setting('max_connections')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       pg_is_in_recovery(),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
       has_database_privilege(current_database(), 'CREATE')
           AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       (SELECT count(*) = 2 FROM pg_available_extensions WHERE name IN ('hstore', 'pgcrypto'))";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokenferry_sources::Reference;

    use super::*;

    fn read(url: &str, change: impl FnOnce(&mut Settings)) -> Result<Database, DatabaseError> {
        let mut settings = Settings::new(Reference::Env("URL".into()));
        change(&mut settings);
        let environment: BTreeMap<String, String> = [("URL".to_owned(), url.to_owned())].into();
        Database::new(&settings, &environment)
    }

    fn mode(url: &str) -> PgSslMode {
        read(url, |_| {}).unwrap().options.get_ssl_mode()
    }

    #[test]
    fn a_database_on_another_machine_is_talked_to_with_tls_or_not_at_all() {
        assert!(matches!(mode("postgres://u:p@db.internal/t"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@db.internal/t?sslmode=require"), PgSslMode::Require));
        for sslmode in ["disable", "allow", "prefer"] {
            let url = format!("postgres://u:hunter2@db.internal/t?sslmode={sslmode}");
            let error = read(&url, |_| {}).unwrap_err();
            assert!(matches!(&error, DatabaseError::Plaintext { host } if host == "db.internal"), "{error}");
            assert!(read(&url, |settings| settings.allow_plaintext = true).is_ok());
        }
    }

    #[test]
    fn on_the_same_machine_nothing_has_to_be_encrypted() {
        for host in ["127.0.0.1", "[::1]", "localhost", "%2Frun%2Fpostgresql"] {
            assert!(read(&format!("postgres://u@{host}/t?sslmode=disable"), |_| {}).is_ok(), "{host}");
        }
    }

    #[test]
    fn an_authority_that_is_named_is_asked() {
        let named = |settings: &mut Settings| settings.ca_cert_file = Some("/etc/ca.pem".into());
        let database = read("postgres://u@db.internal/t?sslmode=require", named).unwrap();
        assert!(matches!(database.options.get_ssl_mode(), PgSslMode::VerifyCa));
    }

    #[test]
    fn what_is_no_url_of_postgresql_is_refused_and_nothing_tells_the_password() {
        for url in ["hunter2", "mysql://u:hunter2@h/d", "postgres://u:hunter2@h/d?sslmode=hunter2"] {
            let error = read(url, |_| {}).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let database = read("postgres://u:hunter2@localhost:5433/t", |_| {}).unwrap();
        assert_eq!(database.to_string(), "localhost:5433/t");
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
