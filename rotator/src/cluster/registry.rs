//! Who the replicas are: each says that it lives, and sees the others. The leader gives away what the dead had begun, and
//! throws away what is old.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokenferry_sources::Clock;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::error::{DatabaseError, Failed as _, LIMIT};
use super::health::Part;
use super::office::within;
use super::queue::Rows;
use super::reach::Access;
use super::session::State;
use super::wire::workers;
use super::worker::{Orders, every};
use super::{Replica, Settings, View, look};
use crate::dispatch::Role;

/// Keeps the list of replicas.
pub(super) struct Registry {
    pub(super) pool: PgPool,
    pub(super) rows: Rows,
    pub(super) settings: Settings,
    /// What it is called by people, and by the database, which tells two of that name apart.
    pub(super) name: Arc<str>,
    pub(super) id: Arc<str>,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) session: watch::Receiver<State>,
    pub(super) access: watch::Receiver<Access>,
    pub(super) view: watch::Sender<View>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether it is on the list no longer.
    pub(super) left: watch::Sender<bool>,
}

/// What was told of, lest it is told at each beat.
#[derive(Default)]
struct Told {
    drifts: bool,
    has_namesake: bool,
}

impl Registry {
    /// Keeps it until nobody gives orders any more.
    pub(super) async fn keep(self) {
        tokio::select! {
            () = self.tell_roles() => {}
            () = self.attend() => {}
        }
    }

