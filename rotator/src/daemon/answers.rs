//! What the daemon tells those who look on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::Daemon;
use crate::observe::{Health, Question, Row, Snapshot};
use crate::run::RotationId;
use crate::scheduler::Stage;

impl Daemon {
    /// Nobody may be there any more to be told.
    pub(super) fn answer(&self, question: Question) {
        match question {
            Question::Health(answer) => drop(answer.send(self.health(self.clock.now()))),
            Question::Snapshot(answer) => drop(answer.send(self.snapshot())),
        }
    }

    /// Whoever asks from now on, or has no answer yet, is told at once that there will be none.
    pub(super) fn stop_answering(&mut self) {
        self.questions.close();
        while self.questions.try_recv().is_ok() {}
    }

    fn health(&self, now: Timestamp) -> Health {
        let is_unread = |id| self.scheduler.view(id).is_none_or(|view| view.stage == Stage::Unread);
        let unread = self.ids().filter(|id| is_unread(*id)).count();
        Health { rotations: self.rotations.len(), unread, lag: self.lag(now) }
    }

    /// How long the run that waits longest has been due without being begun.
    fn lag(&self, now: Timestamp) -> Duration {
        self.scheduler.wake_at().and_then(|at| (now - at).to_std().ok()).unwrap_or_default()
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let sources = self.rotations.iter().map(|rotation| (&*rotation.source.name, &rotation.source));
        let sources: BTreeMap<_, _> = sources.collect();
        Snapshot {
            now,
            health: self.health(now),
            rows: self
                .ids()
                .zip(&self.rotations)
                .filter_map(|(id, rotation)| {
                    let view = self.scheduler.view(id)?;
                    Some(Row {
                        rotation: Arc::clone(rotation),
                        stage: view.stage,
                        living: view.living,
                        failing: view.failing,
                        runs: self.score.runs(rotation),
                    })
                })
                .collect(),
            running: self.dispatch.running(),
            failures: self.score.failures(&sources).collect(),
            calls: self.runner.tally().calls(),
            logins: self.runner.tally().logins(),
            adopted: self.runner.adopted(),
            vault: self.runner.vault_counts(),
        }
    }

    fn ids(&self) -> impl Iterator<Item = RotationId> + use<> {
        (0..).map(RotationId).take(self.rotations.len())
    }
}
