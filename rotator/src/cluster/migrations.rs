//! Schema and tables of our own, and those of the queue.

use apalis_postgres::PostgresStorage;
use sqlx::postgres::{PgAdvisoryLock, PgConnection, PgPool};
use sqlx::{Connection as _, Executor as _};

use super::error::{DatabaseError, Failed as _};
use super::rights;

/// Makes what is missing. Several may try at once; a database that has everything is only asked.
pub(super) async fn run(connection: &mut PgConnection, pool: &PgPool) -> Result<(), DatabaseError> {
    if are_done(connection).await? {
        return Ok(());
    }
    rights::check(&rights::missing_to_make(connection).await?)?;
    // Two that create one schema at once both fail, so they come one after the other.
    let lock = PgAdvisoryLock::new("tokenferry:migrations");
    let mut connection = lock.acquire(connection).await.doing("lock")?;
    let done = migrate(connection.as_mut(), pool).await;
    connection.release_now().await.doing("unlock")?;
    done
}

async fn migrate(connection: &mut PgConnection, pool: &PgPool) -> Result<(), DatabaseError> {
    PostgresStorage::setup(pool).await.doing("make the queue's tables in")?;
    connection.execute(BEGINNING).await.doing("make tables in")?;
    let done = version(connection).await?;
    for (version, statements) in (1..).zip(MIGRATIONS).skip_while(|(version, _)| *version <= done) {
        let mut transaction = connection.begin().await.doing("make tables in")?;
        transaction.execute(*statements).await.doing("make tables in")?;
        sqlx::query("INSERT INTO tokenferry.migrations (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *transaction)
            .await
            .doing("make tables in")?;
        transaction.commit().await.doing("make tables in")?;
    }
    Ok(())
}

/// Whether everything is there. Asking needs no right to create anything.
pub(super) async fn are_done(connection: &mut PgConnection) -> Result<bool, DatabaseError> {
    let there = "SELECT to_regclass('tokenferry.migrations') IS NOT NULL \
                 AND to_regclass('apalis._sqlx_migrations') IS NOT NULL";
    let there: bool = sqlx::query_scalar(there).fetch_one(&mut *connection).await.doing("ask")?;
    if !there {
        return Ok(false);
    }
    let of_queue = "SELECT coalesce(max(version), 0) FROM apalis._sqlx_migrations WHERE success";
    let of_queue: i64 = sqlx::query_scalar(of_queue).fetch_one(&mut *connection).await.doing("ask")?;
    let newest = PostgresStorage::migrations().iter().map(|migration| migration.version).max();
    Ok(version(connection).await? >= newest_version() && of_queue >= newest.unwrap_or_default())
}

/// Whether two statements go to the same session.
pub(super) async fn keeps_sessions(connection: &mut PgConnection) -> Result<bool, DatabaseError> {
    let mut pids = Vec::new();
    for _ in 0..3 {
        let pid: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection).await.doing("ask")?;
        pids.push(pid);
    }
    pids.dedup();
    Ok(pids.len() == 1)
}

async fn version(connection: &mut PgConnection) -> Result<i32, DatabaseError> {
    let version = "SELECT coalesce(max(version), 0) FROM tokenferry.migrations";
    sqlx::query_scalar(version).fetch_one(connection).await.doing("ask")
}

fn newest_version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

const BEGINNING: &str = "
CREATE SCHEMA IF NOT EXISTS tokenferry;
CREATE TABLE IF NOT EXISTS tokenferry.migrations (
    version integer PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
)";

/// One after the other. What was released is never changed.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE tokenferry.outcomes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    key text NOT NULL,
    rotation text NOT NULL,
    occurrence timestamptz NOT NULL,
    attempt integer NOT NULL,
    replica text NOT NULL,
    class text,
    is_dead boolean NOT NULL,
    outcome text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (queue, key)
);
CREATE INDEX outcomes_at ON tokenferry.outcomes (at);
CREATE INDEX outcomes_of_rotation ON tokenferry.outcomes (rotation, at);
CREATE INDEX outcomes_dead ON tokenferry.outcomes (at) WHERE is_dead;
CREATE TABLE tokenferry.replicas (
    id text PRIMARY KEY,
    cluster text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    fingerprint text NOT NULL,
    role text NOT NULL,
    concurrency integer NOT NULL,
    session_pid integer,
    seen_at timestamptz NOT NULL
);
CREATE INDEX tokenferry_done ON apalis.jobs (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX tokenferry_taken ON apalis.jobs (lock_by) WHERE status = 'Running' OR status = 'Queued';
",
    "
ALTER TABLE tokenferry.replicas ADD COLUMN heartbeat_limit double precision NOT NULL DEFAULT 60;
",
    "
ALTER TABLE tokenferry.replicas ADD COLUMN reaches_vault boolean;
",
];
