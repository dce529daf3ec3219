//! An API key, which is passed on as it is: there is no call that makes, renews or reads one.

use async_trait::async_trait;
use secrecy::SecretString;

use super::SYSTEM;
use crate::{BuildContext, Expiry, Identity, SourceError, Timestamp, Token, TokenSource, TokenUsage};

/// A configured key.
#[derive(Debug)]
pub(super) struct ApiKey {
    pub(super) identity: Identity,
    pub(super) value: SecretString,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) context: BuildContext,
}

#[async_trait]
impl TokenSource for ApiKey {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        USAGE
    }

    /// Nothing is sent.
    async fn login(&self) -> Result<Token, SourceError> {
        let now = self.context.clock.now();
        if let Some(ended_at) = self.expires_at.filter(|end| *end <= now) {
            return Err(SourceError::KeyExpired { system: SYSTEM.title, ended_at, now });
        }
        let expiry = self.expires_at.map_or(Expiry::Unknown, Expiry::Assumed);
        Ok(Token::new(self.value.clone(), USAGE, self.identity.clone(), now, expiry))
    }
}

const USAGE: TokenUsage = TokenUsage::fixed("apikey", "Authorization", "apikey ");
