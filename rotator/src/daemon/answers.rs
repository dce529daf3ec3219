//! What the daemon tells those who look on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Daemon;
use crate::observe::{Health, Question, Row, Snapshot};
use crate::rotation::Rotation;
use crate::run::RotationId;
use crate::scheduler::{HeldBy, Stage};

impl Daemon {
    /// Nobody may be there any more to be told.
    pub(super) fn answer(&self, question: Question) {
        match question {
            Question::Health(answer) => drop(answer.send(self.health())),
            Question::Snapshot(answer) => drop(answer.send(self.snapshot())),
        }
    }

    /// Whoever asks from now on, or has no answer yet, is told at once that there will be none.
    pub(super) fn stop_answering(&mut self) {
        self.questions.close();
        while self.questions.try_recv().is_ok() {}
    }

    fn health(&self) -> Health {
        let is_unread = |id| self.scheduler.view(id).is_none_or(|view| view.stage == Stage::Unread);
        let unread = self.ids().filter(|id| is_unread(*id)).count();
        Health { rotations: self.rotations.len(), unread, lag: self.lag.lag(Instant::now()) }
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let sources = self.rotations.iter().map(|rotation| (&*rotation.source.name, &rotation.source));
        let sources: BTreeMap<_, _> = sources.collect();
        Snapshot {
            now,
            health: self.health(),
            rows: self
                .ids()
                .zip(&self.rotations)
                .filter_map(|(id, rotation)| self.row(id, rotation))
                .collect(),
            running: self.dispatch.running(),
            failures: self.score.failures(&sources).collect(),
            calls: self.runner.tally().calls(),
            logins: self.runner.tally().logins(),
            adopted: self.runner.adopted(),
            vault: self.runner.vault().counts(),
            reload: self.last_reload,
        }
    }

    fn row(&self, id: RotationId, rotation: &Arc<Rotation>) -> Option<Row> {
        let view = self.scheduler.view(id)?;
        let held = self.scheduler.held(id, self.clock.now());
        Some(Row {
            rotation: Arc::clone(rotation),
            stage: view.stage,
            waits_for_rate: held.is_some_and(|held| held.by == HeldBy::Rate),
            living: view.living,
            failing: view.failing,
            runs: self.score.runs(rotation),
        })
    }

    fn ids(&self) -> impl Iterator<Item = RotationId> + use<> {
        (0..).map(RotationId).take(self.rotations.len())
    }
}
