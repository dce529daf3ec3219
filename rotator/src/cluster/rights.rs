//! What the role may do in the database, and whether the database lets it.

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

use super::error::{DatabaseError, Failed as _};

/// Which rights are missing on what is there, each as a `GRANT` names it.
pub(super) async fn missing(connection: &mut PgConnection) -> Result<Vec<String>, DatabaseError> {
    sqlx::query_scalar(MISSING).fetch_all(connection).await.doing("examine")
}

/// Which rights are missing to make schemas and tables.
pub(super) async fn missing_to_make(connection: &mut PgConnection) -> Result<Vec<String>, DatabaseError> {
    sqlx::query_scalar(MISSING_TO_MAKE).fetch_all(connection).await.doing("examine")
}

/// Which extensions are neither there nor to be had.
pub(super) async fn missing_extensions(connection: &mut PgConnection) -> Result<Vec<String>, DatabaseError> {
    sqlx::query_scalar(MISSING_EXTENSIONS).fetch_all(connection).await.doing("examine")
}

/// Refuses a role that lacks something.
pub(super) fn check(missing: &[String]) -> Result<(), DatabaseError> {
    if missing.is_empty() { Ok(()) } else { Err(DatabaseError::Rights { missing: missing.join(", ") }) }
}

/// Writes what a replica writes, and takes it back.
pub(super) async fn try_out(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    connection.execute(TRY_OUT).await.doing("write to").map(drop)
}

const MISSING: &str = "
SELECT 'USAGE ON SCHEMA ' || nspname FROM pg_namespace
WHERE nspname IN ('apalis', 'tokenferry') AND NOT has_schema_privilege(oid, 'USAGE')
UNION ALL
SELECT privilege || ' ON ' || nspname || '.' || relname
FROM (VALUES ('apalis', '_sqlx_migrations', 'SELECT'),
             ('apalis', 'jobs', 'SELECT INSERT UPDATE DELETE'),
             ('apalis', 'workers', 'SELECT INSERT UPDATE DELETE'),
             ('tokenferry', 'migrations', 'SELECT'),
             ('tokenferry', 'outcomes', 'SELECT INSERT DELETE'),
             ('tokenferry', 'replicas', 'SELECT INSERT UPDATE DELETE')) AS needed (schema, name, privileges)
JOIN pg_namespace ON nspname = schema
JOIN pg_class ON relnamespace = pg_namespace.oid AND relname = name,
     unnest(string_to_array(privileges, ' ')) AS privilege
WHERE NOT has_table_privilege(pg_class.oid, privilege)";

/// The first migrations of the queue put something into the default schema.
const MISSING_TO_MAKE: &str = "
SELECT 'CREATE ON DATABASE ' || current_database()
WHERE NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT 'CREATE ON SCHEMA ' || coalesce(current_schema(), 'public')
WHERE to_regnamespace('apalis') IS NULL
    AND NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";

const MISSING_EXTENSIONS: &str = "
SELECT name FROM unnest('{hstore,pgcrypto}'::text[]) AS name
WHERE name NOT IN (SELECT extname FROM pg_extension UNION SELECT name FROM pg_available_extensions)";

const TRY_OUT: &str = "
BEGIN;
INSERT INTO apalis.jobs (id, job_type, job) VALUES (apalis.generate_ulid(), 'tokenferry: trial', '');
INSERT INTO tokenferry.outcomes (queue, key, rotation, occurrence, attempt, replica, is_dead, outcome)
VALUES ('trial', pg_backend_pid()::text, '', now(), 0, '', false, '');
ROLLBACK";
