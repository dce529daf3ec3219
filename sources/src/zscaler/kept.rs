//! Answers that are asked for once in the life of a process, and the failures that stand in their place.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::calls::{Calls, Trouble, locked};
use crate::flight::Flight;
use crate::memory::Memory;
use crate::{FailureClass, SourceError};

/// Answers by what was asked.
#[derive(Debug)]
pub(super) struct Kept<K, V>(Mutex<HashMap<K, Arc<Flight<Known<V>>>>>);

#[derive(Debug)]
struct Known<V> {
    value: Option<Arc<V>>,
    memory: Option<Memory>,
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// The answer to a question. It is read once; reads at the same time share one outcome, and so do later ones
    /// where asking again would not change it.
    pub(super) async fn get(
        &self,
        calls: &Calls,
        question: &K,
        minimum_lifetime: Option<Duration>,
        read: impl Future<Output = Result<V, Trouble>>,
    ) -> Result<Arc<V>, SourceError> {
        // Before the turn: whether a token lives long enough is a matter of each read.
        drop(calls.token(minimum_lifetime).await?);
        let flight = Arc::clone(locked(&self.0).entry(question.clone()).or_default());
        let mut turn = flight.turn().await;
        if let Some(value) = &turn.state().value {
            return Ok(Arc::clone(value));
        }
        if let Some(failure) = turn.shared_failure() {
            return Err(failure.clone());
        }
        if let Some(failure) = turn.state().memory.as_ref().and_then(|memory| memory.standing(calls.now())) {
            return Err(failure.clone());
        }
        let started = Instant::now();
        let outcome = match read.await {
            Ok(value) => Ok(Arc::new(value)),
            Err(Trouble::Login(error)) => return Err(error),
            Err(Trouble::Read(error)) => Err(error),
        };
        match &outcome {
            Ok(value) => turn.state().value = Some(Arc::clone(value)),
            Err(error) if is_of_the_question(error) => turn.state().memory = Memory::of(error, started),
            Err(_) => {}
        }
        turn.ended(outcome.as_ref().err().cloned());
        outcome
    }
}

impl<K, V> Kept<K, V> {
    /// Forgets everything: it was changed.
    pub(super) fn clear(&self) {
        locked(&self.0).clear();
    }
}

/// A limit holds for all questions, and a rejected token is the token's fault: both are remembered elsewhere.
fn is_of_the_question(error: &SourceError) -> bool {
    !matches!(error.class(), FailureClass::RateLimited | FailureClass::TokenRejected)
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

impl<V> Default for Known<V> {
    fn default() -> Self {
        Known { value: None, memory: None }
    }
}
