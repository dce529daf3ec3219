//! One configured way to get one token from a system.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::base_url::root;
use crate::{Clock, HttpClient, Identity, SourceError, Token, TokenUsage, parse_url};

/// Logs in at one system with one credential.
#[async_trait]
pub trait TokenSource: Any + Debug + Send + Sync {
    /// Whose tokens these are.
    fn identity(&self) -> &Identity;

    /// How its tokens are sent.
    fn usage(&self) -> TokenUsage;

    /// The servers that it talks to, each as the URL of its root.
    fn servers(&self) -> Vec<Url> {
        parse_url(&self.identity().issuer).iter().map(root).collect()
    }

    /// Presents the credential and returns a fresh token.
    ///
    /// # Errors
    /// When the system cannot be reached, refuses, or answers something that is no token.
    async fn login(&self) -> Result<Token, SourceError>;

    /// A new token by way of the old one, where the system knows such a thing. Whatever comes in its way, a
    /// login follows.
    ///
    /// # Errors
    /// As [`TokenSource::login`].
    async fn refresh(&self, old: &Token) -> Result<Token, SourceError> {
        let _ = old;
        self.login().await
    }

    /// A new token for [`Token::refresh`], which is spent by it, where the system knows such a thing; else a login. It
    /// may end other tokens of the user: only one program may do this, and it must keep the new refresh token
    /// before anything else. Whatever comes in its way, no login follows by itself.
    ///
    /// # Errors
    /// As [`TokenSource::login`].
    async fn refresh_with(&self, refresh_token: &SecretString) -> Result<Token, SourceError> {
        let _ = refresh_token;
        self.login().await
    }

    /// Ends a token at its issuer, where the system can do that. What else ends with it, its documentation says.
    ///
    /// # Errors
    /// When the system did not confirm it.
    async fn revoke(&self, token: &Token) -> Result<Revocation, SourceError> {
        let _ = token;
        Ok(Revocation::CannotRevoke)
    }

    /// As [`TokenSource::revoke`], for a caller who has no time for pauses: a passing failure is told at once.
    ///
    /// # Errors
    /// As [`TokenSource::revoke`].
    async fn revoke_once(&self, token: &Token) -> Result<Revocation, SourceError> {
        self.revoke(token).await
    }

    /// Tries a fresh token out where it costs nothing.
    ///
    /// # Errors
    /// [`SourceError::TokenRejected`] if the system does not accept it; anything else if that did not become clear.
    async fn verify(&self, token: &Token) -> Result<Verification, SourceError> {
        let _ = token;
        Ok(Verification::CannotTell)
    }
}

/// What came out of asking to end a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revocation {
    /// The system has no way to do that: the token lives on to its own end.
    CannotRevoke,
    /// It is over.
    Done,
}

/// What came out of trying a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verification {
    /// The system has no way to say.
    CannotTell,
    /// The system accepts it.
    Good,
}

/// What a source shares with the others of its configuration.
#[derive(Clone, Debug)]
pub struct BuildContext {
    /// How it speaks HTTP.
    pub http: Arc<HttpClient>,
    /// How it tells the time.
    pub clock: Arc<dyn Clock>,
}
