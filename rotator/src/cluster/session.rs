//! The lock session: one connection that holds the leader's lock and those of all credentials in use here.
//!
//! What it holds is gone the moment it ends, so whatever runs under one of its locks is given up then. It only takes and
//! gives back locks, which PostgreSQL does in memory: an answer that is late means trouble.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgAdvisoryLock, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::database::Database;
use super::error::{Cause, DatabaseError, Failed as _, LEAST_VERSION};
use super::health::Health;
use super::{Settings, migrations, rights};
use crate::dispatch::Role;
use crate::run::CredentialKey;

/// Where locks are asked for.
#[derive(Clone)]
pub(super) struct Locks {
    requests: mpsc::UnboundedSender<Request>,
}

/// What the lock session is.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) role: Role,
    /// Another one for each connection that was made, and whenever the lead was left to others.
    pub(super) epoch: u64,
    /// Its process in PostgreSQL.
    pub(super) process: Option<i32>,
    pub(super) trouble: Option<Arc<DatabaseError>>,
}

/// A lock that is held until this is dropped, or the session is lost.
pub(super) struct Lock {
    key: i64,
    lost: CancellationToken,
    requests: mpsc::UnboundedSender<Request>,
}

/// Keeps the session.
pub(super) struct Session {
    database: Database,
    pool: PgPool,
    health: Health,
    requests: mpsc::UnboundedReceiver<Request>,
    locks: Locks,
    state: watch::Sender<State>,
    /// The same for those who need not know more. Whoever leads anew is told so, even if he led before.
    role: watch::Sender<Role>,
    /// The lock of the leader.
    leader: i64,
    stands_for_leader: bool,
    /// Whether it leaves the lead to others for now.
    stands_aside: bool,
    /// How long it may be silent until PostgreSQL ends it.
    limit: Duration,
}

enum Request {
    /// To be leader no longer, and never again.
    Resign,
    /// To be leader no longer, and not again until this is taken back.
    StandAside(bool),
    Take {
        key: i64,
        answer: oneshot::Sender<Option<Lock>>,
    },
    GiveBack {
        key: i64,
        lost: CancellationToken,
    },
}

impl Session {
    /// One that is not connected yet. It is kept by [`Session::keep`].
    pub(super) fn new(
        database: Database,
        pool: PgPool,
        health: Health,
        settings: &Settings,
        stands_for_leader: bool,
    ) -> (Self, Locks) {
        let (sender, requests) = mpsc::unbounded_channel();
        let locks = Locks { requests: sender };
        let state = State { role: Role::Disconnected, epoch: 0, process: None, trouble: None };
        let (state, role) = (watch::Sender::new(state), watch::Sender::new(Role::Disconnected));
        let session = Session {
            database,
            pool,
            health,
            requests,
            locks: locks.clone(),
            state,
            role,
            leader: leader(&settings.name),
            stands_for_leader,
            stands_aside: false,
            limit: settings.heartbeat_limit,
        };
        (session, locks)
    }

    /// What it is, as that changes.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// What this replica is, as that changes.
    pub(super) fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    /// Connects, and does so again whenever the connection is lost. Never ends.
    pub(super) async fn keep(mut self) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let trouble = match timeout(LONGEST_CONNECT, self.connect()).await {
                Ok(Ok((connection, process))) => {
                    pause = SHORTEST_PAUSE;
                    let lost = CancellationToken::new();
                    let (leader, keys) = (self.leader, HashSet::new());
                    let held = Held { connection, process, keys, leader, leads: false, lost };
                    self.hold(held).await
                }
                Ok(Err(error)) => error,
                Err(_) => self.database.silence(LONGEST_CONNECT),
            };
            self.tell_trouble(trouble);
            self.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn connect(&mut self) -> Result<(PgConnection, i32), DatabaseError> {
        let mut connection = self.database.connect_anew(&self.pool).await?;
        check_version(connection.server_version_num())?;
        connection.execute(AssertSqlSafe(set_up(self.limit))).await.doing("set up a session of")?;
        rights::check(&rights::missing(&mut connection).await?)?;
        migrations::run(&mut connection, &self.pool).await?;
        rights::try_out(&mut connection).await?;
        let process =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.doing("ask")?;
        self.health.begin_anew();
        Ok((connection, process))
    }

