//! Going round the entries, slowly: people run `once` beside the daemon, and Vault can come back without what it held.
//! What is told on the page and to alerts would else be what this process did last.

use std::time::Duration;

use tokenferry_vault::VaultError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use super::Daemon;
use crate::run::{RotationId, Standing};

/// Looks at one entry after the other, at one at a time, and at each once in a round.
pub(super) struct Patrol {
    looking: JoinSet<Looked>,
    next: RotationId,
    round_began: Instant,
    not_before: Instant,
}

/// What comes next.
pub(super) enum Step {
    /// The next may be looked at.
    Turn,
    /// One was looked at. Nothing is known of one that panicked.
    Looked(Option<Looked>),
}

/// What was found, if it was news.
pub(super) struct Looked {
    rotation: RotationId,
    found: Result<Option<Standing>, VaultError>,
}

impl Daemon {
    pub(super) fn patrol(&mut self, step: Step) {
        match step {
            Step::Turn => {
                let count = u32::try_from(self.rotations.len()).unwrap_or(u32::MAX);
                let is_known = |id: &RotationId| self.scheduler.next(*id).is_some();
                if let Some(rotation) = self.patrol.turn(count, is_known) {
                    let runner = self.runner.clone();
                    let look = async move { Looked { rotation, found: runner.look_again(rotation).await } };
                    self.patrol.looking.spawn(look);
                }
            }
            Step::Looked(Some(Looked { rotation, found })) => self.heed(rotation, found),
            Step::Looked(None) => {}
        }
    }

    fn heed(&mut self, rotation: RotationId, found: Result<Option<Standing>, VaultError>) {
        let name = self.rotation(rotation).map(|rotation| &*rotation.name);
        match found {
            Ok(None) => {}
            Ok(Some(standing)) => {
                // Other replicas do nothing else.
                if self.replicas.is_none() {
                    info!(
                        rotation = name,
                        "another process has changed the entry; going on from what stands there"
                    );
                }
                self.learn(rotation, standing);
            }
            Err(error) => {
                debug!(
                    rotation = name,
                    class = error.class(),
                    "an entry could not be looked at again: {error}"
                );
                if error.concerns_all() {
                    self.patrol.rest();
                }
            }
        }
        self.read_after_loss();
    }
}

impl Patrol {
    /// Nothing is looked at yet: all has just been read.
    pub(super) fn new() -> Self {
        let first = Instant::now() + AFTER_READING;
        Patrol { looking: JoinSet::new(), next: RotationId(0), round_began: first, not_before: first }
    }

    /// Waits for what comes next. Nothing is lost if nobody waits until then.
    pub(super) async fn step(&mut self) -> Step {
        if let Some(looked) = self.looking.join_next().await {
            return Step::Looked(looked.ok());
        }
        sleep_until(self.not_before).await;
        Step::Turn
    }

    /// Whose turn it is. Nobody's once all had theirs: the next round begins no sooner than a while after this one did.
    fn turn(&mut self, count: u32, is_known: impl Fn(&RotationId) -> bool) -> Option<RotationId> {
        let now = Instant::now();
        let next = (self.next.0..count).map(RotationId).find(is_known);
        if let Some(RotationId(number)) = next {
            (self.next, self.not_before) = (RotationId(number + 1), now + PACE);
        } else {
            self.round_began = (self.round_began + SHORTEST_ROUND).max(now + PACE);
            (self.next, self.not_before) = (RotationId(0), self.round_began);
        }
        next
    }

    /// Leaves Vault alone for a while.
    fn rest(&mut self) {
        self.not_before = Instant::now() + SHORTEST_ROUND;
    }
}

const AFTER_READING: Duration = Duration::from_secs(10);
const PACE: Duration = Duration::from_secs(1);
const SHORTEST_ROUND: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is looked at within so many seconds, and when.
    async fn turns(count: u32, secs: u64, is_known: impl Fn(&RotationId) -> bool) -> Vec<(u64, u32)> {
        let (start, mut patrol, mut turns) = (Instant::now(), Patrol::new(), Vec::new());
        while patrol.not_before <= start + Duration::from_secs(secs) {
            let Step::Turn = patrol.step().await else { panic!("nothing is being looked at") };
            turns.extend(patrol.turn(count, &is_known).map(|id| (start.elapsed().as_secs(), id.0)));
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn few_are_looked_at_once_a_minute() {
        assert_eq!(
            turns(3, 130, |_| true).await,
            [(10, 0), (11, 1), (12, 2), (70, 0), (71, 1), (72, 2), (130, 0)]
        );
        assert_eq!(turns(3, 130, |id| id.0 == 1).await, [(10, 1), (70, 1), (130, 1)]);
        assert_eq!(turns(3, 130, |_| false).await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_one_is_looked_at_each_second() {
        let turns = turns(10_000, 20_020, |_| true).await;
        assert!(turns.windows(2).all(|pair| (1..=2).contains(&(pair[1].0 - pair[0].0))));
        assert_eq!(turns.iter().filter(|(_, id)| *id == 4_000).count(), 2);
        assert!((20_000..=20_011).contains(&turns.len()), "{}", turns.len());
    }

    #[tokio::test(start_paused = true)]
    async fn vault_is_left_alone_for_a_minute_once_it_is_in_trouble() {
        let (start, mut patrol) = (Instant::now(), Patrol::new());
        patrol.step().await;
        patrol.turn(3, |_| true);
        patrol.rest();
        patrol.step().await;
        assert_eq!(start.elapsed().as_secs(), 70);
        assert_eq!(patrol.turn(3, |_| true), Some(RotationId(1)));
    }
}
