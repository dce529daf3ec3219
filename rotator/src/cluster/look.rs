//! What stands in the database of the replicas and what lies there.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgExecutor;
use tokenferry_sources::Timestamp;

use super::error::{DatabaseError, Failed as _, LIMIT};
use super::office::within;
use super::{Database, DeadLetter, Replica, Settings, View, migrations, session, wire};
use crate::dispatch::Role;
use crate::run::Class;

impl Database {
    /// What the replicas with this configuration would tell, for somebody who is none of them. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn look(
        &self,
        settings: &Settings,
        fingerprint: &str,
        is_configured: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<View, DatabaseError> {
        within(LIMIT, self.look_at_leisure(settings, fingerprint, is_configured, now)).await
    }

    async fn look_at_leisure(
        &self,
        settings: &Settings,
        fingerprint: &str,
        is_configured: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<View, DatabaseError> {
        let mut connection = self.connect().await?;
        let mut view = View { role: Role::Standby, looked_at: Some(now), ..View::new(now) };
        if !migrations::are_done(&mut connection).await? {
            return Ok(view);
        }
        view.replicas =
            replicas(&mut connection, &settings.name, fingerprint, settings.heartbeat_limit, |_| false)
                .await?;
        view.dead_letters = dead_letters(&mut connection, &settings.name, is_configured).await?;
        let queue = wire::queue(&settings.name, fingerprint);
        (view.waiting, view.oldest_wait) = waiting(&mut connection, &queue).await?;
        Ok(view)
    }
}

/// All of a cluster in the last day, as somebody with this configuration sees them.
pub(super) async fn replicas(
    database: impl PgExecutor<'_>,
    cluster: &str,
    fingerprint: &str,
    limit: Duration,
    is_self: impl Fn(&str) -> bool,
) -> Result<Vec<Replica>, DatabaseError> {
    type Row = (String, String, bool, String, String, bool, bool, i32, Option<bool>, f64, f64);
    let asked = sqlx::query_as(REPLICAS).bind(cluster).bind(session::leader(cluster));
    let rows: Vec<Row> = asked.fetch_all(database).await.doing("ask")?;
    let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let replicas = rows.into_iter().map(|row| {
        let (
            id,
            name,
            has_namesake,
            version,
            theirs,
            leads,
            is_there,
            concurrency,
            reaches_vault,
            longest,
            silent,
        ) = row;
        Replica {
            is_self: is_self(&id),
            name: name.into(),
            has_namesake,
            is_apart: theirs != fingerprint,
            drifted: theirs != fingerprint || version != env!("CARGO_PKG_VERSION") || time(longest) != limit,
            version,
            fingerprint: theirs,
            role: match (leads, is_there) {
                (true, _) => Role::Leading,
                (false, true) => Role::Standby,
                (false, false) => Role::Disconnected,
            },
            concurrency: concurrency.try_into().unwrap_or_default(),
            reaches_vault,
            heartbeat_limit: time(longest),
            silent_for: time(silent),
            is_lost: silent > longest,
        }
    });
    Ok(replicas.collect())
}

/// How many runs wait, and how long the oldest has.
pub(super) async fn waiting(
    database: impl PgExecutor<'_>,
    queue: &str,
) -> Result<(u64, Option<Duration>), DatabaseError> {
    let (waiting, oldest): (i64, Option<f64>) =
        sqlx::query_as(WAITING).bind(queue).fetch_one(database).await.doing("ask")?;
    let oldest = oldest.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok((waiting.try_into().unwrap_or_default(), oldest))
}

/// Of rotations that are configured here.
pub(super) async fn dead_letters(
    database: impl PgExecutor<'_>,
    cluster: &str,
    is_configured: impl Fn(&str) -> bool,
) -> Result<Vec<DeadLetter>, DatabaseError> {
    type Row = (String, Timestamp, i32, Option<String>, String, Timestamp);
    let dead = sqlx::query_as(DEAD).bind(MOST_DEAD).bind(wire::workers(cluster));
    let rows: Vec<Row> = dead.fetch_all(database).await.doing("ask")?;
    let letters = rows.into_iter().filter_map(|(rotation, occurrence, attempt, class, replica, at)| {
        Some(DeadLetter {
            rotation: rotation.into(),
            occurrence,
            attempt: attempt.try_into().unwrap_or_default(),
            class: Class::noted(class.as_deref()?)?,
            replica: Arc::from(replica),
            at,
        })
    });
    Ok(letters.filter(|letter| is_configured(&letter.rotation)).collect())
}

/// What one said last of its role says nothing once it is killed; its session does. The number of a process may be
/// given anew, so it is that of the one that was seen last.
const REPLICAS: &str = "
WITH sessions AS (
    SELECT pid, bool_or(locktype = 'advisory' AND granted AND objsubid = 1
        AND (classid::bigint << 32 | objid::bigint) = $2) AS leads
    FROM pg_locks
    WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid
), newest AS (
    SELECT DISTINCT ON (session_pid) id, session_pid AS pid
    FROM tokenferry.replicas WHERE session_pid IS NOT NULL ORDER BY session_pid, seen_at DESC
), found AS (
    SELECT replicas.*, coalesce(leads, false) AS leads,
        EXISTS (SELECT FROM pg_stat_activity AS activity WHERE activity.pid = newest.pid) AS is_there
    FROM tokenferry.replicas LEFT JOIN newest USING (id) LEFT JOIN sessions USING (pid)
    WHERE cluster = $1 AND seen_at > now() - interval '1 day'
)
SELECT id, CASE WHEN count(*) OVER (PARTITION BY name) > 1 THEN id ELSE name END,
    is_there AND count(*) FILTER (WHERE is_there) OVER (PARTITION BY name) > 1,
    version, fingerprint, leads, is_there, concurrency, reaches_vault, heartbeat_limit,
    extract(epoch FROM now() - seen_at)::float8
FROM found ORDER BY name, id";

const WAITING: &str = "
SELECT count(*), extract(epoch FROM now() - min(run_at))::float8
FROM apalis.jobs WHERE job_type = $1 AND status = 'Pending'";

/// The last that was heard of their rotations.
const DEAD: &str = "
SELECT rotation, occurrence, attempt, class, replica, at FROM tokenferry.outcomes AS dead
WHERE is_dead AND starts_with(queue, $2) AND NOT EXISTS (
    SELECT FROM tokenferry.outcomes AS later WHERE later.rotation = dead.rotation
        AND starts_with(later.queue, $2) AND (later.at, later.id) > (dead.at, dead.id))
ORDER BY at DESC LIMIT $1";
const MOST_DEAD: i64 = 100;