    /// Serves until the connection is lost, and says why. Whoever holds a lock learns of that first.
    async fn hold(&mut self, mut held: Held) -> DatabaseError {
        let _loss = held.lost.clone().drop_guard();
        let mut pings = pings();
        let mut requests = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = pings.tick() => {}
                _ = self.requests.recv_many(&mut requests, AT_ONCE) => {}
            }
            for request in &requests {
                self.note(request);
            }
            let served = async {
                if requests.is_empty() {
                    held.ping(self.stands_for_leader && !self.stands_aside).await
                } else {
                    held.serve(requests.drain(..), &self.locks).await
                }
            };
            match timeout(ANSWER_LIMIT, served).await {
                Ok(Ok(())) => match self.health.trouble() {
                    Some(error) => return error,
                    None => self.tell_role(&held),
                },
                Ok(Err(error)) => return error,
                Err(_) => return DatabaseError::silence("hold locks in", ANSWER_LIMIT),
            }
        }
    }

    /// Nobody gets a lock meanwhile.
    async fn wait(&mut self, pause: Duration) {
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return,
                Some(request) = self.requests.recv() => self.note(&request),
            }
        }
    }

    fn note(&mut self, request: &Request) {
        match request {
            Request::Resign => self.stands_for_leader = false,
            Request::StandAside(stands_aside) => self.stands_aside = *stands_aside,
            Request::Take { .. } | Request::GiveBack { .. } => {}
        }
    }
}

impl Session {
    fn tell_role(&self, held: &Held) {
        let role = if held.leads { Role::Leading } else { Role::Standby };
        let is_new = self.state.send_if_modified(|state| {
            let is_new = state.role != role;
            if is_new {
                let epoch = state.epoch + u64::from(state.role != Role::Standby);
                *state = State { role, epoch, process: Some(held.process), trouble: None };
            }
            is_new
        });
        if is_new {
            info!(leads = held.leads, "one of the replicas");
            self.role.send_replace(role);
        }
    }

    /// The same trouble is told once.
    fn tell_trouble(&self, error: DatabaseError) {
        let text = error.to_string();
        let is_known = |state: &State| state.trouble.as_ref().is_some_and(|known| known.to_string() == text);
        if self.state.borrow().role == Role::Disconnected && is_known(&self.state.borrow()) {
            return;
        }
        // Whoever works beside replicas is told, and not begun without one.
        if self.stands_for_leader || self.state.borrow().epoch > 0 {
            let (database, advice) = (&self.database, error.advice());
            warn!(%database, advice, "not one of the replicas, and nothing is run here: {error}");
        }
        self.state.send_modify(|state| {
            *state = State {
                role: Role::Disconnected,
                epoch: state.epoch,
                process: None,
                trouble: Some(Arc::new(error)),
            };
        });
        self.role.send_replace(Role::Disconnected);
    }
}

impl Locks {
    /// The lock of a credential, unless somebody else has it or the session is lost.
    pub(super) async fn take(&self, credential: CredentialKey) -> Option<Lock> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Take { key: key(&credential.to_string()), answer }).ok()?;
        answered.await.ok().flatten()
    }

    /// Leaves the lead to somebody else, for good.
    pub(super) fn resign(&self) {
        // Where the session is gone nobody leads.
        self.requests.send(Request::Resign).unwrap_or_default();
    }

    /// Leaves the lead to others, or does so no longer.
    pub(super) fn stand_aside(&self, stands_aside: bool) {
        self.requests.send(Request::StandAside(stands_aside)).unwrap_or_default();
    }
}

impl Lock {
    /// Waits until it is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let give_back = Request::GiveBack { key: self.key, lost: self.lost.clone() };
        // Where the session is gone the lock is, too.
        self.requests.send(give_back).unwrap_or_default();
    }
}

/// A connection and what it holds.
struct Held {
    connection: PgConnection,
    process: i32,
    keys: HashSet<i64>,
    leader: i64,
    leads: bool,
    lost: CancellationToken,
}

impl Held {
    /// Sees whether it is still there and can be written, and whether there is nobody else to lead.
    async fn ping(&mut self, stands_for_leader: bool) -> Result<(), DatabaseError> {
        let wanted = (stands_for_leader && !self.leads).then_some(self.leader);
        let asked = sqlx::query_as(PING).bind(wanted).fetch_one(&mut self.connection);
        let (is_read_only, leads): (bool, bool) = asked.await.doing("hold locks in")?;
        if is_read_only {
            return Err(DatabaseError::Failed { doing: "write to", cause: Cause::read_only() });
        }
        self.leads |= leads;
        Ok(())
    }

