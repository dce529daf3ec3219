//! The access token of a system as an ephemeral resource.

use async_trait::async_trait;
use tfplugin::{
    Answer, Attribute, ConfigReader, Diagnostic, Diagnostics, EphemeralResource, Opened, Renewed, Schema,
    Setting, Value,
};
use tokenferry_sources::{Expiry, Home, Revocation, SourceError, Timestamp, Token, rfc3339};

use super::owed::Debt;
use super::prefer::{self, PreferRotated};
use super::{TokenArguments, TokenReading, computed};
use crate::diagnostics::{chain, of_source, of_token};
use crate::kinds::{ENABLED_IN_EPHEMERALS, ephemeral_description};
use crate::private::{Private, foreign};
use crate::reading::{Reading, ReadingConfig, schema};
use crate::systems::Systems;

/// `tokenferry_SYSTEM_token`, opened during a run and never stored.
pub(crate) struct EphemeralToken(pub(crate) TokenReading);

/// What an ephemeral token has beside what all tokens have.
pub(crate) struct EphemeralArguments {
    token: TokenArguments,
    prefer_rotated: Option<PreferRotated>,
    revoke_on_close: bool,
}

#[async_trait]
impl EphemeralResource for EphemeralToken {
    type Provider = Systems;
    type Config = ReadingConfig<EphemeralArguments>;

    fn type_name(&self) -> String {
        self.0.type_name()
    }

    fn schema(&self) -> Schema {
        let description = ephemeral_description(&self.0.summary(), &self.0.calls(), &self.0.details());
        schema(&self.0, description, ENABLED_IN_EPHEMERALS)
            .with(prefer::argument())
            .with_all(self.revokes().then(|| revoke_on_close(self.0.system.title)))
            .with(
                Attribute::bool("from_vault")
                    .describe("Whether this is the rotator's token. Null when `enabled` is `false`."),
            )
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config {
        ReadingConfig::read(reader, |reader| {
            let token = self.0.read_arguments(reader);
            let revoke_on_close = self.revokes() && reader.bool(REVOKE_ON_CLOSE).known().unwrap_or(false);
            let is_borrowed = matches!(reader.object(prefer::NAME), Setting::Known(_));
            if revoke_on_close && is_borrowed {
                let detail = "A token that is borrowed from the rotator is not ours to end: leave out \
                              `revoke_on_close` or `prefer_rotated`.";
                let path = reader.path(REVOKE_ON_CLOSE);
                reader.report(Diagnostic::error("Conflicting arguments", detail).at(path));
            }
            EphemeralArguments { token, prefer_rotated: prefer::read(reader), revoke_on_close }
        })
    }

    async fn open(&self, systems: &Systems, config: Self::Config) -> Result<Answer<Opened>, Diagnostics> {
        if !config.enabled {
            let private = Private::new(self.type_name(), None).to_bytes();
            return Ok(Opened { private, ..Opened::default() }.into());
        }
        let arguments = config.arguments;
        let session = self.0.session(systems, &arguments.token)?;
        let minimum = config.minimum_lifetime;
        let borrowed = match &arguments.prefer_rotated {
            Some(prefer) => prefer.token(systems, &session, minimum).await?,
            None => None,
        };
        let from_vault = borrowed.is_some();
        let (opening, token) = match borrowed {
            Some(token) => (None, token),
            None if arguments.revoke_on_close => {
                let owed = systems.owed().token(&session, minimum).await;
                owed.map(|(opening, token)| (Some(opening), token)).map_err(|error| of_source(&error))?
            }
            None => (None, session.token(minimum).await.map_err(|error| of_source(&error))?),
        };
        let revoke = opening.map(|opening| (opening, token.value.clone()));
        let private = Private::new(self.type_name(), token.expires_at()).of_token(session.identity(), revoke);
        // No renewal is asked for: it could not hand out a new value.
        let mut computed = computed(&token);
        computed.insert("from_vault".to_owned(), Value::Bool(from_vault));
        let opened = Opened { computed, private: private.to_bytes(), renew_at: None };
        Ok(Answer { value: opened, warnings: of_token(&token) })
    }

    async fn renew(&self, systems: &Systems, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        let type_name = self.type_name();
        Private::from_bytes(private, &type_name)?.still_good(systems, &type_name)
    }

    async fn close(&self, systems: &Systems, private: &[u8]) -> Result<Answer<()>, Diagnostics> {
        let private = Private::from_bytes(private, &self.type_name())?;
        match private.revoke {
            Some(_) if self.revokes() => self.revoke(systems, &private).await,
            Some(_) => Err(foreign()),
            // The token may be shared with other reads.
            None => Ok(().into()),
        }
    }
}

impl EphemeralToken {
    /// Whether the system can end tokens, and can be asked to by a process that did not open the resource: then only
    /// the provider block says how to reach it.
    fn revokes(&self) -> bool {
        self.0.system.revokes && self.0.system.home == Home::ProviderBlock
    }

    async fn revoke(&self, systems: &Systems, private: &Private) -> Result<Answer<()>, Diagnostics> {
        let session = systems.session(self.0.system)?;
        let (usage, identity) = (session.source().usage(), session.identity().clone());
        let Some(value) = private.to_revoke(&identity)?.cloned() else { return Ok(().into()) };
        let now = systems.clock().now();
        let token = match systems.owed().close(private.opening) {
            Debt::Settled => return Ok(().into()),
            Debt::Due(Some(token)) => *token,
            Debt::Due(None) => {
                let expiry = private.expires_at.map_or(Expiry::Unknown, Expiry::Reported);
                Token::new(value, usage, identity, now, expiry)
            }
        };
        let expires_at = token.expires_at();
        if expires_at.is_some_and(|end| end <= now) {
            return Ok(().into());
        }
        let outcome = session.revoke(&token).await;
        if outcome.is_ok() {
            systems.owed().settle(private.opening);
        }
        match outcome {
            Ok(Revocation::Done) => Ok(().into()),
            Ok(Revocation::CannotRevoke) => {
                let detail = format!("{} has no way to end a token before its time.", self.0.system.title);
                Ok(Answer {
                    value: (),
                    warnings: Diagnostic::warning("The token was not revoked", detail).into(),
                })
            }
            Err(error) => Err(not_revoked(&error, expires_at)),
        }
    }
}

fn not_revoked(error: &SourceError, expires_at: Option<Timestamp>) -> Diagnostics {
    let until = expires_at.map_or_else(|| "its own end".to_owned(), rfc3339);
    let detail = format!(
        "{}\n\nThe token may live on until {until}. {}",
        tfplugin::sentence(&chain(error)),
        error.advice()
    );
    Diagnostic::error("The token was not revoked", detail).into()
}

fn revoke_on_close(title: &str) -> Attribute {
    Attribute::bool(REVOKE_ON_CLOSE).optional().describe(format!(
        "Whether to end the token as soon as the run does not need it any more. **This ends every session of that user \
         at {title}**, in other runs and other programs, too. Resources of the same run with the same login share one \
         token: it ends when the last of those with `revoke_on_close` is closed. Terraform closes an ephemeral resource \
         at the end of plan and apply each. It does not when a run fails or is interrupted: then the provider ends the \
         token before it ends itself, and gives {title} a second to confirm; without that, the token lives on until its \
         own end. Cannot be set together with `prefer_rotated`: a borrowed token is not ours to end. Default: `false`."
    ))
}

const REVOKE_ON_CLOSE: &str = "revoke_on_close";
