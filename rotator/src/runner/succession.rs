//! Going on under another configuration without losing what this process knows, or was issued.

use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::HttpClient;
use tokenferry_sources::cause::with_causes;
use tokenferry_vault::Vault;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::job::{Job, State};
use super::replicas::Names;
use super::trouble::Trouble;
use super::{Runner, reached, shared_client};
use crate::rotation::Rotation;
use crate::run::RotationId;

impl Runner {
    /// One for these rotations. A rotation that carries on, as one of this runner's, keeps what is known of its
    /// destinations and a token that waits to be written; the others know nothing yet. All certificates are read anew.
    #[must_use]
    pub fn successor(
        &self,
        rotations: &[Arc<Rotation>],
        carries_on: &[Option<RotationId>],
        vault: Arc<Vault>,
    ) -> Runner {
        let mut clients: Vec<Arc<HttpClient>> = Vec::new();
        let jobs = rotations.iter().zip(carries_on).map(|(rotation, former)| {
            let (rotation, http) =
                (Arc::clone(rotation), shared_client(&mut clients, &rotation.source.http, &self.tally));
            match former.and_then(|former| self.job(former)) {
                Some(former) => Job { rotation, http, ..former.clone() },
                None => Job::new(rotation, http),
            }
        });
        Runner {
            jobs: jobs.collect(),
            vault,
            environment: Arc::clone(&self.environment),
            clock: Arc::clone(&self.clock),
            writer: self.writer.clone(),
            dry_run: self.dry_run,
            reads_first: self.reads_first,
            names: Names::default(),
            memory: Arc::clone(&self.memory),
            skews: Arc::clone(&self.skews),
            adopted: Arc::clone(&self.adopted),
            lost: Arc::clone(&self.lost),
            tally: Arc::clone(&self.tally),
        }
    }

    /// Where it writes.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Whether a token of this rotation was issued and is not stored everywhere yet. Not for one that runs.
    pub fn owes(&self, rotation: RotationId) -> bool {
        let state = self.job(rotation).and_then(|job| job.state.try_lock().ok());
        state.is_some_and(|state| state.pending.is_some())
    }

    /// Stores what was issued for a rotation whose definition is gone: as long as the token lives and Vault is to
    /// blame. What stands in a destination and in the way stays there. Beside other processes nothing is stored.
    pub async fn see_off(&self, rotation: RotationId) {
        let Some(job) = self.job(rotation) else { return };
        let state = &mut *job.state.lock().await;
        let mut pause = SHORTEST_PAUSE;
        self.leave_to_others(job, state);
        while let Some(pending) = &state.pending {
            let is_over = pending.left(&job.rotation, self.clock.now()).is_zero();
            match self.publish_pending(job, state).await {
                Ok(_) => {
                    info!(rotation = &*job.rotation.name, "stored the token that was issued before");
                    self.clear_failure(job, state).await;
                }
                Err(trouble) if is_over || !may_pass(&trouble) => {
                    tell_end(job, state, &trouble);
                    state.pending = None;
                }
                Err(_) => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// What became of a token that is not written to its destinations any longer.
fn tell_end(job: &Job, state: &State, trouble: &Trouble) {
    let (rotation, why) = (&*job.rotation.name, with_causes(trouble));
    match reached(state) {
        None => error!(rotation, why, "a token was issued but could not be stored, and is lost"),
        Some((_, missed)) => {
            warn!(
                rotation,
                missed, why, "the token that was issued before stands in some of its destinations only"
            );
        }
    }
}

fn may_pass(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Vault(error) => error.concerns_all(),
        other => !other.is_lasting(),
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