    async fn serve(
        &mut self,
        requests: impl Iterator<Item = Request>,
        locks: &Locks,
    ) -> Result<(), DatabaseError> {
        let (mut free, mut wanted) = (Vec::new(), Vec::<(i64, oneshot::Sender<Option<Lock>>)>::new());
        for request in requests {
            match request {
                // The lock of an earlier session is not ours to give back.
                Request::GiveBack { key, lost } => {
                    if !lost.is_cancelled() && self.keys.remove(&key) {
                        free.push(key);
                    }
                }
                Request::Resign | Request::StandAside(true) => {
                    free.extend(mem::take(&mut self.leads).then_some(self.leader));
                }
                Request::StandAside(false) => {}
                // A session gets a lock as often as it asks for it, so it must not ask twice.
                Request::Take { key, answer } if self.keys.insert(key) => wanted.push((key, answer)),
                Request::Take { answer, .. } => drop(answer),
            }
        }
        if !free.is_empty() {
            let give_back =
                sqlx::query("SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS key").bind(free);
            give_back.execute(&mut self.connection).await.doing("give locks back in")?;
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let take = "SELECT key FROM unnest($1::bigint[]) AS key WHERE pg_try_advisory_lock(key)";
        let keys: Vec<i64> = wanted.iter().map(|(key, _)| *key).collect();
        let taken: Vec<i64> = sqlx::query_scalar(take)
            .bind(keys)
            .fetch_all(&mut self.connection)
            .await
            .doing("take locks in")?;
        let taken: HashSet<i64> = taken.into_iter().collect();
        for (key, answer) in wanted {
            if taken.contains(&key) {
                let lock = Lock { key, lost: self.lost.clone(), requests: locks.requests.clone() };
                // Who does not wait for it any longer gives it back by dropping it.
                drop(answer.send(Some(lock)));
            } else {
                self.keys.remove(&key);
            }
        }
        Ok(())
    }
}

/// Whoever holds this one leads.
pub(super) fn leader(cluster: &str) -> i64 {
    key(&format!("{LEADER} {cluster}"))
}

fn check_version(number: Option<u32>) -> Result<(), DatabaseError> {
    let version = number.map_or(LEAST_VERSION, |number| number / 10_000);
    if version < LEAST_VERSION { Err(DatabaseError::TooOld { version }) } else { Ok(()) }
}

fn key(name: &str) -> i64 {
    PgAdvisoryLock::new(format!("tokenferry:{name}")).key().as_bigint().unwrap_or_default()
}

/// A machine that is gone tells nobody, nor does a process that stands still, or a connection that leads nowhere: the
/// locks would be held for hours, or for ever.
fn set_up(limit: Duration) -> String {
    // PostgreSQL reckons with milliseconds, and no more than these.
    let limit = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1);
    format!(
        "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3; \
         SET tcp_user_timeout = 14000; SET statement_timeout = 0; \
         SET idle_session_timeout = {limit}; SET idle_in_transaction_session_timeout = {limit}"
    )
}

fn pings() -> Interval {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// No credential is called so: they are hexadecimal numbers.
const LEADER: &str = "leader of";
const PING: &str = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, \
                    coalesce(pg_try_advisory_lock($1), false)";
/// A lost connection is noticed within a second.
const PING_EVERY: Duration = Duration::from_millis(300);
const ANSWER_LIMIT: Duration = Duration::from_millis(700);
const LONGEST_CONNECT: Duration = Duration::from_secs(30);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 256;

#[cfg(test)]
impl Locks {
    /// Each is free, and lost as soon as it is taken.
    pub(super) fn soon_lost() -> Self {
        let (requests, mut asked) = mpsc::unbounded_channel();
        let locks = Locks { requests };
        let kept = locks.clone();
        tokio::spawn(async move {
            while let Some(request) = asked.recv().await {
                if let Request::Take { key, answer } = request {
                    let lock = Lock { key, lost: CancellationToken::new(), requests: kept.requests.clone() };
                    lock.lost.cancel();
                    drop(answer.send(Some(lock)));
                }
            }
        });
        locks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_told_so() {
        assert!(check_version(Some(140_000)).is_ok() && check_version(None).is_ok());
        let error = check_version(Some(130_021)).unwrap_err();
        assert_eq!(error.to_string(), "the database is PostgreSQL 13, and 14 is needed");
    }
}
