//! Calls of the API with the token of a session: one new login if it is rejected, and one memory of the limit.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::client::Zscaler;
use super::query::{ApiAnswer, Query};
use crate::memory::Memory;
use crate::{FailureClass, Session, SourceError, Timestamp, Token};

/// Everything that reads of one session share.
#[derive(Debug)]
pub(super) struct Calls {
    session: Arc<Session>,
    source: Zscaler,
    /// The fresh token that was rejected last: no login and no call is spent on it again.
    condemned: Mutex<Option<Condemned>>,
    /// The limit on calls, which is the same for all.
    limit: Mutex<Option<Memory>>,
}

/// A token, and how it was rejected.
#[derive(Debug)]
struct Condemned {
    value: SecretString,
    failure: SourceError,
}

/// Why there is no answer.
pub(super) enum Trouble {
    /// There is no token to ask with, which says nothing about what was to be asked.
    Login(SourceError),
    Read(SourceError),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Trouble::Read(error)
    }
}

impl Calls {
    /// Calls with the token of this session; `None` if it is not one of Zscaler.
    pub(super) fn new(session: Arc<Session>) -> Option<Self> {
        let source: &dyn Any = session.source().as_ref();
        let source = source.downcast_ref::<Zscaler>()?.clone();
        Some(Calls { session, source, condemned: Mutex::default(), limit: Mutex::default() })
    }

    pub(super) async fn token(&self, minimum_lifetime: Option<Duration>) -> Result<Token, SourceError> {
        self.session.token(minimum_lifetime).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.session.now()
    }

    /// Asks, with one new login if the token is rejected.
    pub(super) async fn ask(
        &self,
        query: &Query,
        minimum_lifetime: Option<Duration>,
    ) -> Result<ApiAnswer, Trouble> {
        if let Some(failure) = self.limited() {
            return Err(Trouble::Read(failure));
        }
        let started = Instant::now();
        let outcome = self.ask_twice(query, minimum_lifetime).await;
        if let Err(Trouble::Read(error)) = &outcome
            && error.class() == FailureClass::RateLimited
        {
            *locked(&self.limit) = Memory::of(error, started);
        }
        outcome
    }

    fn limited(&self) -> Option<SourceError> {
        locked(&self.limit).as_ref()?.standing(self.now()).cloned()
    }

    async fn ask_twice(
        &self,
        query: &Query,
        minimum_lifetime: Option<Duration>,
    ) -> Result<ApiAnswer, Trouble> {
        let token = self.token(minimum_lifetime).await.map_err(Trouble::Login)?;
        let first = self.ask_with(&token, query).await?;
        if first.rejection().is_none() {
            return Ok(first);
        }
        // Another read may have come to its end in the meantime.
        if let Some(failure) = self.condemned(&token) {
            return Err(Trouble::Read(failure));
        }
        if first.sheds_load() {
            sleep(LOAD_SHEDDING_PAUSE).await;
        }
        self.session.reject(&token).await;
        let token = self.token(minimum_lifetime).await.map_err(Trouble::Login)?;
        let second = self.ask_with(&token, query).await?;
        if let Some(failure) = second.rejection() {
            *locked(&self.condemned) = Some(Condemned { value: token.value, failure: failure.clone() });
            return Err(Trouble::Read(failure));
        }
        Ok(second)
    }

    async fn ask_with(&self, token: &Token, query: &Query) -> Result<ApiAnswer, SourceError> {
        match self.condemned(token) {
            Some(failure) => Err(failure),
            None => self.source.ask(token, query).await,
        }
    }

    fn condemned(&self, token: &Token) -> Option<SourceError> {
        let condemned = locked(&self.condemned);
        let condemned = condemned.as_ref()?;
        let is_same = condemned.value.expose_secret() == token.value.expose_secret();
        is_same.then(|| condemned.failure.clone())
    }
}

/// A panic elsewhere does not spoil what is kept here.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const LOAD_SHEDDING_PAUSE: Duration = Duration::from_secs(1);
