//! Keeping our Vault token alive while the program runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rustify::Endpoint;
use tokenferry_sources::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use vaultrs::api::token::requests::RenewTokenSelfRequest;

use super::fault::Fault;
use super::session::Login;
use super::{Operation, Vault, VaultError};
use crate::config::VaultAuth;

/// What is known of the life of our token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lease {
    /// It never ends.
    Endless,
    Ends {
        at: Timestamp,
        /// When to do something about it.
        care_at: Timestamp,
        /// What was granted at the login.
        granted: Duration,
        renewable: bool,
    },
    /// Nobody asked yet.
    Unknown,
}

impl Lease {
    /// Zero seconds is how Vault says forever.
    pub(super) fn new(now: Timestamp, seconds: u64, renewable: bool) -> Self {
        let life =
            i64::try_from(seconds).ok().filter(|seconds| *seconds > 0).and_then(TimeDelta::try_seconds);
        let end = life.and_then(|life| Some((life, now.checked_add_signed(life)?)));
        match end {
            Some((life, at)) => Lease::Ends {
                at,
                care_at: now + life * 2 / 3,
                granted: life.to_std().unwrap_or_default(),
                renewable,
            },
            None => Lease::Endless,
        }
    }

    /// After a renewal: measured by what the login was granted.
    fn renewed(self, next: Lease) -> Self {
        match (self, next) {
            (Lease::Ends { granted, .. }, Lease::Ends { at, care_at, renewable, .. }) => {
                Lease::Ends { at, care_at, granted, renewable }
            }
            _ => next,
        }
    }

    /// Whether renewals do not give what they gave before: the longest life of the token comes to its end.
    fn shrinks(self, now: Timestamp) -> bool {
        matches!(self, Lease::Ends { at, granted, .. } if (at - now).to_std().unwrap_or_default() < granted / 2)
    }

    /// A token that cannot be kept alive is looked at again when two thirds of its rest are over.
    fn later(self, now: Timestamp) -> Self {
        match self {
            Lease::Ends { at, granted, renewable, .. } => {
                Lease::Ends { at, care_at: now + (at - now) * 2 / 3, granted, renewable }
            }
            other => other,
        }
    }
}

impl Vault {
    /// Renews our token in time, and logs in anew where it cannot be renewed, until told to stop. Trouble is
    /// tried again, at longer and longer intervals; whatever comes of it, an operation that finds its token dead
    /// logs in by itself.
    pub async fn keep_alive(&self, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let cared = tokio::select! {
                () = stop.cancelled() => return,
                cared = self.care() => cared,
            };
            let pause = match cared {
                Ok(pause) => {
                    failures = 0;
                    pause.map(|pause| pause.max(FLOOR))
                }
                Err(error) => {
                    failures += 1;
                    warn!(class = %error.class(), %error, advice = error.advice(), "our Vault token was not renewed");
                    Some(backoff(failures))
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.logged_in.notified() => {}
                () = sleep_or_wait(pause) => {}
            }
        }
    }

    /// Does what our token needs now, and says when it needs something again; `None` if it does not before there
    /// is another token.
    ///
    /// # Errors
    /// When what it needs could not be done.
    pub async fn care(&self) -> Result<Option<Duration>, VaultError> {
        let Some(login) = self.current().clone() else { return Ok(None) };
        if login.lease() == Lease::Unknown {
            match self.look_up(&login).await {
                Ok(lease) => login.set_lease(lease),
                // Nobody can tell when it ends, and it works.
                Err(_) if login.is_blind() => return Ok(None),
                Err(fault) => return Err(fault.during(Operation::LookUp)),
            }
        }
        match login.lease() {
            Lease::Ends { care_at, .. } if self.clock.now() < care_at => Ok(self.pause(&login)),
            Lease::Ends { renewable: true, .. } => self.renew(&login).await,
            Lease::Ends { .. } => self.replace(&login).await,
            Lease::Endless | Lease::Unknown => Ok(None),
        }
    }

