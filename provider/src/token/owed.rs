//! Tokens that have to be ended: when they are closed, or else when nobody will close them any more.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenferry_sources::{Clock, Retry, Revocation, Session, SourceError, Token};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// What is open and has to be ended, of one configured provider.
#[derive(Default)]
pub(crate) struct Owed {
    openings: Arc<Mutex<Openings>>,
    /// A login that has begun is finished, even if its call was stopped: there may be a token to end.
    logins: Mutex<JoinSet<()>>,
    /// Held while releasing.
    releasing: tokio::sync::Mutex<()>,
}

/// One opening of a resource. Another process does not know it.
pub(crate) type Opening = u64;

/// `None` when it is settled.
type Openings = BTreeMap<Opening, Option<(Arc<Session>, Token)>>;

/// How a token stands that is to be closed.
pub(crate) enum Debt {
    /// To be ended, by way of this token of its user. `None` if another process opened it.
    Due(Option<Box<Token>>),
    /// Ended already, or left to another resource with the same login.
    Settled,
}

impl Owed {
    /// A token that is to be ended, with the opening that owes it.
    ///
    /// # Errors
    /// As [`Session::token`].
    pub(crate) async fn token(
        &self,
        session: &Arc<Session>,
        minimum: Option<Duration>,
    ) -> Result<(Opening, Token), SourceError> {
        let opening = RandomState::new().hash_one(());
        let (sender, receiver) = oneshot::channel();
        let (session, openings) = (Arc::clone(session), Arc::clone(&self.openings));
        let login = async move {
            let outcome = session.token(minimum).await;
            if let Ok(token) = &outcome {
                locked(&openings).insert(opening, Some((session, token.clone())));
            }
            // Nobody waits for it when the call was stopped.
            drop(sender.send(outcome));
        };
        {
            let mut logins = locked(&self.logins);
            while logins.try_join_next().is_some() {}
            logins.spawn(login);
        }
        // Without an outcome the login has panicked, which is reported where calls are.
        let outcome =
            receiver.await.unwrap_or_else(|_| std::panic::resume_unwind(Box::new("the login panicked")));
        outcome.map(|token| (opening, token))
    }

    /// How the token of an opening stands now that it is closed. To end a token may end all tokens of its user: where
    /// others hold one, it is left to them, with the one that lives longest.
    pub(crate) fn close(&self, opening: Option<Opening>) -> Debt {
        let mut openings = self.openings();
        let Some((opening, held)) = opening.and_then(|opening| openings.remove_entry(&opening)) else {
            return Debt::Due(None);
        };
        let Some((session, token)) = held else {
            openings.insert(opening, None);
            return Debt::Settled;
        };
        let others = openings.values_mut().flatten();
        let Some((_, theirs)) = others.into_iter().find(|(_, other)| other.identity == token.identity) else {
            openings.insert(opening, Some((session, token.clone())));
            return Debt::Due(Some(Box::new(token)));
        };
        if outlives(&token, theirs) {
            *theirs = token;
        }
        openings.insert(opening, None);
        Debt::Settled
    }

    /// Notes that the token of an opening is over.
    pub(crate) fn settle(&self, opening: Option<Opening>) {
        let mut openings = self.openings();
        if let Some(held) = opening.and_then(|opening| openings.get_mut(&opening)) {
            *held = None;
        }
    }

    /// Ends everything that is open, once for each user, and what logins under way bring. What cannot be ended stays
    /// owed.
    pub(crate) async fn release(&self, clock: &dyn Clock) {
        let _alone = self.releasing.lock().await;
        tokio::join!(self.revoke_due(clock), self.finish_logins());
        self.revoke_due(clock).await;
    }

    /// Waits for the logins under way, but not for long while a token waits to be ended: one that hangs keeps its
    /// session from that.
    async fn finish_logins(&self) {
        while tokio::time::timeout(TIME_TO_LOG_IN, self.logins_over()).await.is_err() {
            if !self.due().is_empty() {
                locked(&self.logins).abort_all();
            }
        }
    }

    async fn logins_over(&self) {
        while poll_fn(|context| locked(&self.logins).poll_join_next(context)).await.is_some() {}
    }

    async fn revoke_due(&self, clock: &dyn Clock) {
        let now = clock.now();
        self.settle_all(|token| token.expires_at().is_some_and(|end| end <= now));
        for (session, token) in self.due() {
            let system = token.identity.system;
            match revoke_in_haste(&session, &token).await {
                Ok(Revocation::Done) => debug!(system, "a token that was not closed is revoked"),
                Ok(Revocation::CannotRevoke) => debug!(system, "a token that was not closed is abandoned"),
                Err(error) => {
                    warn!(system, class = %error.class(), "a token that was not closed could not be revoked");
                    continue;
                }
            }
            self.settle_all(|other| other.identity == token.identity);
        }
    }

    /// For each user the token that lives longest.
    fn due(&self) -> Vec<(Arc<Session>, Token)> {
        let mut due: Vec<(Arc<Session>, Token)> = Vec::new();
        for (session, token) in self.openings().values().flatten() {
            match due.iter_mut().find(|(_, other)| other.identity == token.identity) {
                Some((_, other)) if outlives(token, other) => *other = token.clone(),
                Some(_) => {}
                None => due.push((Arc::clone(session), token.clone())),
            }
        }
        due
    }

    fn settle_all(&self, is_over: impl Fn(&Token) -> bool) {
        for held in self.openings().values_mut() {
            held.take_if(|(_, token)| is_over(token));
        }
    }

    fn openings(&self) -> MutexGuard<'_, Openings> {
        locked(&self.openings)
    }
}

/// Tries again after short pauses, whatever the system asks for: there is no later.
async fn revoke_in_haste(session: &Session, token: &Token) -> Result<Revocation, SourceError> {
    for _ in 1..TRIES {
        match session.revoke_once(token).await {
            Err(error) if error.retry() != Retry::Never => {
                warn!(system = token.identity.system, class = %error.class(), "not revoked; trying again");
            }
            outcome => return outcome,
        }
        tokio::time::sleep(PAUSE).await;
    }
    session.revoke_once(token).await
}

/// A token without a known end outlives all others.
fn outlives(one: &Token, other: &Token) -> bool {
    let end = other.expires_at();
    end.is_some() && one.expires_at().is_none_or(|own| end < Some(own))
}

/// No panic can leave these half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Much less than the second that a release has.
const TIME_TO_LOG_IN: Duration = Duration::from_millis(400);
/// All of them, with their pauses, fit into that second.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests;
