//! The rows of the queue and of the outcomes. The queue is that of apalis: who dies holding a row loses it to others
//! after a while, and a row that was taken over cannot be ended by its former owner.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apalis_core::worker::context::WorkerContext;
use apalis_postgres::{Config, queries};
use sqlx::postgres::PgPool;
use tokenferry_sources::Timestamp;
use tracing::{error, warn};

use super::error::{DatabaseError, Failed as _};
use super::health::Health;
use super::wire::{End, Errand};

/// What stands in the database.
#[derive(Clone)]
pub(super) struct Rows {
    pool: PgPool,
    /// For whoever does something with them, to say what came of it.
    pub(super) health: Health,
}

/// An errand that was taken.
pub(super) struct Taken {
    pub(super) row: String,
    pub(super) queue: Arc<str>,
    /// How often it was taken over from somebody who died.
    pub(super) takeovers: usize,
    pub(super) errand: Errand,
}

/// How a row ends.
pub(super) struct Ending {
    pub(super) row: String,
    pub(super) queue: Arc<str>,
    pub(super) errand: Errand,
    pub(super) end: End,
    /// Nobody tries this again before somebody changes something.
    pub(super) is_dead: bool,
}

/// A run that was submitted, by its queue and its key there.
pub(super) type Sought = (Arc<str>, Arc<str>);

/// What is known of it.
pub(super) enum Fate {
    Ended {
        end: End,
        ago: Duration,
        /// The number of the last success of its rotation, unless that was before: no run after it is answered by this.
        success: Option<i64>,
    },
    /// Nobody will ever run it.
    Lost,
}

impl Rows {
    pub(super) fn new(pool: PgPool, health: Health) -> Self {
        Rows { pool, health }
    }

