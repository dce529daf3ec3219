//! The database: where it is, and how it is talked to.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Error, Executor as _};
use tokenferry_sources::{Environment, ProcessEnvironment, Reference};
use tokio::time::{Instant, timeout};

use super::error::{Cause, DatabaseError, Failed as _, LIMIT, LONGEST_ACQUIRE};
use super::{Settings, migrations, rights, url};

/// A PostgreSQL database that nothing was sent to yet.
#[derive(Clone)]
pub struct Database {
    settings: Settings,
    options: PgConnectOptions,
    /// What the server is told that we are called.
    name: String,
    /// Since when connections lead to where it is now.
    since: Arc<Mutex<Instant>>,
}

impl Database {
    /// Reads where it is.
    ///
    /// # Errors
    /// When that cannot be read, or is not to be talked to.
    pub fn new(settings: &Settings, environment: &dyn Environment) -> Result<Self, DatabaseError> {
        let options = url::read(settings, environment)?;
        let since = Arc::new(Mutex::new(Instant::now()));
        let database = Database { settings: settings.clone(), options, name: "tokenferry".to_owned(), since };
        Ok(database.set_up())
    }

    /// The same, for a replica of this name: it stands in `pg_stat_activity`.
    pub fn named(self, replica: &str) -> Self {
        // PostgreSQL cuts it off at 63 bytes.
        Database { name: format!("tokenferry {replica}"), ..self }.set_up()
    }

    fn set_up(self) -> Self {
        let options = self.options.clone().application_name(&self.name);
        let options = options.disable_statement_logging().statement_cache_capacity(STATEMENTS);
        Database { options, ..self }
    }

    /// Reads again where it is, as far as that may have changed: the environment of a process does not.
    fn read_again(&mut self) -> Result<(), DatabaseError> {
        if let Reference::File(_) = self.settings.database_url {
            self.options = url::read(&self.settings, &ProcessEnvironment)?;
            *self = self.clone().set_up();
        }
        Ok(())
    }

    /// One connection, for whoever needs a session.
    pub(super) async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        let unreachable =
            |error| DatabaseError::Unreachable { at: url::place(&self.options), cause: Cause::from(&error) };
        self.options.connect().await.map_err(unreachable)
    }

    /// One connection to where it is now. Those of the pool follow: nobody shall work in two databases at once.
    pub(super) async fn connect_anew(&mut self, pool: &PgPool) -> Result<PgConnection, DatabaseError> {
        self.read_again()?;
        let connection = self.connect().await?;
        pool.set_connect_options(self.options.clone());
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(connection)
    }

    /// No answer came to the attempt to connect.
    pub(super) fn silence(&self, limit: Duration) -> DatabaseError {
        DatabaseError::Unreachable { at: url::place(&self.options), cause: Cause::Silence(limit) }
    }

    /// Connections for what takes one statement. None is made before it is needed.
    pub(super) fn pool(&self) -> PgPool {
        let since = Arc::clone(&self.since);
        PgPoolOptions::new()
            .max_connections(POOLED)
            .acquire_timeout(LONGEST_ACQUIRE)
            .test_before_acquire(false)
            // What a pool itself asks a connection that it is given back, it waits for without end.
            .after_release(|connection, _| {
                Box::pin(async {
                    timeout(LIMIT, connection.ping()).await.map_err(|_| Error::PoolTimedOut)?.map(|()| true)
                })
            })
            .before_acquire(move |_, connection| {
                let since = since.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
                Box::pin(async move { Ok(connection.age <= since) })
            })
            .after_connect(|connection, _| Box::pin(async { connection.execute(SET_UP).await.map(drop) }))
            .connect_lazy_with(self.options.clone())
    }

    /// A place for the only connection of a listener, to where those of this pool lead. One that leads nowhere does not
    /// get free again.
    pub(super) fn listeners(pool: &PgPool) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(LONGEST_ACQUIRE)
            .after_connect(|connection, _| Box::pin(async { connection.execute(LISTEN).await.map(drop) }))
            .connect_lazy_with((*pool.connect_options()).clone())
    }

    /// Looks at the database, for somebody who wants to know whether it will do. Changes nothing.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn examine(&self) -> Result<Examination, DatabaseError> {
        let mut connection = self.connect().await?;
        let asked = sqlx::query_as::<_, (i32, bool, bool, bool)>(EXAMINE);
        let (version, is_standby, is_read_only, is_encrypted) =
            asked.fetch_one(&mut connection).await.doing("examine")?;
        let asked = sqlx::query_as::<_, (i64, i64, i64, i64, i64, i64)>(COUNT);
        let (most, used, of_database, used_there, of_role, used_by_it) =
            asked.fetch_one(&mut connection).await.doing("examine")?;
        let mut missing = rights::missing(&mut connection).await?;
        let is_migrated = missing.is_empty() && migrations::are_done(&mut connection).await?;
        let mut missing_extensions = Vec::new();
        if !is_migrated && missing.is_empty() {
            missing = rights::missing_to_make(&mut connection).await?;
            missing_extensions = rights::missing_extensions(&mut connection).await?;
        }
        Ok(Examination {
            version: version / 10_000,
            connections: Room { most, used },
            of_database: (of_database >= 0).then_some(Room { most: of_database, used: used_there }),
            of_role: (of_role >= 0).then_some(Room { most: of_role, used: used_by_it }),
            is_standby,
            is_read_only,
            is_local: url::is_local(&self.options),
            is_encrypted,
            is_proven: matches!(self.options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull),
            is_migrated,
            missing,
            missing_extensions,
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
        f.write_str(&url::place(&self.options))?;
        self.options.get_database().map_or(Ok(()), |name| write!(f, "/{name}"))
    }
}