    async fn renew(&self, login: &Arc<Login>) -> Result<Option<Duration>, VaultError> {
        let request = RenewTokenSelfRequest::default();
        let answer = self.transport.ask(&request.with_middleware(&login.middle)).await;
        let auth = match answer.and_then(|answer| answer.auth.ok_or(Fault::Malformed)) {
            Ok(auth) => auth,
            Err(fault) if matches!(fault.status(), Some(400 | 403)) => return self.replace(login).await,
            Err(fault) => return Err(fault.during(Operation::Renew)),
        };
        let now = self.clock.now();
        let lease = login.lease().renewed(Lease::new(now, auth.lease_duration, auth.renewable));
        drop(zeroize::Zeroizing::new(auth.client_token));
        login.set_lease(lease);
        debug!(seconds = auth.lease_duration, "renewed our Vault token");
        if lease.shrinks(now) { self.replace(login).await } else { Ok(self.pause(login)) }
    }

    /// A new login. A token from elsewhere is looked for again where it came from.
    async fn replace(&self, login: &Arc<Login>) -> Result<Option<Duration>, VaultError> {
        match self.login(Some(login)).await {
            Ok(fresh) => Ok(self.pause(&fresh)),
            Err(VaultError::LoginRefused { .. }) if matches!(self.auth, VaultAuth::Token(_)) => {
                let now = self.clock.now();
                let lease = login.lease().later(now);
                login.set_lease(lease);
                warn!("our Vault token cannot be renewed any longer; put a new one where `token` refers to");
                Ok(self.pause(login))
            }
            Err(error) => Err(error),
        }
    }

    fn pause(&self, login: &Login) -> Option<Duration> {
        match login.lease() {
            Lease::Ends { at, care_at, .. } => {
                let now = self.clock.now();
                // What is over is found out by the next operation, or never.
                (at > now).then(|| (care_at - now).to_std().unwrap_or_default())
            }
            Lease::Endless => None,
            Lease::Unknown => Some(Duration::ZERO),
        }
    }
}

async fn sleep_or_wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}

fn backoff(failures: u32) -> Duration {
    (FLOOR * 2_u32.saturating_pow(failures.saturating_sub(1).min(10))).min(LONGEST_BACKOFF)
}

/// The least time between two tries, whatever a lease says.
const FLOOR: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_lease_is_cared_for_when_two_thirds_of_it_are_over() {
        let Lease::Ends { at, care_at, granted, renewable } = Lease::new(NOW, 90, true) else { panic!() };
        assert_eq!((at.timestamp(), care_at.timestamp(), granted.as_secs(), renewable), (90, 60, 90, true));
        assert_eq!(Lease::new(NOW, 0, true), Lease::Endless);
        assert_eq!(Lease::new(NOW, u64::MAX, true), Lease::Endless);
    }

    #[test]
    fn a_lease_shrinks_when_renewals_give_less_than_half_of_the_first() {
        let first = Lease::new(NOW, 90, true);
        assert!(!first.renewed(Lease::new(NOW, 45, true)).shrinks(NOW));
        assert!(first.renewed(Lease::new(NOW, 44, true)).shrinks(NOW));
        let twice = first.renewed(Lease::new(NOW, 80, true)).renewed(Lease::new(NOW, 44, true));
        assert!(twice.shrinks(NOW), "the measure stays what the login was granted");
    }

    #[test]
    fn backoff_grows_from_the_floor_and_has_a_ceiling() {
        let pauses: Vec<u64> = [1, 2, 3, 7, 1000].map(|failures| backoff(failures).as_secs()).into();
        assert_eq!(pauses, [5, 10, 20, 300, 300]);
    }

    #[test]
    fn a_token_that_cannot_be_renewed_is_looked_at_ever_more_often_until_it_ends() {
        let now = NOW + TimeDelta::seconds(60);
        let Lease::Ends { care_at, .. } = Lease::new(NOW, 90, false).later(now) else { panic!() };
        assert_eq!(care_at.timestamp(), 80);
    }
}
