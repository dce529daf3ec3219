//! What the service remembers.

use std::collections::{HashMap, HashSet};

/// Sessions, tokens, and ids of assertions that were used.
#[derive(Default)]
pub(crate) struct Store {
    /// By id: what has to be sent along with it, and whose it is.
    sessions: HashMap<String, (String, String)>,
    /// Whose each token is, and its end.
    tokens: HashMap<String, (String, i64)>,
    assertions: HashSet<String>,
}

impl Store {
    pub(crate) fn open(&mut self, session: &str, csrf: &str, owner: &str) {
        self.sessions.insert(session.to_owned(), (csrf.to_owned(), owner.to_owned()));
    }

    /// Whose session it is. It is over then, whether it was right or not.
    pub(crate) fn close(&mut self, session: &str, csrf: &str) -> Option<String> {
        let (wanted, owner) = self.sessions.remove(session)?;
        (wanted == csrf).then_some(owner)
    }

    pub(crate) fn keep(&mut self, token: &str, owner: &str, end: i64) {
        self.tokens.insert(token.to_owned(), (owner.to_owned(), end));
    }

    /// Whose token it is, if it still lives.
    pub(crate) fn owner(&self, token: &str, now: i64) -> Option<&str> {
        self.tokens.get(token).filter(|(_, end)| now < *end).map(|(owner, _)| owner.as_str())
    }

    /// Whether an assertion of this id was not there before.
    pub(crate) fn is_new(&mut self, assertion: &str) -> bool {
        self.assertions.insert(assertion.to_owned())
    }
}

/// Everything in it is secret.
impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Store").finish_non_exhaustive()
    }
}
