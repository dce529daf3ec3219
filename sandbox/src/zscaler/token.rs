//! Tokens: how they look, and which are good.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{AccountMode, World};

/// More tokens than this are not kept; the oldest go first.
const MOST_TOKENS: usize = 50_000;

/// The tokens that are good.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Issued>);

#[derive(Default)]
struct Issued {
    grants: HashMap<Arc<str>, Grant>,
    oldest_first: VecDeque<Arc<str>>,
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) world: World,
    /// The API key or the API client.
    pub(crate) key: String,
    pub(crate) expires_at: i64,
}

impl Tokens {
    /// Makes this token good for what it is granted.
    pub(crate) fn issue(&self, token: String, grant: Grant) -> Arc<str> {
        let token: Arc<str> = token.into();
        let mut issued = self.issued();
        if issued.oldest_first.len() == MOST_TOKENS
            && let Some(oldest) = issued.oldest_first.pop_front()
        {
            issued.grants.remove(&oldest);
        }
        issued.oldest_first.push_back(Arc::clone(&token));
        issued.grants.insert(Arc::clone(&token), grant);
        token
    }

    /// What `token` stands for, if it is still good.
    pub(crate) fn find(&self, token: &str, now: i64) -> Option<Grant> {
        self.issued().grants.get(token).filter(|grant| now < grant.expires_at).cloned()
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tokens").field("count", &self.issued().grants.len()).finish()
    }
}

/// A token that says nothing about itself.
pub(crate) fn opaque() -> String {
    hex(32)
}

/// A token as API keys get it.
pub(crate) fn jwt(mode: AccountMode, now: i64, expires_at: i64) -> String {
    let id = hex(16);
    if mode == AccountMode::OnePart {
        return part(&json!({"typ": "JWT", "alg": "HS256", "kid": id}).to_string());
    }
    let claims = match mode {
        AccountMode::NoExpiry => json!({"iat": now, "jti": id}),
        _ => json!({"iat": now, "exp": expires_at, "jti": id}),
    };
    // Clients cannot check the signature, so random bytes of its length will do.
    let signature: Vec<u8> = (0..32).map(|_| fastrand::u8(..)).collect();
    let header = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    format!("{header}.{}.{}", part(&claims.to_string()), URL_SAFE_NO_PAD.encode(signature))
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn hex(bytes: usize) -> String {
    (0..2 * bytes).map(|_| fastrand::digit(16)).collect()
}
