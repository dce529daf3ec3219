//! Where a Vault is and how to log in there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokenferry_sources::cause::with_causes;
use tokenferry_sources::{Environment, ExposeSecret, Reference, SecretString};
use url::Url;

use crate::VaultError;

/// Where Vault is and how to log in there.
#[derive(Clone, Debug, PartialEq)]
pub struct VaultSettings {
    /// Its nodes: the one to ask, then those that it may send us to. None has a path.
    pub addresses: Vec<Url>,
    /// The namespace of everything.
    pub namespace: Option<String>,
    /// The CA certificates to trust.
    pub ca_cert_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What is sent as `User-Agent`.
    pub user_agent: String,
    /// How to log in.
    pub auth: VaultAuth,
}

/// How to log in at Vault.
#[derive(Clone, Debug, PartialEq)]
pub enum VaultAuth {
    /// With the ids of an AppRole.
    AppRole {
        /// Where the auth method is mounted, without slashes at its ends.
        mount: String,
        /// Which role.
        role_id: Kept,
        /// What proves it.
        secret_id: Kept,
    },
    /// With a JWT that somebody signed whom Vault trusts.
    Jwt {
        /// Where the auth method is mounted, without slashes at its ends.
        mount: String,
        /// The name of the role.
        role: String,
        /// The JWT.
        jwt: Kept,
    },
    /// With a token that somebody else made.
    Token(Kept),
}

impl VaultSettings {
    /// The files that these settings refer to. What stands in them may change.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.ca_cert_file.iter().map(PathBuf::as_path).chain(self.auth.files())
    }
}

impl VaultAuth {
    fn files(&self) -> impl Iterator<Item = &Path> {
        let kept = match self {
            VaultAuth::AppRole { role_id, secret_id, .. } => [Some(role_id), Some(secret_id)],
            VaultAuth::Jwt { jwt, .. } => [Some(jwt), None],
            VaultAuth::Token(token) => [Some(token), None],
        };
        kept.into_iter().flatten().filter_map(|kept| match kept {
            Kept::At(Reference::File(path)) => Some(path.as_path()),
            Kept::At(Reference::Env(_)) | Kept::Here(_) => None,
        })
    }
}

/// A part of a login: known, or to be read where it is kept, anew at each login.
#[derive(Clone, Debug)]
pub enum Kept {
    /// It is kept there.
    At(Reference),
    /// It is this.
    Here(SecretString),
}

impl Kept {
    /// What it is now, without white space at its ends.
    pub(crate) fn read(&self, environment: &dyn Environment) -> Result<SecretString, VaultError> {
        let text = match self {
            Kept::At(reference) => reference.read(environment),
            Kept::Here(text) => Ok(text.clone()),
        };
        let text = text.map_err(|error| VaultError::Credential { cause: with_causes(&error) })?;
        Ok(text.expose_secret().trim().into())
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Kept::At(one), Kept::At(other)) => one == other,
            (Kept::Here(one), Kept::Here(other)) => one.expose_secret() == other.expose_secret(),
            (Kept::At(_), Kept::Here(_)) | (Kept::Here(_), Kept::At(_)) => false,
        }
    }
}

impl From<Reference> for Kept {
    fn from(reference: Reference) -> Self {
        Kept::At(reference)
    }
}

/// Where AppRole is mounted unless somebody says otherwise.
pub const DEFAULT_APP_ROLE_MOUNT: &str = "approle";
/// Where JWT is mounted unless somebody says otherwise.
pub const DEFAULT_JWT_MOUNT: &str = "jwt";
/// How long one request may take unless somebody says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_known_is_what_it_is_and_what_is_kept_is_read() {
        let environment = BTreeMap::from([("TOKEN".to_owned(), " t0ken\t".to_owned())]);
        let read = |kept: Kept| kept.read(&environment).map(|text| text.expose_secret().to_owned());
        assert_eq!(read(Kept::Here("t0ken ".into())).unwrap(), "t0ken");
        assert_eq!(read(Reference::Env("TOKEN".to_owned()).into()).unwrap(), "t0ken");
        let error = read(Reference::Env("NONE".to_owned()).into()).unwrap_err();
        assert!(error.to_string().contains("NONE"), "{error}");
    }

    #[test]
    fn debug_of_settings_hides_what_is_known() {
        let auth = VaultAuth::Jwt {
            mount: "jwt".to_owned(),
            role: "reader".to_owned(),
            jwt: Kept::Here("hunter2".into()),
        };
        assert!(!format!("{auth:?}").contains("hunter2"));
    }
}
