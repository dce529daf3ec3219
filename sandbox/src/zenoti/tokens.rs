//! The tokens that are good, of both kinds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More tokens than this are not kept: then all are forgotten.
const MOST_TOKENS: usize = 50_000;

/// Access tokens and refresh tokens.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Issued>);

#[derive(Default)]
struct Issued {
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
}

#[derive(Clone, Copy)]
struct Grant {
    /// The user's place in the options.
    user: usize,
    expires_at: i64,
}

/// A token of each kind.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Makes a pair, each good until its time.
    pub(crate) fn issue(&self, user: usize, account_name: &str, ends: (i64, i64)) -> Pair {
        let mut issued = self.issued();
        if issued.access.len() >= MOST_TOKENS {
            *issued = Issued::default();
        }
        let pair = Pair { access: new_token(account_name), refresh: new_token(account_name) };
        issued.access.insert(pair.access.clone(), Grant { user, expires_at: ends.0 });
        issued.refresh.insert(pair.refresh.clone(), Grant { user, expires_at: ends.1 });
        pair
    }

    /// The user of an access token that is good.
    pub(crate) fn find(&self, token: &str, now: i64) -> Option<usize> {
        let grant = self.issued().access.get(token).copied()?;
        (now < grant.expires_at).then_some(grant.user)
    }

    /// The user of a refresh token, whether it is still good or not.
    pub(crate) fn user_of(&self, refresh_token: &str) -> Option<usize> {
        self.issued().refresh.get(refresh_token).map(|grant| grant.user)
    }

    /// Uses a refresh token up, and with it all access tokens of its user.
    pub(crate) fn spend(&self, refresh_token: &str, now: i64) -> Option<usize> {
        let grant = self.issued().refresh.remove(refresh_token)?;
        if now >= grant.expires_at {
            return None;
        }
        self.revoke(grant.user);
        Some(grant.user)
    }

    /// Ends all access tokens of a user.
    pub(crate) fn revoke(&self, user: usize) {
        self.issued().access.retain(|_, grant| grant.user != user);
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tokens").field("count", &self.issued().access.len()).finish()
    }
}

/// In the form of the real ones, with all the characters that they contain.
fn new_token(account_name: &str) -> String {
    let text: String = (0..1000).map(|_| fastrand::alphanumeric()).collect();
    format!("AN:{account_name}|$ARD#{text}+/==")
}
