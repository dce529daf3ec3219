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
pub(super) struct Kept<K, V>(Mutex<Answers<K, V>>);

/// A plan may ask thousands of questions: what takes turns and failures is kept only until there is an answer.
#[derive(Debug)]
struct Answers<K, V> {
    known: HashMap<K, Arc<V>>,
    asked: HashMap<K, Arc<Flight<Option<Memory>>>>,
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
        let flight = match self.known_or_asked(question) {
            Ok(value) => return Ok(value),
            Err(flight) => flight,
        };
        let mut turn = flight.turn().await;
        // The read before this one may have brought the answer.
        if let Some(value) = locked(&self.0).known.get(question) {
            return Ok(Arc::clone(value));
        }
        if let Some(failure) = turn.shared_failure() {
            return Err(failure.clone());
        }
        if let Some(failure) = turn.state().as_ref().and_then(|memory| memory.standing(calls.now())) {
            return Err(failure.clone());
        }
        let started = Instant::now();
        let outcome = match read.await {
            Ok(value) => Ok(Arc::new(value)),
            Err(Trouble::Login(error)) => return Err(error),
            Err(Trouble::Read(error)) => Err(error),
        };
        match &outcome {
            Ok(value) => self.keep(question, &flight, Arc::clone(value)),
            Err(error) if is_of_the_question(error) => *turn.state() = Memory::of(error, started),
            Err(_) => {}
        }
        turn.ended(outcome.as_ref().err().cloned());
        outcome
    }

    fn known_or_asked(&self, question: &K) -> Result<Arc<V>, Arc<Flight<Option<Memory>>>> {
        let mut answers = locked(&self.0);
        match answers.known.get(question) {
            Some(value) => Ok(Arc::clone(value)),
            None => Err(Arc::clone(answers.asked.entry(question.clone()).or_default())),
        }
    }

    /// Keeps an answer, unless everything was forgotten since it was asked for: it may be of before the change.
    fn keep(&self, question: &K, flight: &Arc<Flight<Option<Memory>>>, value: Arc<V>) {
        let mut answers = locked(&self.0);
        if answers.asked.get(question).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            answers.asked.remove(question);
            answers.known.insert(question.clone(), value);
        }
    }
}

impl<K, V> Kept<K, V> {
    /// Forgets everything: it was changed.
    pub(super) fn clear(&self) {
        *locked(&self.0) = Answers::default();
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

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Answers { known: HashMap::new(), asked: HashMap::new() }
    }
}
