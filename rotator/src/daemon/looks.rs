//! Looking at logins whose failure lasts until they are changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::info;

use super::Daemon;
use crate::run::RotationId;

/// Looks for changed logins, one after the other.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) running: JoinSet<Option<Changed>>,
    of_vault: Option<Instant>,
}

/// A source that would log in with something else now, and what of it waits for that.
pub(super) struct Changed {
    source: Arc<str>,
    rotations: Vec<RotationId>,
}

impl Daemon {
    /// Where a failure lasts until the login is changed, secrets are read to see whether they were.
    /// Once for each source: its rotations log in alike. What is kept in Vault can take long to read: nobody waits.
    pub(super) fn look_for_changed_logins(&mut self) {
        let mut waiting: BTreeMap<Arc<str>, Vec<RotationId>> = BTreeMap::new();
        let Some(of_vault) = self.looks.begin(Instant::now()) else { return };
        for id in self.scheduler.waiting_for_change() {
            let source = self.rotation(id).map(|rotation| &rotation.source);
            if let Some(source) = source.filter(|source| of_vault || source.in_vault().next().is_none()) {
                waiting.entry(source.name.clone()).or_default().push(id);
            }
        }
        for (source, rotations) in waiting {
            let runner = Arc::clone(&self.runner);
            self.looks.running.spawn(async move {
                let first = *rotations.first()?;
                let changed = timeout(LONGEST_LOOK, runner.login_changed(first)).await.unwrap_or(false);
                changed.then_some(Changed { source, rotations })
            });
        }
    }

    pub(super) fn note_change(&mut self, Changed { source, rotations }: &Changed) {
        info!(source = &**source, rotations = rotations.len(), "the login was changed; trying it");
        let now = self.now();
        for rotation in rotations {
            self.scheduler.login_changed(*rotation, now);
        }
    }
}

impl Looks {
    /// Whether the next look goes for what is kept in Vault, too, which is spared most of them. `None` while the last
    /// one lasts.
    fn begin(&mut self, now: Instant) -> Option<bool> {
        if !self.running.is_empty() {
            return None;
        }
        let is_due = self.of_vault.is_none_or(|last| now.duration_since(last) >= LOOK_INTO_VAULT_EVERY);
        if is_due {
            self.of_vault = Some(now);
        }
        Some(is_due)
    }
}

pub(super) const LOOK_FOR_CHANGES_EVERY: Duration = Duration::from_secs(5);
const LONGEST_LOOK: Duration = Duration::from_secs(2);
const LOOK_INTO_VAULT_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_looked_at_each_time_and_vault_once_a_minute() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        let into_vault: Vec<u64> = (0..=120)
            .step_by(5)
            .filter(|seconds| looks.begin(start + Duration::from_secs(*seconds)) == Some(true))
            .collect();
        assert_eq!(into_vault, [0, 60, 120]);
        assert_eq!(looks.begin(start + Duration::from_secs(125)), Some(false));
    }

    #[tokio::test]
    async fn no_look_begins_while_the_last_one_lasts() {
        let mut looks = Looks::default();
        looks.running.spawn(std::future::pending());
        assert_eq!(looks.begin(Instant::now()), None);
        looks.running.abort_all();
        while looks.running.join_next().await.is_some() {}
        assert_eq!(looks.begin(Instant::now()), Some(true));
    }
}
