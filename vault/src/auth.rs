//! How to log in at a Vault.

use std::path::{Path, PathBuf};

use tokenferry_sources::cause::with_causes;
use tokenferry_sources::{Environment, ExposeSecret, Reference, SecretString};

use crate::VaultError;

/// How to log in at Vault. Every mount goes without slashes at its ends.
#[derive(Clone, Debug, PartialEq)]
pub enum VaultAuth {
    /// With the ids of an AppRole.
    AppRole {
        /// Where the auth method is mounted.
        mount: String,
        /// Which role.
        role_id: Kept,
        /// What proves it.
        secret_id: Kept,
    },
    /// With a TLS certificate, which is shown in each connection.
    Cert {
        /// Where the auth method is mounted.
        mount: String,
        /// The role, if not any that the certificate fits.
        name: Option<String>,
        /// The certificate and those that lead to its CA, in PEM form.
        cert_file: PathBuf,
        /// The private key that belongs to it, in PEM form.
        key_file: PathBuf,
    },
    /// With a JWT that somebody signed whom Vault trusts.
    Jwt {
        /// Where the auth method is mounted.
        mount: String,
        /// The name of the role.
        role: String,
        /// The JWT.
        jwt: Kept,
    },
    /// With the token of a service account, which Vault has Kubernetes look at.
    Kubernetes {
        /// Where the auth method is mounted.
        mount: String,
        /// The name of the role.
        role: String,
        /// The token of the service account.
        jwt: Kept,
    },
    /// With a token that somebody else made.
    Token(Kept),
    /// With a name and a password.
    Userpass {
        /// Where the auth method is mounted.
        mount: String,
        /// The name.
        username: Kept,
        /// The password.
        password: Kept,
    },
    /// With the ids of an AppRole, one of which Vault hands out once, for a wrapping token.
    WrappedAppRole {
        /// Where the auth method is mounted.
        mount: String,
        /// Which role.
        role_id: Kept,
        /// The wrapping token that holds the secret_id.
        wrapping_token: Kept,
    },
}

impl VaultAuth {
    /// What is kept outside, in a fixed order.
    pub fn parts(&self) -> impl Iterator<Item = &Kept> {
        let parts = match self {
            VaultAuth::AppRole { role_id, secret_id, .. } => [Some(role_id), Some(secret_id)],
            VaultAuth::Cert { .. } => [None, None],
            VaultAuth::Jwt { jwt, .. } | VaultAuth::Kubernetes { jwt, .. } => [Some(jwt), None],
            VaultAuth::Token(token) => [Some(token), None],
            VaultAuth::Userpass { username, password, .. } => [Some(username), Some(password)],
            VaultAuth::WrappedAppRole { role_id, wrapping_token, .. } => {
                [Some(role_id), Some(wrapping_token)]
            }
        };
        parts.into_iter().flatten()
    }

    /// The files that something is kept in. Not those of a certificate: whoever logs in with one looks at them by itself,
    /// and lets the old one serve on where the new one does not.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts().filter_map(|kept| match kept {
            Kept::At(Reference::File(path)) => Some(path.as_path()),
            Kept::At(Reference::Env(_)) | Kept::Here(_) => None,
        })
    }
}

/// The methods by which Vault gives a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthMethod {
    /// By AppRole, wrapped or not.
    AppRole,
    /// By TLS certificate.
    Cert,
    /// By JWT.
    Jwt,
    /// By service account.
    Kubernetes,
    /// By name and password.
    Userpass,
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
/// Where logins by certificate are mounted unless somebody says otherwise.
pub const DEFAULT_CERT_MOUNT: &str = "cert";
/// Where JWT is mounted unless somebody says otherwise.
pub const DEFAULT_JWT_MOUNT: &str = "jwt";
/// Where Kubernetes is mounted unless somebody says otherwise.
pub const DEFAULT_KUBERNETES_MOUNT: &str = "kubernetes";
/// Where names and passwords are mounted unless somebody says otherwise.
pub const DEFAULT_USERPASS_MOUNT: &str = "userpass";
/// Where Kubernetes puts the token of a pod's service account, and renews it.
pub const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

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
    fn debug_of_a_login_hides_what_is_known() {
        let auth = VaultAuth::Jwt {
            mount: "jwt".to_owned(),
            role: "reader".to_owned(),
            jwt: Kept::Here("hunter2".into()),
        };
        assert!(!format!("{auth:?}").contains("hunter2"));
    }
}
