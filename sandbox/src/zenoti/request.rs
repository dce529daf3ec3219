//! What requests may carry.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::Deserialize;

/// The body of a request for a token: exactly these members.
#[derive(Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Grant {
    /// A login.
    Password {
        account_name: String,
        user_name: String,
        password: String,
        app_id: String,
        app_secret: String,
        device_id: String,
    },
    /// A refresh token for a new pair.
    RefreshToken {
        /// It can be used once.
        refresh_token: String,
    },
}

impl Grant {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user_name, .. } => {
                out.debug_struct("Password").field("user_name", user_name).finish_non_exhaustive()
            }
            Self::RefreshToken { .. } => out.debug_struct("RefreshToken").finish_non_exhaustive(),
        }
    }
}

/// The access token of a request: the word `bearer` in any case, and one blank.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (word, token) = authorization(headers)?;
    word.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The API key of a request: the word `apikey` in lower case, and one blank.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&str> {
    let (word, key) = authorization(headers)?;
    (word == "apikey").then_some(key)
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')
}
