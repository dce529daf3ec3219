//! A configuration with everything that is needed to work on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use tokenferry_sources::{Clock, Environment, ProcessEnvironment, SystemClock, Timestamp};
use tokenferry_vault::{Vault, VaultError};
use tokio::sync::mpsc;

use crate::config::{Config, ConfigErrors};
use crate::entries;
use crate::process;
use crate::rotation::Rotation;
use crate::run::{RotationId, Standing};
use crate::runner::Runner;
use crate::scheduler::{Plan, Scheduler};
use crate::terminal::Progress;

/// What all commands share. Nothing is sent before it is needed.
pub struct App {
    /// What is configured.
    pub config: Config,
    /// Does the runs.
    pub runner: Arc<Runner>,
    /// The Vault that everything is written to.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Whether a person may watch how far it comes.
    pub is_watched: bool,
}

/// A name on the command line that the configuration does not know.
#[derive(Debug, Error)]
#[error("there is no rotation \"{name}\" in the configuration; there are: {known}")]
pub struct UnknownRotation {
    name: String,
    known: String,
}

/// What was read of some rotations.
pub struct Reading {
    /// What was found.
    pub found: BTreeMap<RotationId, Standing>,
    /// Why some are missing.
    pub error: Option<VaultError>,
}

impl App {
    /// Reads the configuration. With `dry_run` nothing will be written to Vault.
    ///
    /// # Errors
    /// All mistakes of the configuration.
    pub fn load(path: &Path, dry_run: bool) -> Result<Self, ConfigErrors> {
        let environment: Arc<dyn Environment> = Arc::new(ProcessEnvironment);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let config = Config::load(path, &*environment)?;
        let vault = Arc::new(Vault::new(config.vault.clone(), environment.clone(), clock.clone()));
        let rotations = config.rotations.clone();
        let runner = Runner::new(rotations, vault.clone(), environment, clock.clone(), process::name());
        let runner = runner.dry_run(dry_run).reads_first(config.cluster.is_some());
        Ok(App { config, runner: Arc::new(runner), vault, clock, is_watched: false })
    }

    /// The rotations of these names; all, if there are none.
    ///
    /// # Errors
    /// The first name that the configuration does not know.
    pub fn select(&self, names: &[String]) -> Result<BTreeSet<RotationId>, UnknownRotation> {
        if names.is_empty() {
            return Ok(self.ids().map(|(id, _)| id).collect());
        }
        names.iter().map(|name| self.find(name)).collect()
    }

    /// The rotation of this name.
    ///
    /// # Errors
    /// When the configuration does not know it.
    pub fn find(&self, name: &str) -> Result<RotationId, UnknownRotation> {
        let found = self.ids().find(|(_, rotation)| *rotation.name == *name);
        found.map(|(id, _)| id).ok_or_else(|| UnknownRotation {
            name: name.to_owned(),
            known: self.ids().map(|(_, rotation)| &*rotation.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// All rotations with their ids.
    pub fn ids(&self) -> impl Iterator<Item = (RotationId, &Arc<Rotation>)> {
        (0..).map(RotationId).zip(&self.config.rotations)
    }

    /// Those of these rotations that are run at all.
    pub fn enabled(&self, rotations: &BTreeSet<RotationId>) -> BTreeSet<RotationId> {
        let is_enabled = |id: &RotationId| self.rotation(*id).is_some_and(|rotation| rotation.enabled);
        rotations.iter().copied().filter(is_enabled).collect()
    }

    /// The other rotations that are run of those sources of these that have a rate: their logins count, too.
    pub fn sharing_a_rate_with(&self, rotations: &BTreeSet<RotationId>) -> BTreeSet<RotationId> {
        let source =
            |id| self.rotation(id).map(|rotation| &rotation.source).filter(|source| source.rate.is_some());
        let limited: BTreeSet<&str> =
            rotations.iter().filter_map(|id| source(*id).map(|source| &*source.name)).collect();
        let all = self.ids().map(|(id, _)| id).filter(|id| !rotations.contains(id));
        let sharing = all.filter(|id| source(*id).is_some_and(|source| limited.contains(&*source.name)));
        self.enabled(&sharing.collect())
    }

    /// The others that it takes to tell when these will run: those that share the rate of a source, and the nearest
    /// that send the same login, which may have been refused to one of them.
    fn neighbours(&self, rotations: &BTreeSet<RotationId>) -> BTreeSet<RotationId> {
        let mut neighbours = self.sharing_a_rate_with(rotations);
        let logins: Vec<_> = Plan::of_all(&self.config.rotations).map(|plan| plan.login).collect();
        let login = |id: RotationId| logins.get(id.0 as usize).copied().flatten();
        let shared: BTreeSet<_> = rotations.iter().filter_map(|id| login(*id)).collect();
        let others = self.ids().filter(|(id, rotation)| rotation.enabled && !rotations.contains(id));
        let others = others.filter(|(id, _)| login(*id).is_some_and(|login| shared.contains(&login)));
        neighbours.extend(others.map(|(id, _)| id).take(MOST_NEIGHBOURS));
        neighbours
    }

    /// A rotation.
    pub fn rotation(&self, id: RotationId) -> Option<&Arc<Rotation>> {
        self.config.rotations.get(id.0 as usize)
    }

    /// A scheduler that knows nothing of the past yet.
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::new(Plan::of_all(&self.config.rotations))
    }

    /// A scheduler that knows what was found.
    pub fn scheduler_after(&self, found: &BTreeMap<RotationId, Standing>, now: Timestamp) -> Scheduler {
        let mut scheduler = self.scheduler();
        for (rotation, standing) in found {
            scheduler.learn(*rotation, standing.clone(), now);
        }
        scheduler
    }

    /// Reads once what stands in Vault for these rotations, and what of others it takes to tell when these will run. That
    /// the latter cannot be read is no error.
    pub async fn read_with_neighbours(&self, rotations: BTreeSet<RotationId>) -> Reading {
        let neighbours = self.neighbours(&rotations);
        let mut reading = self.read(rotations).await;
        if reading.error.is_none() && !neighbours.is_empty() {
            reading.found.extend(self.read(neighbours).await.found);
        }
        reading
    }

    /// Reads once what stands in Vault for these rotations.
    pub async fn read(&self, mut rotations: BTreeSet<RotationId>) -> Reading {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut progress = Progress::new("reading entries", rotations.len(), self.is_watched);
        let read = async {
            let error =
                entries::read_once(&self.runner, &mut rotations, self.config.concurrency, &sender).await;
            drop(sender);
            error
        };
        let collect = async {
            let mut found = BTreeMap::new();
            while let Some((rotation, standing)) = receiver.recv().await {
                found.insert(rotation, standing);
                progress.advance();
            }
            found
        };
        let (error, found) = tokio::join!(read, collect);
        Reading { found, error }
    }
}

/// So many of those that send the same login are asked whether it was refused: that is true of all, or of the last.
const MOST_NEIGHBOURS: usize = 32;
