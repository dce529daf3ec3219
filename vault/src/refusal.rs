//! What becomes of logins that failed: a refused one is not repeated before its time.

use std::time::Duration;

use tokio::time::Instant;

use crate::{AuthMethod, Operation, VaultError};

/// Why and when the last attempt to log in failed, and what was refused.
#[derive(Default)]
pub(crate) struct LastFailure {
    last: Option<(Instant, VaultError)>,
    refused: Option<Refused>,
}

/// A refused login.
struct Refused {
    at: Instant,
    error: VaultError,
    /// What was refused: nothing that could be turned back, and of no use to another process.
    credential: u64,
    /// How often in a row.
    count: u32,
}

impl LastFailure {
    /// A failure holds for all who waited for it; a refusal also for as long as the credential is the same, or for a
    /// while that is longer each time, lest we lock ourselves out.
    pub(crate) fn standing(&self, arrived: Instant, credential: u64, gives_up: bool) -> Option<&VaultError> {
        if let Some((at, error)) = &self.last
            && *at >= arrived
        {
            return Some(error);
        }
        let refused = self.refused.as_ref().filter(|refused| refused.credential == credential)?;
        let held = gives_up || refused.at.elapsed() < refused.hold();
        held.then_some(&refused.error)
    }

    pub(crate) fn note(&mut self, error: &VaultError, credential: u64) {
        let at = Instant::now();
        if error.is_refusal() {
            let before = self.refused.take().filter(|refused| refused.credential == credential);
            let count = before.map_or(0, |refused| refused.count).saturating_add(1);
            self.refused = Some(Refused { at, error: error.clone(), credential, count });
        }
        self.last = Some((at, error.clone()));
    }
}

impl Refused {
    /// Twice as long each time.
    fn hold(&self) -> Duration {
        let shortest = if may_lock(&self.error) { SHORTEST_HOLD } else { SHORTEST_WITHOUT_LOCKS };
        (shortest * 2_u32.saturating_pow(self.count.saturating_sub(1).min(10))).min(LONGEST_HOLD)
    }
}

/// Whether an account may be locked by it. Vault locks those of AppRole and of user names; and where it asks somebody
/// else about a login, it refuses that also while it cannot ask.
fn may_lock(error: &VaultError) -> bool {
    use AuthMethod::{Cert, Jwt, Kubernetes};
    !matches!(error, VaultError::LoginRefused { operation: Operation::Login(Cert | Jwt | Kubernetes, _), .. })
}

const SHORTEST_HOLD: Duration = Duration::from_mins(15);
const SHORTEST_WITHOUT_LOCKS: Duration = Duration::from_mins(1);
const LONGEST_HOLD: Duration = Duration::from_hours(4);

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u64 = 1;
    const OTHER: u64 = 2;

    fn refused() -> VaultError {
        VaultError::LoginRefused {
            operation: Operation::Login(AuthMethod::AppRole, "approle".into()),
            status: 400,
        }
    }

    async fn passes(minutes: u64) {
        tokio::time::advance(Duration::from_secs(minutes * 60 + 1)).await;
    }

    fn holds(failure: &LastFailure, credential: u64, gives_up: bool) -> bool {
        failure.standing(Instant::now(), credential, gives_up).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_credential_is_not_sent_again_soon_and_never_by_a_short_run() {
        let mut failure = LastFailure::default();
        for minutes in [15, 30, 60] {
            failure.note(&refused(), ONE);
            passes(minutes - 1).await;
            assert!(holds(&failure, ONE, false), "{minutes}");
            assert!(!holds(&failure, OTHER, true), "another credential is another matter");
            passes(1).await;
            assert!(!holds(&failure, ONE, false), "{minutes}");
            assert!(holds(&failure, ONE, true));
        }
        failure.note(&refused(), OTHER);
        passes(15).await;
        assert!(!holds(&failure, OTHER, false), "the refusals of another one do not count");
    }

    #[tokio::test(start_paused = true)]
    async fn what_locks_no_account_is_tried_again_sooner() {
        let mut failure = LastFailure::default();
        for minutes in [1, 2, 4] {
            let operation = Operation::Login(AuthMethod::Kubernetes, "kubernetes".into());
            failure.note(&VaultError::LoginRefused { operation, status: 403 }, ONE);
            passes(minutes - 1).await;
            assert!(holds(&failure, ONE, false), "{minutes}");
            passes(1).await;
            assert!(!holds(&failure, ONE, false), "{minutes}");
            assert!(holds(&failure, ONE, true));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_else_goes_wrong_holds_for_those_who_waited_and_ends_no_refusal() {
        let mut failure = LastFailure::default();
        failure.note(&refused(), ONE);
        let arrived = Instant::now();
        passes(1).await;
        failure.note(&VaultError::BadToken, OTHER);
        assert!(matches!(failure.standing(arrived, OTHER, false), Some(VaultError::BadToken)));
        passes(1).await;
        assert!(!holds(&failure, OTHER, false));
        assert!(holds(&failure, ONE, false));
    }
}
