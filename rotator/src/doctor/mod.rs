//! Everything that can be checked before and while the rotator runs. No system is logged in to, and nothing is written.

mod access;
mod certificate;
#[cfg(feature = "cluster")]
mod cluster;
mod entries;
mod finding;
mod mounts;
mod over;
mod probe;
mod secrets;
mod servers;
mod sessions;
mod vault;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::app::App;
use crate::rotation::Rotation;
use crate::run::RotationId;
use crate::source::Source;

pub use finding::{Check, Finding, Group, State, counted};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order in which they are shown.
    pub findings: Vec<Finding>,
    /// Whether a reader may find no living token: there is none, or nobody can tell.
    pub readers_at_risk: bool,
}

/// How far an examination is, for those who watch.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Progress {
    /// How much of how much is done.
    pub fn so_far(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    fn expect(&self, more: usize) {
        self.total.fetch_add(more, Ordering::Relaxed);
    }

    fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is examined.
struct Patient<'a> {
    app: &'a App,
    rotations: Vec<(RotationId, &'a Arc<Rotation>)>,
    /// How many rotations are left alone, because they are disabled.
    disabled: usize,
    /// Whether Vault is not to be logged in to.
    offline: bool,
    progress: &'a Progress,
}

impl Patient<'_> {
    /// The sources of the rotations, each once.
    fn sources(&self) -> Vec<&Arc<Source>> {
        let mut names = BTreeSet::new();
        let sources = self.rotations.iter().map(|(_, rotation)| &rotation.source);
        sources.filter(|source| names.insert(&source.name)).collect()
    }
}

/// Looks at everything that these rotations need. Disabled ones need nothing.
pub async fn examine(
    app: &App,
    configuration: &Path,
    selected: &BTreeSet<RotationId>,
    offline: bool,
    progress: &Progress,
) -> Report {
    let enabled = app.enabled(selected);
    let rotations = app.ids().filter(|(id, _)| enabled.contains(id)).collect();
    let patient = Patient { app, rotations, disabled: selected.len() - enabled.len(), offline, progress };
    let mut findings = secrets::examine_configuration(&patient, configuration);
    findings.extend(secrets::examine(&patient));
    let (of_vault, login) = vault::examine(&patient).await;
    findings.extend(of_vault);
    #[cfg(feature = "cluster")]
    findings.extend(cluster::examine(&patient).await);
    let (of_servers, of_access, of_entries, of_sessions) = tokio::join!(
        servers::examine(&patient, login),
        access::examine(&patient, login),
        entries::examine(&patient, login),
        sessions::examine(&patient, login),
    );
    findings.extend(of_servers);
    findings.extend(of_access);
    findings.extend(of_sessions);
    let readers_at_risk = of_entries.readers_at_risk;
    findings.extend(of_entries.findings);
    findings.sort_by_key(|finding| (finding.group, finding.check));
    Report { findings, readers_at_risk }
}
