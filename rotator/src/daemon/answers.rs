//! What the daemon tells those who look on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Daemon;
use crate::dispatch::Role;
use crate::observe::{Clock, Health, Question, Row, Snapshot};
use crate::rotation::Rotation;
use crate::run::RotationId;
use crate::scheduler::{Outlook, Stage};
use crate::source::Source;

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
        let (lag, role) = (self.lag.lag(Instant::now()), self.standing.role());
        let is_apart = self.is_apart();
        let replicas = self.replicas.as_ref().map(|replicas| replicas.borrow());
        let gives_way = replicas.as_ref().is_some_and(|replicas| replicas.gives_way);
        let trouble = replicas.and_then(|replicas| replicas.trouble.clone());
        Health { rotations: self.rotations.len(), unread, lag, role, is_apart, trouble, gives_way }
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let sources = self.rotations.iter().map(|rotation| (&*rotation.source.name, &rotation.source));
        let sources: BTreeMap<_, _> = sources.collect();
        let outlook = self.scheduler.outlook(now);
        Snapshot {
            now,
            health: self.health(),
            read_at: self.standing.read_at.filter(|_| !self.leads()),
            rows: self
                .ids()
                .zip(&self.rotations)
                .filter_map(|(id, rotation)| self.row(id, rotation, &outlook))
                .collect(),
            running: self.running(),
            failures: self.score.failures(&sources).collect(),
            calls: self.runner.tally().calls(),
            logins: self.runner.tally().logins(),
            adopted: self.runner.adopted(),
            vault: self.runner.vault().counts(),
            reload: self.last_reload,
            clocks: self.clocks(&sources),
            vault_ahead_secs: self.runner.vault().clock_ahead_secs(),
            cluster: self.replicas.as_ref().map(|replicas| replicas.borrow().clone().at(now)),
        }
    }

    /// No run goes on without the lock of its credential; what is left of it then is how it ended, on its way to the
    /// others.
    fn running(&self) -> usize {
        if self.standing.role() == Role::Disconnected { 0 } else { self.dispatch.running() }
    }

    fn clocks(&self, sources: &BTreeMap<&str, &Arc<Source>>) -> Vec<Clock> {
        let clock = |(name, ahead_secs): (Arc<str>, i32)| {
            Some(Clock { source: Arc::clone(sources.get(&*name)?), ahead_secs })
        };
        self.runner.skews().all().into_iter().filter_map(clock).collect()
    }

    fn row(&self, id: RotationId, rotation: &Arc<Rotation>, outlook: &Outlook<'_>) -> Option<Row> {
        let view = self.scheduler.view(id)?;
        Some(Row {
            rotation: Arc::clone(rotation),
            stage: view.stage,
            held: outlook.held(id),
            living: view.living,
            ended_by_refresh: view.living.is_none() && self.runner.has_ended_token(id),
            failing: view.failing,
            runs: self.score.runs(rotation),
        })
    }

    fn ids(&self) -> impl Iterator<Item = RotationId> + use<> {
        (0..).map(RotationId).take(self.rotations.len())
    }
}