/// What was seen of a database.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
pub struct Examination {
    /// PostgreSQL's version, such as 15.
    pub version: i32,
    /// The connections that the server takes from whoever is no superuser.
    pub connections: Room,
    /// Those to this database, if they are limited.
    pub of_database: Option<Room>,
    /// Those of this role, if they are limited.
    pub of_role: Option<Room>,
    /// Whether it only follows another one, and cannot be written.
    pub is_standby: bool,
    /// Whether it is set so that it cannot be written, be it for this role only.
    pub is_read_only: bool,
    /// Whether it is on this machine.
    pub is_local: bool,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether the server has to prove who it is.
    pub is_proven: bool,
    /// Whether schema and tables are there.
    pub is_migrated: bool,
    /// The rights that are needed and not there, as `GRANT` calls them: those on schemas and tables, or to make them.
    pub missing: Vec<String>,
    /// The extensions that have to be made and cannot be had.
    pub missing_extensions: Vec<String>,
    /// Whether two statements go to the same session. They do not behind a pooler that shares them out.
    pub keeps_sessions: bool,
}

/// How many connections there may be, and how many there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// How many there may be.
    pub most: i64,
    /// How many there are now.
    pub used: i64,
}

/// How many connections a replica has at most: those of the pool, one that listens, and one that holds the locks.
pub const CONNECTIONS: u32 = POOLED + 2;
const POOLED: u32 = 4;
const STATEMENTS: usize = 24;
/// Nothing waits for a disk. Whatever a crash of the server takes back is noticed and done again, and what was done is
/// found in its entry. A connection that leads nowhere keeps no row to itself for long.
const SET_UP: &str = "SET synchronous_commit = off; SET statement_timeout = '10s'; \
                      SET idle_in_transaction_session_timeout = '10s'";
/// The server keeps what a listener does not read, for all databases.
const LISTEN: &str = "SET tcp_user_timeout = 60000; SET idle_session_timeout = 0";

const EXAMINE: &str = "
SELECT current_setting('server_version_num')::int,
       pg_is_in_recovery(),
       current_setting('transaction_read_only')::boolean,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";

/// The sessions of others are hidden, but not how many there are. Limits other than the server's do not hold for
/// superusers.
const COUNT: &str = "
SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
       (SELECT sum(numbackends)::bigint FROM pg_stat_database),
       CASE WHEN rolsuper THEN -1 ELSE datconnlimit END::bigint,
       (SELECT count(*) FROM pg_stat_activity AS there WHERE there.datid = pg_database.oid),
       CASE WHEN rolsuper THEN -1 ELSE rolconnlimit END::bigint,
       (SELECT count(*) FROM pg_stat_activity AS its WHERE its.usesysid = pg_roles.oid)
FROM pg_roles, pg_database WHERE rolname = session_user AND datname = current_database()";
