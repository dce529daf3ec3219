//! Rotations that are configured no longer, or in another way, and still have something to do.
//!
//! A run that has begun ends under the definition that it began with, and what was issued under it is stored. Whoever
//! follows under the same name waits for that, so that no rotation ever overlaps itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;

use tokio::task::{Id, JoinSet};

use crate::run::RotationId;
use crate::runner::Runner;

/// All of them.
#[derive(Default)]
pub(super) struct Departures {
    /// What still runs, by the id that its end will be told with.
    running: BTreeMap<RotationId, Departure>,
    /// What is being stored.
    storing: JoinSet<()>,
    stored_by: HashMap<Id, Departure>,
    /// Those who are waited for, by name.
    awaited: BTreeSet<Arc<str>>,
}

/// A rotation as it was.
#[derive(Clone)]
pub(super) struct Departure {
    /// Its name.
    pub(super) name: Arc<str>,
    /// Who works on it,
    pub(super) runner: Arc<Runner>,
    /// and under which id.
    pub(super) rotation: RotationId,
    /// Whether whoever follows waits until everything is stored: it would be stored in the same place.
    pub(super) holds_up: bool,
}

impl Departures {
    /// Takes over what runs at present, and says which id it has from now on: one that nobody else has.
    pub(super) fn run_on(&mut self, departure: Departure) -> RotationId {
        let taken = self.running.first_key_value().map_or(u32::MAX, |(id, _)| id.0);
        let id = RotationId(taken.saturating_sub(1));
        self.awaited.insert(Arc::clone(&departure.name));
        self.running.insert(id, departure);
        id
    }

    /// Has everything stored that was issued.
    pub(super) fn store(&mut self, departure: Departure) {
        if departure.holds_up {
            self.awaited.insert(Arc::clone(&departure.name));
        }
        let Departure { runner, rotation, .. } = departure.clone();
        let task = self.storing.spawn(async move { runner.see_off(rotation).await });
        self.stored_by.insert(task.id(), departure);
    }

    /// Whether this run is one that was taken over.
    pub(super) fn runs(&self, rotation: RotationId) -> bool {
        self.running.contains_key(&rotation)
    }

    /// Whether somebody of this name has to leave before another can follow.
    pub(super) fn are_awaited(&self, name: &str) -> bool {
        self.awaited.contains(name)
    }

    /// A run that was taken over has ended. Its name, if whoever follows need not wait any longer.
    pub(super) fn ended(&mut self, rotation: RotationId) -> Option<Arc<str>> {
        let departure = self.running.remove(&rotation)?;
        let name = Arc::clone(&departure.name);
        self.awaited.remove(&name);
        self.store(departure);
        (!self.are_awaited(&name)).then_some(name)
    }

    /// Nobody will be told how the runs end that were taken over.
    pub(super) fn end_all(&mut self) {
        for departure in mem::take(&mut self.running).into_values() {
            self.awaited.remove(&departure.name);
            self.store(departure);
        }
    }

    /// Waits until one has left for good: its name, which another may bear now. `None` if nobody leaves.
    pub(super) async fn departed(&mut self) -> Option<Arc<str>> {
        // What a panic ended is reported, and over.
        let task = match self.storing.join_next_with_id().await? {
            Ok((task, ())) => task,
            Err(error) => error.id(),
        };
        let departure = self.stored_by.remove(&task)?;
        if departure.holds_up {
            self.awaited.remove(&departure.name);
        }
        Some(departure.name)
    }

    /// Leaves what is not stored yet to those who can: all runners that may hold something, and this one.
    pub(super) async fn give_up(mut self, last: Arc<Runner>) -> Vec<Arc<Runner>> {
        self.storing.shutdown().await;
        let mut runners = vec![last];
        for Departure { runner, .. } in self.running.into_values().chain(self.stored_by.into_values()) {
            if !runners.iter().any(|known| Arc::ptr_eq(known, &runner)) {
                runners.push(runner);
            }
        }
        runners
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokenferry_sources::TestClock;
    use tokenferry_vault::Vault;

    use super::*;
    use crate::config::Config;

    const CONFIGURATION: &str = r#"
        vault {
          address = "https://vault.example"
        }
        source "zettelstore" "home" {
          username = "anna"
          password = { env = "P" }
        }
        rotation "home" {
          source   = "zettelstore.home"
          schedule = "@hourly"
          destination {
            mount = "kv"
            path  = "home"
          }
        }
    "#;

    fn runner() -> Runner {
        let environment = Arc::new(BTreeMap::new());
        let config =
            Config::parse(vec![("test.hcl".into(), CONFIGURATION.to_owned())], &*environment).unwrap();
        let clock = Arc::new(TestClock::new(tokenferry_sources::Timestamp::UNIX_EPOCH));
        let vault = Vault::new(config.vault, environment.clone(), clock.clone());
        Runner::new(config.rotations, Arc::new(vault), environment, clock, "test".to_owned())
    }

    #[tokio::test]
    async fn nothing_of_those_who_have_left_stays_alive() {
        let mut departures = Departures::default();
        let mut left = Vec::new();
        for _ in 0..3 {
            let former = Arc::new(runner());
            left.push(Arc::downgrade(&former));
            let departure = Departure {
                name: "home".into(),
                runner: Arc::clone(&former),
                rotation: RotationId(0),
                holds_up: true,
            };
            let id = departures.run_on(departure.clone());
            departures.store(departure);
            departures.ended(id);
        }
        assert_eq!(left.iter().filter(|runner| runner.strong_count() > 0).count(), 3);
        while departures.departed().await.is_some() {}
        assert_eq!(left.iter().filter(|runner| runner.strong_count() > 0).count(), 0);
        assert!(!departures.are_awaited("home"));
    }
}
