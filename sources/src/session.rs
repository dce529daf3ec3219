//! A source with its current token: one login in flight, its outcome shared by all reads.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::flight::{Flight, Turn};
use crate::memory::Memory;
use crate::{Clock, Identity, Retry, Revocation, SourceError, Timestamp, Token, TokenSource, system};

/// Hands out the token of one source, and logs in when that is needed.
#[derive(Debug)]
pub struct Session {
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    flight: Flight<State>,
}

impl Session {
    /// A session that has not logged in yet.
    pub fn new(source: Arc<dyn TokenSource>, clock: Arc<dyn Clock>) -> Arc<Session> {
        Arc::new(Session { source, clock, flight: Flight::default() })
    }

    /// The source behind it.
    pub fn source(&self) -> &Arc<dyn TokenSource> {
        &self.source
    }

    /// How it tells the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whose tokens these are.
    pub fn identity(&self) -> &Identity {
        self.source.identity()
    }

    /// The current token, or a new one if it nears its end, was rejected, or does not live as long as asked for.
    ///
    /// # Errors
    /// What the login failed with, now or before where that still holds, or that even a fresh token does not
    /// live as long as asked for.
    pub async fn token(&self, minimum_lifetime: Option<Duration>) -> Result<Token, SourceError> {
        let mut turn = self.flight.turn().await;
        let Some(token) = turn.state().token.clone() else {
            let fresh = self.replace(&mut turn, None).await?;
            return self.long_enough(fresh, minimum_lifetime);
        };
        match standing(&token, minimum_lifetime, self.clock.now()) {
            Standing::Ending => self.refresh(&mut turn, token, minimum_lifetime).await,
            Standing::Good => Ok(token),
            Standing::TooShort { minimum } => self.longer(&mut turn, token, minimum).await,
            Standing::Unknown { minimum } => {
                Err(SourceError::ExpiryUnknown { system: self.title(), minimum })
            }
        }
    }

    /// Drops a token that was refused somewhere, if it is still the current one.
    pub async fn reject(&self, token: &Token) {
        let mut turn = self.flight.turn().await;
        let state = turn.state();
        let is_current = |current: &Token| current.value.expose_secret() == token.value.expose_secret();
        if state.token.as_ref().is_some_and(is_current) {
            debug!(system = token.identity.system, "the token was rejected and is dropped");
            *state = State { memory: state.memory.take(), ..State::default() };
        }
    }

    /// Ends a token at its issuer. What is kept is dropped first: other tokens may end with it.
    ///
    /// # Errors
    /// When the system did not confirm it. That the token was over already is no error.
    pub async fn revoke(&self, token: &Token) -> Result<Revocation, SourceError> {
        self.end(self.source.revoke(token)).await
    }

    /// As [`Session::revoke`], with a single try.
    ///
    /// # Errors
    /// As [`Session::revoke`], and passing failures at once.
    pub async fn revoke_once(&self, token: &Token) -> Result<Revocation, SourceError> {
        self.end(self.source.revoke_once(token)).await
    }

    async fn end(
        &self,
        revocation: impl Future<Output = Result<Revocation, SourceError>>,
    ) -> Result<Revocation, SourceError> {
        let mut turn = self.flight.turn().await;
        let state = turn.state();
        *state = State { memory: state.memory.take(), ..State::default() };
        match revocation.await {
            Err(SourceError::TokenRejected { .. } | SourceError::Named { status: 401, .. }) => {
                Ok(Revocation::Done)
            }
            outcome => outcome,
        }
    }

    /// Replaces a token that does not live long enough, unless there is nothing better: it came while we waited,
    /// or it was fetched for the same reason before.
    async fn longer(
        &self,
        turn: &mut Turn<'_, State>,
        token: Token,
        minimum: Duration,
    ) -> Result<Token, SourceError> {
        let just_came = turn.shared() && turn.shared_failure().is_none();
        if just_came || turn.state().longest.is_some_and(|longest| longest < minimum) {
            return self.long_enough(token, Some(minimum));
        }
        let fresh = self.replace(turn, None).await?;
        turn.state().longest = fresh.life();
        self.long_enough(fresh, Some(minimum))
    }

