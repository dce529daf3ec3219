//! What a configuration cannot promise, told when it comes into force.

use std::sync::Arc;

use tokenferry_sources::Timestamp;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::proof::{Claim, Verdict, prove};
use crate::rotation::Rotation;

/// Warns of each rotation that is new whose readers may hold a dead token although nothing fails, as far as that is
/// known before its tokens are. In another thread: thousands of rotations take a while.
pub(super) fn tell_refused(
    rotations: Vec<Arc<Rotation>>,
    is_new: impl Fn(&Rotation) -> bool + Send + 'static,
    now: Timestamp,
) {
    drop(spawn_blocking(move || {
        let claims = Claim::of_all(&rotations, |_| None, now);
        let told = rotations.iter().zip(&claims).filter(|(rotation, _)| rotation.enabled && is_new(rotation));
        for (rotation, claim) in told {
            let proof = prove(claim, now);
            if let Verdict::NotCarried | Verdict::Refused { .. } = proof.verdict {
                let proof = proof.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ");
                warn!(
                    rotation = &*rotation.name,
                    proof, "readers may hold a dead token even if nothing fails"
                );
            }
        }
    }));
}
