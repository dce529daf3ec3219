//! What a configuration cannot promise, told once the lives of its tokens are known.

use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokenferry_sources::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::warn;

use super::Daemon;
use crate::proof::{Claim, Proof, Verdict, prove};
use crate::rotation::Rotation;
use crate::run::{Living, RotationId};

/// The names of the rotations whose proof was not told yet.
type Names = HashSet<Arc<str>>;

/// Tells of each rotation once that its readers may hold a dead token although nothing fails.
#[derive(Default)]
pub(super) struct Proofs {
    untold: Arc<Mutex<Names>>,
    /// Told at the latest then, by what is known until then; `None` if that was done.
    latest: Option<Instant>,
    is_due: bool,
}

impl Proofs {
    /// Those of these are yet to be told.
    pub(super) fn expect(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        (self.latest, self.is_due) = (Some(Instant::now() + PATIENCE), true);
    }

    /// Whether it is time to tell: all entries are read, or that takes too long.
    fn comes_due(&mut self, unread: usize) -> bool {
        if unread == 0 {
            self.latest = None;
            return mem::take(&mut self.is_due);
        }
        self.latest.take_if(|latest| *latest <= Instant::now()).is_some()
    }
}

impl Daemon {
    /// In another thread: thousands of proofs take a while.
    pub(super) fn tell_refused_proofs(&mut self) {
        if !self.proofs.comes_due(self.entries.unread()) {
            return;
        }
        let living = |id| self.scheduler.view(id).and_then(|view| view.living);
        let ids = (0..).map(RotationId).take(self.rotations.len());
        let (rotations, seen) = (self.rotations.clone(), ids.map(living).collect::<Vec<_>>());
        let (untold, now) = (Arc::clone(&self.proofs.untold), self.clock.now());
        let is_last = !self.proofs.is_due;
        drop(spawn_blocking(move || {
            let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
            tell(&rotations, &seen, &mut untold, now);
            if is_last {
                *untold = Names::default();
            }
        }));
    }
}

/// Warns of those that are refused, which are then told. Where they are many, of some: nobody reads thousands of them.
fn tell(rotations: &[Arc<Rotation>], seen: &[Option<Living>], untold: &mut Names, now: Timestamp) {
    let claims = Claim::of_all(rotations, |index| seen.get(index)?.as_ref(), now);
    let mut more = 0_usize;
    let mut told = 0_usize;
    for (rotation, claim) in rotations.iter().zip(&claims).filter(|(rotation, _)| rotation.enabled) {
        if !untold.contains(&rotation.name) {
            continue;
        }
        let proof = prove(claim, now);
        if let Verdict::NotProvable { .. } | Verdict::Proven { .. } = proof.verdict {
            continue;
        }
        untold.remove(&rotation.name);
        if told < MOST_TOLD {
            told += 1;
            let proof = in_one_line(&proof);
            warn!(rotation = &*rotation.name, proof, "readers may hold a dead token even if nothing fails");
        } else {
            more += 1;
        }
    }
    if more > 0 {
        warn!(
            rotations = more,
            advice = "`tokenferry validate` tells why, of each",
            "readers of more rotations may hold a dead token even if nothing fails"
        );
    }
}

fn in_one_line(proof: &Proof) -> String {
    proof.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// So long is waited for what stands in Vault.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many are told of one by one at a time.
const MOST_TOLD: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn they_are_told_once_all_is_read_and_before_that_if_it_takes_long() {
        let mut proofs = Proofs::default();
        assert!(!proofs.comes_due(0), "nothing is expected");
        proofs.expect(["home".into()]);
        assert!(!proofs.comes_due(1));
        tokio::time::advance(PATIENCE).await;
        assert!(proofs.comes_due(1) && !proofs.comes_due(1));
        assert!(proofs.comes_due(0) && !proofs.comes_due(0));
        proofs.expect(["home".into()]);
        assert!(proofs.comes_due(0) && !proofs.comes_due(0));
    }
}
