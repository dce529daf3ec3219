//! Going on under another configuration.
//!
//! What did not change goes on as if nothing had happened, runs under way included. What came or changed is read, as at
//! the start. What went ends what it has begun.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use tracing::warn;

use super::Daemon;
use super::departures::Departure;
use super::looks::Looks;
use super::patrol::Patrol;
use crate::config::Config;
use crate::reload::{self, LastReload, Step, Transition};
use crate::run::RotationId;
use crate::runner::Runner;
use crate::scheduler::{Plan, Scheduler};
use crate::source::unreadable;

impl Daemon {
    pub(super) fn reload(&mut self, step: Step) {
        let Step::Read(read) = step else { return self.supervisor.reloading() };
        self.last_reload = LastReload { successful: read.is_ok(), at: self.clock.now() };
        match read {
            Ok(config) => self.take_over(*config),
            Err(problems) => reload::tell_refusal(&problems),
        }
        self.supervisor.ready(&self.status());
    }

    fn take_over(&mut self, config: Config) {
        self.reloads.follow(&config);
        let wanted = mem::replace(&mut self.wanted_listen, config.listen);
        if self.wanted_listen != wanted && self.wanted_listen != self.listen {
            warn!("`listen`, `page` or `allowed_hosts` has changed: that takes effect at the next start");
        }
        let wanted = mem::replace(&mut self.wanted_sharing, config.cluster);
        if self.wanted_sharing != wanted && self.wanted_sharing != self.sharing {
            warn!("the `cluster` block has changed: that takes effect at the next start");
        }
        for missing in unreadable(&config.sources) {
            warn!("{missing}");
        }
        let same_vault = self.runner.vault().is_at(&config.vault);
        let vault = Arc::new(self.runner.vault().successor(config.vault));
        let Transition { rotations, carries_on, changes, inherited } =
            Transition::new(&self.rotations, config.rotations, same_vault);
        reload::tell(&changes, rotations.len());
        reload::tell_inherited(&inherited);
        self.proofs.expect(changes.added.into_iter().chain(changes.changed));
        self.renewal.turn_to(&vault);
        let runner = Arc::new(self.runner.successor(&rotations, &carries_on, vault));
        (self.concurrency, self.grace_period) = (config.concurrency, config.grace_period);
        self.hand_over(runner, &carries_on, same_vault);
        self.rotations = rotations;
        self.reschedule(&carries_on);
        self.standing.renumber();
        // Whatever is on its way bears the ids of before.
        self.entries.forget(self.concurrency);
        (self.looks, self.patrol) = (Looks::default(), Patrol::new());
        self.read_entries();
    }

    /// What has not begun begins under the new definition, if it is still due then. What has begun ends as it began.
    fn hand_over(&mut self, runner: Arc<Runner>, carries_on: &[Option<RotationId>], same_vault: bool) {
        let now = self.now();
        for due in self.dispatch.withdraw() {
            self.scheduler.withdrawn(&due, now);
        }
        let former = mem::replace(&mut self.runner, Arc::clone(&runner));
        let mut heirs = vec![None; self.rotations.len()];
        for (heir, carried) in (0..).map(RotationId).zip(carries_on) {
            let heired = carried.and_then(|carried| heirs.get_mut(carried.0 as usize));
            if let Some(slot) = heired {
                *slot = Some(heir);
            }
        }
        let departure = |rotation: RotationId| {
            let name = Arc::clone(&self.rotations.get(rotation.0 as usize)?.name);
            Some(Departure { name, runner: Arc::clone(&former), rotation, holds_up: same_vault })
        };
        let departures = &mut self.departures;
        let mut running = BTreeSet::new();
        self.dispatch.succeed(runner, self.concurrency, &mut |id| {
            running.insert(id);
            let heir = heirs.get(id.0 as usize).copied().flatten();
            heir.unwrap_or_else(|| departure(id).map_or(id, |departure| departures.run_on(departure)))
        });
        let gone = (0..).map(RotationId).zip(&heirs).filter(|(_, heir)| heir.is_none()).map(|(id, _)| id);
        for id in gone.filter(|id| !running.contains(id) && former.owes(*id)) {
            if let Some(departure) = departure(id) {
                departures.store(departure);
            }
        }
    }

    fn reschedule(&mut self, carries_on: &[Option<RotationId>]) {
        let now = self.now();
        let plans = Plan::of_all(&self.rotations);
        let former = mem::replace(&mut self.scheduler, Scheduler::new([]));
        self.scheduler = former.successor(plans, carries_on, now);
        self.scheduler.reconnected(now);
    }

    /// Reads what stands in the destinations of a rotation that another one of this name held up.
    pub(super) fn let_follow(&mut self, name: &str) {
        let position = self.rotations.iter().position(|rotation| *rotation.name == *name);
        let follower = position.and_then(|position| u32::try_from(position).ok()).map(RotationId);
        let is_free = |id: &RotationId| self.scheduler.is_unknown(*id) && !self.departures.are_awaited(name);
        if let Some(follower) = follower.filter(is_free) {
            self.entries.read(self.runner.clone(), BTreeSet::from([follower]), 1);
        }
    }
}
