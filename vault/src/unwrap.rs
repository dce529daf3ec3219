//! Getting a secret_id out of the wrapping token that it was handed over in.

use rustify::Endpoint;
use serde_json::Value;
use tokenferry_sources::cause::one_line;
use tokenferry_sources::{ExposeSecret, SecretString};
use tracing::{debug, info};
use vaultrs::api::sys::requests::{UnwrapRequest, WrappingLookupRequest};

use crate::endpoint::Post;
use crate::fault::Fault;
use crate::log_in::sendable;
use crate::wiped::Wipe;
use crate::{Kept, Operation, Vault, VaultError};

/// The last wrapping token and what was in it, which nobody can get out of it again.
#[derive(Default)]
pub(crate) struct Unwrapped(Option<(SecretString, SecretString)>);

impl Unwrapped {
    fn of(&self, token: &SecretString) -> Option<SecretString> {
        let (known, secret_id) = self.0.as_ref()?;
        (known.expose_secret() == token.expose_secret()).then(|| secret_id.clone())
    }
}

impl Vault {
    /// The secret_id in a wrapping token: unwrapped once, and known from then on for as long as the token is the same
    /// or was removed.
    pub(crate) async fn unwrapped(
        &self,
        mount: &str,
        wrapping_token: &Kept,
        known: &mut Unwrapped,
    ) -> Result<SecretString, VaultError> {
        let token = match (self.read(wrapping_token), &known.0) {
            (Ok(token), _) => token,
            (Err(_), Some((_, secret_id))) => {
                debug!("the wrapping token is gone; logging in with what was in it");
                return Ok(secret_id.clone());
            }
            (Err(error), None) => return Err(error),
        };
        if let Some(secret_id) = known.of(&token) {
            return Ok(secret_id);
        }
        self.check_origin(mount, &token).await?;
        let secret_id = self.unwrap(mount, &token).await?;
        info!(mount, "unwrapped a secret_id");
        known.0 = Some((token, secret_id.clone()));
        Ok(secret_id)
    }

    /// Somebody who intercepts a wrapping token can unwrap it, and wrap what was in it, or something else, anew. That
    /// is made elsewhere, and this is the place where it shows.
    async fn check_origin(&self, mount: &str, token: &SecretString) -> Result<(), VaultError> {
        let token = sendable(token)?.to_owned();
        let operation = || Operation::Unwrap(mount.into());
        let request = Post::of(WrappingLookupRequest { token }).map_err(|fault| fault.during(operation()))?;
        // Not with the token in its header: it is good for one such request.
        let answer = self.transport.ask(&request.with_middleware(&self.middle_of_login(String::new()))).await;
        let origin = answer.and_then(|answer| answer.data.ok_or(Fault::Malformed));
        let path = origin.map_err(|fault| spent(fault, operation()))?.creation_path;
        if makes_secret_ids(&path, mount) {
            return Ok(());
        }
        Err(VaultError::WrappedElsewhere { operation: operation(), path: one_line(&path) })
    }

    async fn unwrap(&self, mount: &str, token: &SecretString) -> Result<SecretString, VaultError> {
        let middle = self.middle_of_login(sendable(token)?.to_owned());
        let answer = self.transport.ask(&UnwrapRequest { token: None }.with_middleware(&middle)).await;
        let found = answer.and_then(|answer| answer.data.ok_or(Fault::Malformed));
        let mut found = found.map_err(|fault| spent(fault, Operation::Unwrap(mount.into())))?;
        let secret_id = found.get("secret_id").and_then(Value::as_str).map(SecretString::from);
        found.wipe();
        secret_id.ok_or_else(|| VaultError::MalformedAnswer { operation: Operation::Unwrap(mount.into()) })
    }
}

/// What the answer to a question about a wrapping token means: one that is used up is not told from one that never was.
fn spent(fault: Fault, operation: Operation) -> VaultError {
    match fault.status() {
        Some(400 | 403 | 404) => VaultError::WrappingTokenOver { operation },
        _ => fault.during(operation),
    }
}

/// Whether a response of this path holds a secret_id that Vault made for a role of this mount.
fn makes_secret_ids(path: &str, mount: &str) -> bool {
    let role = path.strip_prefix("auth/").and_then(|path| path.strip_prefix(mount));
    let role = role.and_then(|role| role.strip_prefix("/role/")?.strip_suffix("/secret-id"));
    role.is_some_and(|role| !role.is_empty() && !role.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_id_is_made_at_a_role_of_the_mount() {
        assert!(makes_secret_ids("auth/approle/role/rotator/secret-id", "approle"));
        assert!(makes_secret_ids("auth/team/robots/role/rotator/secret-id", "team/robots"));
        for path in [
            "sys/wrapping/wrap",
            "auth/approle/role/rotator/role-id",
            "auth/approle/role/rotator/custom-secret-id",
            "auth/approle/role//secret-id",
            "auth/approle/role/a/b/secret-id",
            "auth/approle2/role/rotator/secret-id",
            "secret/data/auth/approle/role/rotator/secret-id",
            "",
        ] {
            assert!(!makes_secret_ids(path, "approle"), "{path}");
        }
    }
}
