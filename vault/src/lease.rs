//! Keeping our Vault token alive while the program runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rustify::Endpoint;
use tokenferry_sources::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use vaultrs::api::token::requests::RenewTokenSelfRequest;

use crate::fault::Fault;
use crate::login::Login;
use crate::{Operation, Vault, VaultAuth, VaultError};

/// A time, by both clocks. One that is to come is there as soon as one of them reaches it: the wall clock may be put
/// back, and the steady one stands still while the machine sleeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment {
    wall: Timestamp,
    steady: Instant,
}

impl Moment {
    fn plus(self, wait: Duration) -> Option<Self> {
        let wall = self.wall.checked_add_signed(TimeDelta::from_std(wait).ok()?)?;
        Some(Moment { wall, steady: self.steady.checked_add(wait)? })
    }

    /// How long until then; zero if it is there.
    fn left(self, now: Moment) -> Duration {
        let wall = (self.wall - now.wall).to_std().unwrap_or_default();
        wall.min(self.steady.saturating_duration_since(now.steady))
    }
}

/// What is known of the life of our token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lease {
    /// It never ends.
    Endless,
    Ends {
        at: Moment,
        /// When to do something about it.
        care_at: Moment,
        /// What was granted at the login.
        granted: Duration,
        renewable: bool,
    },
    /// Nobody asked yet.
    Unknown,
}

impl Lease {
    /// Zero seconds is how Vault says forever.
    pub(crate) fn new(now: Moment, seconds: u64, renewable: bool) -> Self {
        let granted = Duration::from_secs(seconds);
        let times = now.plus(granted).zip(now.plus(granted / 3 * 2));
        match times.filter(|_| !granted.is_zero()) {
            Some((at, care_at)) => Lease::Ends { at, care_at, granted, renewable },
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
    fn shrinks(self, now: Moment) -> bool {
        matches!(self, Lease::Ends { at, granted, .. } if at.left(now) < granted / 2)
    }

    /// A token that cannot be kept alive is looked at again when two thirds of its rest are over.
    fn later(self, now: Moment) -> Self {
        match self {
            Lease::Ends { at, granted, renewable, .. } => {
                Lease::Ends { at, care_at: now.plus(at.left(now) / 3 * 2).unwrap_or(at), granted, renewable }
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
                    let pause = pause.or(self.shows_certificate().then_some(LONGEST_PAUSE));
                    pause.map(|pause| pause.clamp(FLOOR, LONGEST_PAUSE))
                }
                Err(error) => {
                    failures += 1;
                    warn!(class = error.class(), vault = self.address(), %error, advice = error.advice(), "our Vault token was not renewed");
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
        self.follow_certificate(&login).await;
        let login = self.current().clone().unwrap_or(login);
        if login.lease() == Lease::Unknown {
            match self.look_up(&login).await {
                Ok(lease) => login.set_lease(lease),
                // Nobody can tell when it ends, and it works.
                Err(_) if login.is_blind() => return Ok(None),
                Err(fault) => return Err(fault.during(Operation::LookUp)),
            }
        }
        match login.lease() {
            Lease::Ends { care_at, .. } if !care_at.left(self.moment()).is_zero() => Ok(self.pause(&login)),
            Lease::Ends { renewable: true, .. } => self.renew(&login).await,
            Lease::Ends { .. } => self.replace(&login).await,
            Lease::Endless | Lease::Unknown => Ok(None),
        }
    }

    async fn renew(&self, login: &Arc<Login>) -> Result<Option<Duration>, VaultError> {
        let request = RenewTokenSelfRequest::default();
        let answer = self.transport.ask(&request.with_middleware(&login.home)).await;
        let auth = match answer.and_then(|answer| answer.auth.ok_or(Fault::Malformed)) {
            Ok(auth) => auth,
            Err(fault) if matches!(fault.status(), Some(400 | 403)) => return self.replace(login).await,
            Err(fault) => return Err(fault.during(Operation::Renew)),
        };
        let now = self.moment();
        let lease = login.lease().renewed(Lease::new(now, auth.lease_duration, auth.renewable));
        drop(zeroize::Zeroizing::new(auth.client_token));
        login.set_lease(lease);
        self.counters.renewals.count();
        debug!(seconds = auth.lease_duration, "renewed our Vault token");
        if lease.shrinks(now) { self.replace(login).await } else { Ok(self.pause(login)) }
    }

    /// A new login. A token from elsewhere is looked for again where it came from.
    async fn replace(&self, login: &Arc<Login>) -> Result<Option<Duration>, VaultError> {
        match self.login(Some(login)).await {
            Ok(fresh) => Ok(self.pause(&fresh)),
            Err(VaultError::LoginRefused { .. }) if matches!(self.auth, VaultAuth::Token(_)) => {
                let lease = login.lease().later(self.moment());
                login.set_lease(lease);
                warn!("our Vault token cannot be renewed any longer; put a new one where `token` refers to");
                Ok(self.pause(login))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), steady: Instant::now() }
    }

    fn pause(&self, login: &Login) -> Option<Duration> {
        match login.lease() {
            Lease::Ends { at, care_at, .. } => {
                let now = self.moment();
                // What is over is found out by the next operation, or never.
                (!at.left(now).is_zero()).then(|| care_at.left(now))
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

/// A clock that was put forward, or a machine that slept, is noticed after at most this long.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The least time between two tries, whatever a lease says.
const FLOOR: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Moment {
        Moment { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() }
    }

    #[test]
    fn a_lease_is_cared_for_when_two_thirds_of_it_are_over() {
        let now = now();
        let Lease::Ends { at, care_at, granted, renewable } = Lease::new(now, 90, true) else { panic!() };
        let left = (at.left(now).as_secs(), care_at.left(now).as_secs());
        assert_eq!((left, granted.as_secs(), renewable), ((90, 60), 90, true));
        assert_eq!(Lease::new(now, 0, true), Lease::Endless);
        assert_eq!(Lease::new(now, u64::MAX, true), Lease::Endless);
    }

    #[test]
    fn a_moment_is_there_as_soon_as_one_of_the_clocks_reaches_it() {
        let now = now();
        let then = now.plus(Duration::from_mins(1)).unwrap();
        let put_back = Moment { wall: now.wall - TimeDelta::hours(1), ..now };
        let slept = Moment { wall: then.wall, ..now };
        assert_eq!((then.left(put_back).as_secs(), then.left(slept).as_secs()), (60, 0));
    }

    #[test]
    fn a_lease_shrinks_when_renewals_give_less_than_half_of_the_first() {
        let now = now();
        let first = Lease::new(now, 90, true);
        assert!(!first.renewed(Lease::new(now, 45, true)).shrinks(now));
        assert!(first.renewed(Lease::new(now, 44, true)).shrinks(now));
        let twice = first.renewed(Lease::new(now, 80, true)).renewed(Lease::new(now, 44, true));
        assert!(twice.shrinks(now), "the measure stays what the login was granted");
    }

    #[test]
    fn backoff_grows_from_the_floor_and_has_a_ceiling() {
        let pauses: Vec<u64> = [1, 2, 3, 7, 1000].map(|failures| backoff(failures).as_secs()).into();
        assert_eq!(pauses, [5, 10, 20, 300, 300]);
    }

    #[test]
    fn a_token_that_cannot_be_renewed_is_looked_at_ever_more_often_until_it_ends() {
        let begin = now();
        let now = begin.plus(Duration::from_mins(1)).unwrap();
        let Lease::Ends { care_at, .. } = Lease::new(begin, 90, false).later(now) else { panic!() };
        assert_eq!(care_at.left(begin).as_secs(), 80);
    }
}
