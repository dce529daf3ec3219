//! Runs under the lock of their credential, which no other process holds then.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenferry_sources::{Timestamp, rfc3339};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::database::Database;
use super::error::DatabaseError;
use super::health::Health;
use super::session::{Lock, Locks, Session};
use super::wire::End;
use super::{Settings, settings::MARGIN};
use crate::dispatch::Role;
use crate::meaning::{Meaning, meaning};
use crate::run::{Aftermath, CredentialKey, Due, Living, Outcome, RotationId, Work};

/// Does work beside replicas without being one of them.
pub struct Guarded {
    work: Arc<dyn Work>,
    locks: Locks,
    limits: Limits,
    _session: JoinSet<()>,
}

impl Guarded {
    /// Takes the lock of its credential around each run of `work`.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn start(
        settings: &Settings,
        database: Database,
        work: Arc<dyn Work>,
    ) -> Result<Self, Arc<DatabaseError>> {
        let pool = database.pool();
        let (session, locks) = Session::new(database, pool, Health::new(Duration::MAX), settings, false);
        let (mut state, mut tasks) = (session.state(), JoinSet::new());
        tasks.spawn(session.keep());
        let known = state.wait_for(|state| state.role != Role::Disconnected || state.trouble.is_some()).await;
        // It never ends before we drop it.
        let trouble = known.ok().and_then(|state| state.trouble.clone());
        trouble.map_or(Ok(Guarded { work, locks, limits: Limits::of(settings), _session: tasks }), Err)
    }
}

#[async_trait]
impl Work for Guarded {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        self.work.credential(rotation)
    }

    async fn run(&self, due: &Due) -> Outcome {
        let ran = run(&*self.work, &self.locks, due, self.limits, pending()).await;
        ran.map_or_else(|| End::failed(BUSY), |(end, _lock)| end.outcome)
    }

    fn aftermath(&self, rotation: RotationId) -> Aftermath {
        self.work.aftermath(rotation)
    }

    fn name(&self, rotation: RotationId) -> Option<Arc<str>> {
        self.work.name(rotation)
    }

    fn find(&self, name: &str) -> Option<RotationId> {
        self.work.find(name)
    }

    async fn find_done(&self, due: &Due) -> Option<Living> {
        self.work.find_done(due).await
    }

    async fn heed(&self, rotation: RotationId) {
        self.work.heed(rotation).await;
    }

    async fn doubt(&self, rotation: RotationId) {
        self.work.doubt(rotation).await;
    }

    fn fingerprint(&self) -> String {
        self.work.fingerprint()
    }
}

/// How long things may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Waiting for a lock.
    patience: Duration,
    /// A run: it is over before anybody else takes its work over, whatever it is waiting for.
    run: Duration,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        let limit = settings.heartbeat_limit;
        Limits { patience: limit, run: limit.checked_sub(MARGIN).unwrap_or(limit / 2) }
    }
}

/// One run under the lock of its credential, which is still held afterwards. A lock that is lost ends the run at once.
/// `None` if it was to be given up before it had begun.
pub(super) async fn run(
    work: &dyn Work,
    locks: &Locks,
    due: &Due,
    limits: Limits,
    give_up: impl Future<Output = ()>,
) -> Option<(End, Option<Lock>)> {
    let credential = work.credential(due.rotation);
    let lock = tokio::select! {
        lock = timeout(limits.patience, wait_for(locks, credential)) => lock,
        () = give_up => return None,
    };
    let Ok(lock) = lock else {
        tell_due(work, due, BUSY);
        return Some((End::without_login(End::failed(BUSY)), None));
    };
    let mut has_begun = false;
    let running = async {
        has_begun = true;
        work.run(due).await
    };
    let ran = tokio::select! {
        biased;
        () = lock.lost() => Err("lock_lost"),
        ran = timeout(limits.run, running) => ran.map_err(|_| "took_too_long"),
    };
    let outcome = ran.unwrap_or_else(|class| {
        tell_due(work, due, class);
        End::failed(class)
    });
    let end = if has_begun {
        End { outcome, aftermath: work.aftermath(due.rotation) }
    } else {
        // Work knows of the run before only, whose aftermath was told then.
        End::without_login(outcome)
    };
    Some((end, Some(lock)))
}

/// Says what came of a run without the runner, which tells of all others.
pub(super) fn tell(class: &str, rotation: &str, occurrence: Option<Timestamp>, attempt: u32) {
    let Meaning { means, advice } = meaning(class);
    warn!(
        rotation,
        class,
        occurrence = occurrence.map(rfc3339),
        attempt,
        advice,
        "nothing came of a run: {means}"
    );
}

fn tell_due(work: &dyn Work, due: &Due, class: &str) {
    let rotation = work.name(due.rotation);
    tell(class, rotation.as_deref().unwrap_or_default(), Some(due.occurrence), due.attempt);
}

async fn wait_for(locks: &Locks, credential: CredentialKey) -> Lock {
    loop {
        if let Some(lock) = locks.take(credential).await {
            return lock;
        }
        sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Another process uses the credential, and goes on doing so.
const BUSY: &str = "credential_busy";
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokenferry_sources::Reference;

    use super::*;
    use crate::run::Reason;

    /// Its last run has left something behind.
    struct Idle;

    #[async_trait]
    impl Work for Idle {
        fn credential(&self, _: RotationId) -> CredentialKey {
            CredentialKey::of("idle")
        }

        async fn run(&self, _: &Due) -> Outcome {
            End::failed("begun")
        }

        fn aftermath(&self, _: RotationId) -> Aftermath {
            Aftermath { logins: 2, ended_token: true, keeps_token: true }
        }
    }

    #[tokio::test]
    async fn a_run_that_never_began_leaves_nothing_behind() {
        let due = Due {
            rotation: RotationId(0),
            occurrence: Timestamp::UNIX_EPOCH,
            reason: Reason::Schedule,
            attempt: 1,
            not_before: Timestamp::UNIX_EPOCH,
            deadline: None,
        };
        let limits = Limits::of(&Settings::new(Reference::Env("URL".to_owned())));
        let (end, _) = run(&Idle, &Locks::soon_lost(), &due, limits, pending()).await.unwrap();
        assert_eq!(end, End::without_login(End::failed("lock_lost")));
    }
}