    /// Puts errands in the queue. The keys of those that were there already.
    pub(super) async fn push(&self, queue: &str, errands: &[Errand]) -> Result<Vec<Arc<str>>, DatabaseError> {
        let text = |errand: &Errand| serde_json::to_string(errand).unwrap_or_default();
        let pushed: Vec<String> = sqlx::query_scalar(PUSH)
            .bind(queue)
            .bind(errands.iter().map(text).collect::<Vec<_>>())
            .bind(errands.iter().map(|errand| errand.priority).collect::<Vec<_>>())
            .bind(errands.iter().map(|errand| &*errand.key).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .doing("push errands to")?;
        let pushed: HashSet<&str> = pushed.iter().map(String::as_str).collect();
        let keys = errands.iter().map(|errand| &errand.key);
        Ok(keys.filter(|key| !pushed.contains(&***key)).cloned().collect())
    }

    /// What became of these; nothing of those that are waited for.
    pub(super) async fn fates(
        &self,
        asked: &[Sought],
        queue: &str,
    ) -> Result<Vec<(Sought, Fate)>, DatabaseError> {
        type Row = (String, String, Option<String>, Option<String>, i64, Option<i64>);
        let found: Vec<Row> = sqlx::query_as(FATES)
            .bind(asked.iter().map(|(queue, _)| &**queue).collect::<Vec<_>>())
            .bind(asked.iter().map(|(_, key)| &**key).collect::<Vec<_>>())
            .bind(queue)
            .fetch_all(&self.pool)
            .await
            .doing("ask")?;
        let fates = found.into_iter().filter_map(|(queue, key, outcome, status, millis, success)| {
            let end = match (outcome, status.as_deref()) {
                (Some(outcome), _) => End::read(&outcome),
                (None, Some("Pending" | "Queued" | "Running")) => return None,
                (None, Some("Killed")) => Some(End::without_login(End::failed("errand_garbled"))),
                (None, _) => None,
            };
            let ago = Duration::from_millis(millis.try_into().unwrap_or_default());
            let fate = end.map_or(Fate::Lost, |end| Fate::Ended { end, ago, success });
            Some(((queue.into(), key.into()), fate))
        });
        Ok(fates.collect())
    }

    /// Takes up to so many errands.
    pub(super) async fn take(
        &self,
        queue: &Arc<str>,
        worker: &WorkerContext,
        at_most: usize,
    ) -> Result<Vec<Taken>, DatabaseError> {
        let config = Config::default().queue(&**queue).batch_size(at_most.max(1));
        let mut connection = self.pool.acquire().await.doing("connect to")?;
        let tasks =
            queries::fetch_next(&mut *connection, &config, worker).await.doing("take errands from")?;
        let (mut taken, mut garbled) = (Vec::new(), Vec::new());
        for task in tasks {
            let row = task.task_id().map(ToString::to_string).unwrap_or_default();
            match serde_json::from_slice(&task.args) {
                Ok(errand) => {
                    let (queue, takeovers) = (Arc::clone(queue), task.attempt());
                    taken.push(Taken { row, queue, takeovers, errand });
                }
                Err(_) => garbled.push(row),
            }
        }
        if !garbled.is_empty() {
            error!(rows = garbled.len(), "rows of the queue are not understood, and set aside");
            let kill = sqlx::query(KILL).bind(garbled).bind(worker.name());
            kill.execute(&mut *connection).await.doing("set rows aside in")?;
        }
        Ok(taken)
    }

    /// Says that a worker lives, and gives back what it was given without knowing: an answer may have been lost.
    pub(super) async fn heartbeat(
        &self,
        workers: &str,
        worker: &WorkerContext,
        held: &[String],
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.pool.begin().await.doing("beat in")?;
        sqlx::query(REGISTER)
            .bind(worker.name())
            .bind(workers)
            .execute(&mut *transaction)
            .await
            .doing("beat in")?;
        let given_back = sqlx::query(GIVE_BACK)
            .bind(worker.name())
            .bind(held)
            .execute(&mut *transaction)
            .await
            .doing("beat in")?
            .rows_affected();
        if given_back > 0 {
            warn!(given_back, "what was taken without our knowledge is given back");
            sqlx::query(TELL_WORKERS).execute(&mut *transaction).await.doing("beat in")?;
        }
        transaction.commit().await.doing("beat in")
    }

    /// Gives to others what those of these workers had begun that were silent for longer than each of them may be; for
    /// so long, where that is not known any more.
    pub(super) async fn take_over(&self, workers: &str, limit: Duration) -> Result<(), DatabaseError> {
        let orphans = sqlx::query_as::<_, (String, i64, String)>(TAKE_OVER);
        let orphans = orphans.bind(workers).bind(limit.as_secs_f64());
        for (replica, runs, _) in orphans.fetch_all(&self.pool).await.doing("take over in")? {
            warn!(replica, runs, "what a replica had begun and did not end is run again");
        }
        Ok(())
    }

    /// Ends rows, each with its outcome, and tells the leader. The rows that were not this worker's any longer.
    pub(super) async fn end(
        &self,
        worker: &str,
        replica: &str,
        endings: &[Ending],
    ) -> Result<Vec<String>, DatabaseError> {
        let all = || endings.iter();
        let occurrence = |ending: &Ending| ending.errand.occurrence().unwrap_or(Timestamp::UNIX_EPOCH);
        let class = |ending: &Ending| ending.end.class().map(ToString::to_string);
        let attempt = |ending: &Ending| i32::try_from(ending.errand.attempt).unwrap_or(i32::MAX);
        let ended: Vec<String> = sqlx::query_scalar(END)
            .bind(worker)
            .bind(replica)
            .bind(all().map(|ending| &*ending.row).collect::<Vec<_>>())
            .bind(all().map(|ending| &*ending.queue).collect::<Vec<_>>())
            .bind(all().map(|ending| &*ending.errand.key).collect::<Vec<_>>())
            .bind(all().map(|ending| &*ending.errand.rotation).collect::<Vec<_>>())
            .bind(all().map(occurrence).collect::<Vec<_>>())
            .bind(all().map(attempt).collect::<Vec<_>>())
            .bind(all().map(class).collect::<Vec<_>>())
            .bind(all().map(|ending| ending.is_dead).collect::<Vec<_>>())
            .bind(all().map(|ending| ending.end.write()).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .doing("tell outcomes to")?;
        Ok(all().map(|ending| ending.row.clone()).filter(|row| !ended.contains(row)).collect())
    }
}

/// Whom new errands are told to, and to whom outcomes.
pub(super) const ERRANDS: &str = "tokenferry_errands";
pub(super) const OUTCOMES: &str = "tokenferry_outcomes";

/// `clock_timestamp()` is after the beginning of this transaction, so that apalis does not notify of each single row.
const PUSH: &str = "
WITH pushed AS (
    INSERT INTO apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, idempotency_key)
    SELECT apalis.generate_ulid(), $1, convert_to(errand, 'UTF8'), 'Pending', 0, 1, clock_timestamp(), priority, key
    FROM unnest($2::text[], $3::integer[], $4::text[]) AS pushed (errand, priority, key)
    ON CONFLICT (job_type, idempotency_key) DO NOTHING
    RETURNING idempotency_key
)
SELECT idempotency_key, pg_notify('tokenferry_errands', $1)::text FROM pushed";

const FATES: &str = "
SELECT asked.queue, asked.key, outcomes.outcome,
       CASE WHEN jobs.status = 'Pending' AND asked.queue <> $3 THEN 'Left' ELSE jobs.status END,
       (extract(epoch FROM now() - coalesce(outcomes.at, jobs.done_at, now())) * 1000)::bigint,
       coalesce(success.id, CASE WHEN outcomes.class IS NULL THEN outcomes.id END)
FROM unnest($1::text[], $2::text[]) AS asked (queue, key)
LEFT JOIN tokenferry.outcomes ON outcomes.queue = asked.queue AND outcomes.key = asked.key
LEFT JOIN apalis.jobs ON jobs.job_type = asked.queue AND jobs.idempotency_key = asked.key
LEFT JOIN LATERAL (
    SELECT id FROM tokenferry.outcomes AS success
    WHERE success.rotation = outcomes.rotation AND class IS NULL
        AND split_part(success.queue, ':', 2) = split_part(asked.queue, ':', 2)
    ORDER BY at DESC, id DESC LIMIT 1
) AS success ON success.id >= outcomes.id";

const REGISTER: &str = "
INSERT INTO apalis.workers (id, worker_type, storage_name, last_seen) VALUES ($1, $2, 'tokenferry', now())
ON CONFLICT (id) DO UPDATE SET worker_type = EXCLUDED.worker_type, last_seen = now()";

const GIVE_BACK: &str = "
UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
WHERE lock_by = $1 AND status IN ('Queued', 'Running') AND id <> ALL ($2::text[])";

/// A run is cut off in time for the limit of the replica that it was begun on. What others may be silent for, dead or
/// alive, is no reason to wait.
const TAKE_OVER: &str = "
WITH orphans AS (
    SELECT jobs.id, coalesce(replicas.name, workers.id) AS replica
    FROM apalis.jobs JOIN apalis.workers ON workers.id = jobs.lock_by
    LEFT JOIN tokenferry.replicas ON replicas.id = workers.id
    WHERE jobs.status IN ('Queued', 'Running') AND workers.worker_type = $1
        AND workers.last_seen <= now() - make_interval(secs => coalesce(replicas.heartbeat_limit, $2))
    FOR UPDATE OF jobs SKIP LOCKED
), taken_over AS (
    UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL, attempts = jobs.attempts + 1
    FROM orphans WHERE jobs.id = orphans.id
    RETURNING orphans.replica
)
SELECT replica, count(*), pg_notify('tokenferry_errands', '')::text FROM taken_over GROUP BY replica";

const TELL_WORKERS: &str = "SELECT pg_notify('tokenferry_errands', '')::text";

/// One statement: there is no outcome without an ended row, and no ended row without an outcome. What a notification
/// cannot carry, the leader asks for.
const END: &str = "
WITH ending AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::integer[], $9::text[],
                         $10::boolean[], $11::text[])
        AS ending (row, queue, key, rotation, occurrence, attempt, class, is_dead, outcome)
), ended AS (
    UPDATE apalis.jobs SET status = 'Done', attempts = jobs.attempts + 1, done_at = now()
    FROM ending WHERE jobs.id = ending.row AND jobs.lock_by = $1 AND jobs.status IN ('Queued', 'Running')
    RETURNING jobs.id
), told AS (
    INSERT INTO tokenferry.outcomes (queue, key, rotation, occurrence, attempt, replica, class, is_dead, outcome)
    SELECT queue, key, rotation, occurrence, attempt, $2, class, is_dead, outcome
    FROM ending JOIN ended ON ended.id = ending.row
    ON CONFLICT (queue, key) DO NOTHING
)
SELECT ending.row, pg_notify('tokenferry_outcomes', CASE WHEN octet_length(news) < 8000 THEN news ELSE '' END)::text
FROM ending JOIN ended ON ended.id = ending.row,
     LATERAL (SELECT json_build_object('queue', queue, 'key', key, 'outcome', outcome)::text AS news) AS told_as";

/// What nobody understands is out of the way, and the leader notices.
const KILL: &str =
    "UPDATE apalis.jobs SET status = 'Killed', done_at = now() WHERE id = ANY ($1::text[]) AND lock_by = $2";