    /// At once: the database may be waited for in vain meanwhile.
    async fn tell_roles(&self) {
        let (mut session, mut access) = (self.session.clone(), self.access.clone());
        loop {
            self.tell_role();
            let changed = tokio::select! {
                changed = session.changed() => changed,
                changed = access.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn attend(&self) {
        let (mut session, mut access, mut orders) =
            (self.session.clone(), self.access.clone(), self.orders.clone());
        let mut told = Told::default();
        let mut beats = every(self.settings.heartbeat_interval);
        let mut takeovers = every(TAKE_OVER_EVERY);
        let mut pruned: Option<(u64, Instant)> = None;
        loop {
            let is_over = tokio::select! {
                _ = beats.tick() => false,
                _ = takeovers.tick() => {
                    self.take_over().await;
                    continue;
                }
                changed = session.changed() => changed.is_err(),
                changed = access.changed() => changed.is_err(),
                changed = orders.changed() => changed.is_err(),
            };
            if is_over {
                return;
            }
            if self.session.borrow().role == Role::Disconnected {
                continue;
            }
            let health = self.rows.health.clone();
            if let Some(Some(role)) = health.note(Part::Beat, within(LIMIT, self.beat()).await) {
                health.note(Part::Look, within(LIMIT, self.look(role, &mut told)).await);
            }
            let State { role, epoch, .. } = *self.session.borrow();
            let is_due = pruned.is_none_or(|(of, at)| of != epoch || at.elapsed() >= PRUNE_EVERY);
            if is_due && role == Role::Leading {
                pruned = Some((epoch, Instant::now()));
                health.note(Part::SetBack, self.set_back().await);
                health.note(Part::Prune, self.prune().await);
            }
        }
    }

    fn tell_role(&self) {
        let State { role, trouble, .. } = self.session.borrow().clone();
        let trouble = trouble.map(|error| format!("{error}; {}", error.advice()).into());
        let gives_way = self.access.borrow().leaves_runs();
        self.view.send_if_modified(|view| {
            let is_new = (view.role, &view.trouble, view.gives_way) != (role, &trouble, gives_way);
            if view.role != role {
                view.since = self.clock.now();
            }
            (view.role, view.trouble, view.gives_way) = (role, trouble, gives_way);
            for ours in view.replicas.iter_mut().filter(|replica| replica.is_self) {
                ours.role = role;
            }
            is_new
        });
    }

    /// What it said it is, unless it has left.
    async fn beat(&self) -> Result<Option<Role>, DatabaseError> {
        let (state, access) = (self.session.borrow().clone(), *self.access.borrow());
        let Orders { fingerprint, limit, is_closed, .. } = self.orders.borrow().clone();
        if is_closed {
            let gone = sqlx::query("DELETE FROM tokenferry.replicas WHERE id = $1").bind(&*self.id);
            gone.execute(&self.pool).await.doing("leave")?;
            self.left.send_replace(true);
            return Ok(None);
        }
        sqlx::query(BEAT)
            .bind(&*self.id)
            .bind(&*self.settings.name)
            .bind(&*self.name)
            .bind(env!("CARGO_PKG_VERSION"))
            .bind(&*fingerprint)
            .bind(state.role.name())
            .bind(i32::try_from(limit).unwrap_or(i32::MAX))
            .bind(state.process)
            .bind(self.settings.heartbeat_limit.as_secs_f64())
            .bind(access.is_reached())
            .execute(&self.pool)
            .await
            .doing("beat in")?;
        Ok(Some(state.role))
    }

    /// What the dead had begun is the leader's to give away. Of their locks PostgreSQL takes care.
    async fn take_over(&self) {
        let Orders { is_closed, .. } = *self.orders.borrow();
        if is_closed || self.session.borrow().role != Role::Leading {
            return;
        }
        let workers = workers(&self.settings.name);
        let taken_over = self.rows.take_over(&workers, self.settings.heartbeat_limit);
        self.rows.health.note(Part::TakeOver, within(LIMIT, taken_over).await);
    }

    /// Sees who else is there, and what lies there.
    async fn look(&self, role: Role, told: &mut Told) -> Result<(), DatabaseError> {
        let Orders { work, queue, fingerprint, .. } = self.orders.borrow().clone();
        let (limit, is_self) = (self.settings.heartbeat_limit, |id: &str| id == &*self.id);
        let cluster = &self.settings.name;
        let mut replicas = look::replicas(&self.pool, cluster, &fingerprint, limit, is_self).await?;
        for replica in replicas.iter_mut().filter(|replica| replica.is_self) {
            replica.role = role;
        }
        let (waiting, oldest) = look::waiting(&self.pool, &queue).await?;
        let dead_letters = look::dead_letters(&self.pool, cluster, |name| work.find(name).is_some()).await?;
        told.note(&self.name, &fingerprint, role, &replicas);
        self.view.send_modify(|view| {
            (view.replicas, view.dead_letters, view.waiting) = (replicas, dead_letters, waiting);
            (view.oldest_wait, view.looked_at) = (oldest, Some(self.clock.now()));
        });
        Ok(())
    }

    /// Another session may be with another server, whose clock is behind that of the former.
    async fn set_back(&self) -> Result<(), DatabaseError> {
        let mut rows = 0;
        for statement in SET_BACK {
            let set_back = async { sqlx::query(statement).execute(&self.pool).await.doing("set times in") };
            rows += within(LIMIT, set_back).await?.rows_affected();
        }
        if rows > 0 {
            warn!(rows, "the clock of the database was set back; what lay in its future is of now");
        }
        Ok(())
    }

    /// In small batches, lest others wait long for their locks.
    async fn prune(&self) -> Result<(), DatabaseError> {
        for statement in [PRUNE_DEAD, PRUNE_JOBS, PRUNE_LEFT, PRUNE_OUTCOMES, PRUNE_REPLICAS, PRUNE_WORKERS] {
            for _ in 0..MOST_BATCHES {
                let prune = async { sqlx::query(statement).execute(&self.pool).await.doing("prune") };
                let pruned = within(LIMIT, prune).await?.rows_affected();
                if pruned > 0 {
                    debug!(rows = pruned, "threw away what is old");
                }
                if pruned < BATCH {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Told {
    fn note(&mut self, name: &str, fingerprint: &str, role: Role, replicas: &[Replica]) {
        let leader = replicas.iter().find(|replica| replica.role == Role::Leading && !replica.is_self);
        let other = leader.filter(|leader| role == Role::Standby && leader.fingerprint != fingerprint);
        match (other, self.drifts) {
            (Some(leader), false) => warn!(
                leader = &*leader.name,
                its = leader.fingerprint,
                ours = fingerprint,
                advice = "give all replicas the same sources, rotations and destinations",
                "the replica that leads has another configuration: nothing is run here until they agree"
            ),
            (None, true) => info!("no replica with another configuration leads any more"),
            _ => {}
        }
        let has_namesake = replicas.iter().any(|replica| replica.is_self && replica.has_namesake);
        if has_namesake && !self.has_namesake {
            warn!(
                name,
                advice = "give each a `replica` of its own, or leave it out",
                "another replica has the same name"
            );
        }
        (self.drifts, self.has_namesake) = (other.is_some(), has_namesake);
    }
}

/// One of the same name that is silent is the one that this has replaced.
const BEAT: &str = "
WITH replaced AS (
    DELETE FROM tokenferry.replicas
    WHERE cluster = $2 AND name = $3 AND id <> $1 AND session_pid IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = session_pid)
)
INSERT INTO tokenferry.replicas
    (id, cluster, name, version, fingerprint, role, concurrency, session_pid, heartbeat_limit, reaches_vault, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())
ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version, fingerprint = EXCLUDED.fingerprint,
    role = EXCLUDED.role, concurrency = EXCLUDED.concurrency, session_pid = EXCLUDED.session_pid,
    heartbeat_limit = EXCLUDED.heartbeat_limit, reaches_vault = EXCLUDED.reaches_vault, seen_at = EXCLUDED.seen_at";

/// What lies in the future: it was written by a server whose clock was ahead of that of its successor, or before the clock
/// was set. Until then it would not be run, and nobody would be missed.
const SET_BACK: [&str; 4] = [
    "UPDATE apalis.jobs SET run_at = now()
     WHERE status = 'Pending' AND job_type LIKE 'tokenferry:%' AND run_at > now() + interval '1 second'",
    "UPDATE apalis.workers SET last_seen = now()
     WHERE worker_type LIKE 'tokenferry:%' AND last_seen > now() + interval '1 second'",
    "UPDATE tokenferry.replicas SET seen_at = now() WHERE seen_at > now() + interval '1 second'",
    "UPDATE tokenferry.outcomes SET at = now() WHERE at > now() + interval '1 second'",
];
/// Of rotations that were heard of again. Nobody has to look through them any more.
const PRUNE_DEAD: &str = "
UPDATE tokenferry.outcomes SET is_dead = false WHERE id IN (
    SELECT id FROM tokenferry.outcomes AS dead WHERE is_dead AND EXISTS (
        SELECT FROM tokenferry.outcomes AS later WHERE later.rotation = dead.rotation
            AND split_part(later.queue, ':', 2) = split_part(dead.queue, ':', 2)
            AND (later.at, later.id) > (dead.at, dead.id)) LIMIT 1000)";
const PRUNE_JOBS: &str = "
DELETE FROM apalis.jobs WHERE id IN (
    SELECT id FROM apalis.jobs
    WHERE done_at < now() - interval '3 days' AND job_type LIKE 'tokenferry:%' LIMIT 1000)";
/// Of configurations that nobody has any more.
const PRUNE_LEFT: &str = "
DELETE FROM apalis.jobs WHERE id IN (
    SELECT id FROM apalis.jobs
    WHERE status = 'Pending' AND job_type LIKE 'tokenferry:%' AND run_at < now() - interval '3 days' LIMIT 1000)";
const PRUNE_OUTCOMES: &str = "
DELETE FROM tokenferry.outcomes WHERE id IN (
    SELECT id FROM tokenferry.outcomes WHERE at < now() - interval '3 days' LIMIT 1000)";
const PRUNE_REPLICAS: &str = "DELETE FROM tokenferry.replicas WHERE seen_at < now() - interval '1 day'";
const PRUNE_WORKERS: &str = "
DELETE FROM apalis.workers WHERE worker_type LIKE 'tokenferry:%' AND last_seen < now() - interval '1 day'
    AND NOT EXISTS (SELECT FROM apalis.jobs WHERE lock_by = workers.id)";
const BATCH: u64 = 1_000;
const MOST_BATCHES: usize = 20;
/// By how much work may be taken over later than it could be. It costs the leader a statement.
const TAKE_OVER_EVERY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_mins(1);
