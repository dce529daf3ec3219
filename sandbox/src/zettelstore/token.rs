//! Tokens: made from user and time alone, so that two of the same second are the same and all survive a restart.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::answer::quoted;

/// The kind of token that is for the API.
const API: u8 = 1;

/// What a token says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Claims {
    #[serde(rename = "sub")]
    pub(crate) username: String,
    #[serde(rename = "iat")]
    pub(crate) issued_at: i64,
    #[serde(rename = "exp")]
    pub(crate) expires_at: i64,
    /// The user's zettel.
    #[serde(rename = "zid")]
    pub(crate) zettel_id: String,
    #[serde(rename = "_tk")]
    kind: u8,
}

/// Writes and reads tokens.
pub(crate) struct Signer {
    secret: String,
    as_jwt: bool,
}

impl Claims {
    pub(crate) fn new(username: &str, zettel_id: String, issued_at: i64, lifetime: i64) -> Self {
        let expires_at = issued_at.saturating_add(lifetime);
        Self { username: username.to_owned(), issued_at, expires_at, zettel_id, kind: API }
    }

    /// Has less than a quarter of the life passed?
    pub(crate) fn is_young(&self, now: i64) -> bool {
        (now - self.issued_at).saturating_mul(4) < self.expires_at - self.issued_at
    }

    fn expression(&self) -> String {
        let Self { username, issued_at, expires_at, zettel_id, kind } = self;
        format!("({kind} {} {issued_at} {expires_at} {zettel_id})", quoted(username))
    }
}

impl Signer {
    pub(crate) fn new(secret: &str, as_jwt: bool) -> Self {
        Self { secret: secret.to_owned(), as_jwt }
    }

    pub(crate) fn write(&self, claims: &Claims) -> String {
        let text = if self.as_jwt { jwt_text(claims) } else { URL_SAFE_NO_PAD.encode(claims.expression()) };
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&text));
        format!("{text}.{signature}")
    }

    /// The claims of a token of ours, expired or not. `usernames` are those that may stand in it.
    pub(crate) fn read<'user>(
        &self,
        token: &str,
        mut usernames: impl Iterator<Item = &'user str>,
    ) -> Option<Claims> {
        let (text, signature) = token.rsplit_once('.')?;
        if URL_SAFE_NO_PAD.decode(signature).ok()? != self.sign(text) {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(text.rsplit('.').next()?).ok()?;
        if self.as_jwt {
            let claims: Claims = serde_json::from_slice(&payload).ok()?;
            return usernames.any(|username| username == claims.username).then_some(claims);
        }
        let payload = String::from_utf8(payload).ok()?;
        usernames.find_map(|username| parse_expression(&payload, username))
    }

    /// A keyed hash of the right length. Good enough against mix-ups, which is all a sandbox needs.
    fn sign(&self, text: &str) -> Vec<u8> {
        let words = if self.as_jwt { 8 } else { 6 };
        (0..words).flat_map(|word: u8| self.hash(text, word).to_be_bytes()).collect()
    }

    fn hash(&self, text: &str, word: u8) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.secret, word, text).hash(&mut hasher);
        hasher.finish()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("as_jwt", &self.as_jwt).finish_non_exhaustive()
    }
}

fn jwt_text(claims: &Claims) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
    let payload = serde_json::to_string(claims).unwrap_or_default();
    format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload))
}

/// Reads what [`Claims::expression`] wrote for this user.
fn parse_expression(text: &str, username: &str) -> Option<Claims> {
    let begin = format!("({API} {} ", quoted(username));
    let mut numbers = text.strip_prefix(&begin)?.strip_suffix(')')?.split(' ');
    let issued_at: i64 = numbers.next()?.parse().ok()?;
    let expires_at: i64 = numbers.next()?.parse().ok()?;
    let zettel_id = numbers.next()?.to_owned();
    Some(Claims { username: username.to_owned(), issued_at, expires_at, zettel_id, kind: API })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: [&str; 2] = ["other", "Zoë \"Z\" \\ 日本"];

    #[test]
    fn a_token_is_read_by_its_own_secret_only() {
        for as_jwt in [false, true] {
            let signer = Signer::new("sandbox-signing-secret", as_jwt);
            let claims = Claims::new(USERS[1], "20240101000001".into(), 1_000, 600);
            let token = signer.write(&claims);
            assert_eq!(signer.read(&token, USERS.into_iter()), Some(claims.clone()));
            assert_eq!(signer.write(&claims), token, "the same second gives the same token");
            assert_eq!(Signer::new("another-secret-of-16", as_jwt).read(&token, USERS.into_iter()), None);
            assert_eq!(signer.read(&token, ["other"].into_iter()), None);
            assert_eq!(signer.read(&token.replacen('.', "x.", 1), USERS.into_iter()), None);
        }
    }

    #[test]
    fn a_token_is_young_for_less_than_a_quarter_of_its_life() {
        let claims = Claims::new("sandbox", "20240101000001".into(), 1_000, 60);
        assert!(claims.is_young(1_014));
        assert!(!claims.is_young(1_015));
    }
}