    /// Replaces a token that nears its end. While the old one lives as long as asked for, a passing trouble does not
    /// matter.
    async fn refresh(
        &self,
        turn: &mut Turn<'_, State>,
        old: Token,
        minimum: Option<Duration>,
    ) -> Result<Token, SourceError> {
        let left = || old.life_left(self.clock.now()).filter(|left| !left.is_zero());
        let will_do = || left().is_some_and(|left| minimum.is_none_or(|minimum| left >= minimum));
        let by_way_of = left().is_some().then_some(&old);
        match self.replace(turn, by_way_of).await {
            Ok(fresh) => self.long_enough(fresh, minimum),
            Err(error) if error.retry() != Retry::Never && will_do() => {
                warn!(system = old.identity.system, class = %error.class(), "not refreshed; the old token still lives");
                Ok(old)
            }
            Err(error) => Err(error),
        }
    }

    /// Gets a new token, unless the failure of another read is ours too, or an earlier one stands against it.
    async fn replace(&self, turn: &mut Turn<'_, State>, old: Option<&Token>) -> Result<Token, SourceError> {
        if let Some(failure) = turn.shared_failure() {
            return Err(failure.clone());
        }
        if let Some(failure) = turn.state().remembered(self.clock.now()) {
            return Err(failure);
        }
        let started = Instant::now();
        let outcome = match old {
            Some(old) => self.refreshed(old).await,
            None => self.source.login().await,
        };
        let state = turn.state();
        match &outcome {
            Ok(token) => *state = State { token: Some(token.clone()), ..State::default() },
            Err(error) => state.memory = Memory::of(error, started),
        }
        turn.ended(outcome.as_ref().err().cloned());
        outcome
    }

    /// A refresh may give the old token once more, which is as near its end as before: then only a login helps.
    async fn refreshed(&self, old: &Token) -> Result<Token, SourceError> {
        let token = self.source.refresh(old).await?;
        let nothing_new = token.value.expose_secret() == old.value.expose_secret()
            && matches!(standing(&token, None, self.clock.now()), Standing::Ending);
        if nothing_new { self.source.login().await } else { Ok(token) }
    }

    /// A fresh token is measured by its whole life, not by the moments since it came.
    fn long_enough(&self, fresh: Token, minimum: Option<Duration>) -> Result<Token, SourceError> {
        match (fresh.life(), minimum) {
            (Some(left), Some(minimum)) if left < minimum => {
                Err(SourceError::TooShortLived { system: self.title(), left, minimum })
            }
            (None, Some(minimum)) => Err(SourceError::ExpiryUnknown { system: self.title(), minimum }),
            _ => Ok(fresh),
        }
    }

    fn title(&self) -> &'static str {
        let name = self.source.identity().system;
        system(name).map_or(name, |system| system.title)
    }
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// The life of a token that was fetched because it should live long: there is nothing better now.
    longest: Option<Duration>,
    memory: Option<Memory>,
}

impl State {
    fn remembered(&self, now: Timestamp) -> Option<SourceError> {
        self.memory.as_ref()?.standing(now).cloned()
    }
}

/// How a cached token stands to what is asked for.
enum Standing {
    Ending,
    Good,
    TooShort { minimum: Duration },
    Unknown { minimum: Duration },
}

fn standing(token: &Token, minimum: Option<Duration>, now: Timestamp) -> Standing {
    match (token.life_left(now), token.life(), minimum) {
        (Some(left), Some(life), _) if left <= margin(life) => Standing::Ending,
        (Some(left), _, Some(minimum)) if left < minimum => Standing::TooShort { minimum },
        (None, _, Some(minimum)) => Standing::Unknown { minimum },
        _ => Standing::Good,
    }
}

/// How long before its end a token is refreshed.
fn margin(life: Duration) -> Duration {
    (life / 10).min(Duration::from_mins(1))
}

#[cfg(test)]
mod tests;
