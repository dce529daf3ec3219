//! What the environment says about Vault, as Vault's own tools read it.

use std::path::{Path, PathBuf};

use thiserror::Error;
use tokenferry_sources::{Environment, Reference};
use url::Url;

use crate::{AddressError, NO_PATH, NO_WORD, is_path, is_word, parse_address};

/// What holds where no setting says otherwise: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_TOKEN and the file that
/// `bao login` and `vault login` leave.
#[derive(Clone, Copy)]
pub struct Surroundings<'a>(&'a dyn Environment);

/// What is wrong with a variable. No value is repeated.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SurroundingsError {
    /// VAULT_ADDR cannot be used.
    #[error("the environment variable VAULT_ADDR {0}")]
    Address(AddressError),
    /// VAULT_CACERT is no path.
    #[error("the environment variable VAULT_CACERT: {NO_PATH}")]
    CaCertFile,
    /// VAULT_NAMESPACE is no name.
    #[error("the environment variable VAULT_NAMESPACE {NO_WORD}")]
    Namespace,
    /// VAULT_SKIP_VERIFY is set.
    #[error("VAULT_SKIP_VERIFY is set, but certificates are always verified")]
    SkipVerify,
}

impl SurroundingsError {
    /// What to do about it, as the end of a sentence.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            SurroundingsError::Address(error) => Some(error.advice()),
            SurroundingsError::CaCertFile | SurroundingsError::Namespace => None,
            SurroundingsError::SkipVerify => {
                Some("unset it, and name the CA certificate of the server in `ca_cert_file` or VAULT_CACERT")
            }
        }
    }
}

impl<'a> Surroundings<'a> {
    /// Those of this environment.
    pub fn new(environment: &'a dyn Environment) -> Self {
        Surroundings(environment)
    }

    /// Where Vault is.
    ///
    /// # Errors
    /// When the variable holds no address.
    pub fn address(self, allow_http: bool) -> Result<Option<Url>, SurroundingsError> {
        let address = self.0.var("VAULT_ADDR").map(|address| parse_address(&address, allow_http));
        address.transpose().map_err(SurroundingsError::Address)
    }

    /// The namespace of everything.
    ///
    /// # Errors
    /// When the variable holds no name.
    pub fn namespace(self) -> Result<Option<String>, SurroundingsError> {
        match self.0.var("VAULT_NAMESPACE") {
            Some(namespace) if !is_word(&namespace) => Err(SurroundingsError::Namespace),
            namespace => Ok(namespace),
        }
    }

    /// The CA certificates to trust.
    ///
    /// # Errors
    /// When the variable holds no path.
    pub fn ca_cert_file(self) -> Result<Option<PathBuf>, SurroundingsError> {
        match self.0.var("VAULT_CACERT") {
            Some(path) if !is_path(&path) => Err(SurroundingsError::CaCertFile),
            path => Ok(path.map(PathBuf::from)),
        }
    }

    /// Where a token is kept: in the variable, else in the file of the command line tools.
    pub fn token(self) -> Reference {
        let file = self.0.var("HOME").map(|home| Path::new(&home).join(".vault-token"));
        match (self.0.var("VAULT_TOKEN"), file) {
            (None, Some(file)) => Reference::File(file),
            _ => Reference::Env("VAULT_TOKEN".to_owned()),
        }
    }

    /// Whether nobody asks to trust just any server.
    ///
    /// # Errors
    /// When somebody does.
    pub fn verification(self) -> Result<(), SurroundingsError> {
        let skip = self.0.var("VAULT_SKIP_VERIFY").unwrap_or_default().to_ascii_lowercase();
        match skip.as_str() {
            "" | "0" | "f" | "false" => Ok(()),
            _ => Err(SurroundingsError::SkipVerify),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_variable_says_what_no_setting_says() {
        let variables = environment(&[
            ("VAULT_ADDR", "https://vault.example:8200"),
            ("VAULT_NAMESPACE", "team/a"),
            ("VAULT_CACERT", "/etc/ca.pem"),
            ("VAULT_SKIP_VERIFY", "False"),
        ]);
        let surroundings = Surroundings::new(&variables);
        let address = surroundings.address(false).unwrap().unwrap();
        assert_eq!(address.as_str(), "https://vault.example:8200/");
        assert_eq!(surroundings.namespace().unwrap().as_deref(), Some("team/a"));
        assert_eq!(surroundings.ca_cert_file().unwrap(), Some("/etc/ca.pem".into()));
        assert_eq!(surroundings.verification(), Ok(()));
    }

    #[test]
    fn nothing_set_says_nothing() {
        let nothing = BTreeMap::new();
        let surroundings = Surroundings::new(&nothing);
        assert_eq!(surroundings.address(false), Ok(None));
        assert_eq!(surroundings.namespace(), Ok(None));
        assert_eq!(surroundings.ca_cert_file(), Ok(None));
        assert_eq!(surroundings.verification(), Ok(()));
    }

    #[test]
    fn what_a_variable_cannot_hold_is_refused_without_repeating_it() {
        let variables = environment(&[
            ("VAULT_ADDR", "https://anna:hunter2@vault.example"),
            ("VAULT_NAMESPACE", "hunter2\n"),
            ("VAULT_CACERT", "hunter2\n"),
            ("VAULT_SKIP_VERIFY", "yes"),
        ]);
        let surroundings = Surroundings::new(&variables);
        let errors = [
            surroundings.address(false).unwrap_err(),
            surroundings.namespace().unwrap_err(),
            surroundings.ca_cert_file().unwrap_err(),
            surroundings.verification().unwrap_err(),
        ];
        let expected = [
            SurroundingsError::Address(AddressError::UserInfo),
            SurroundingsError::Namespace,
            SurroundingsError::CaCertFile,
            SurroundingsError::SkipVerify,
        ];
        assert_eq!(errors, expected);
        for error in errors {
            assert!(!format!("{error} {error:?} {:?}", error.advice()).contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_token_is_that_of_the_variable_else_that_of_the_command_line_tools() {
        let token = |variables: &[(&str, &str)]| Surroundings::new(&environment(variables)).token();
        let variable = Reference::Env("VAULT_TOKEN".to_owned());
        let file = Reference::File("/users/anna/.vault-token".into());
        assert_eq!(token(&[("VAULT_TOKEN", "t"), ("HOME", "/users/anna")]), variable);
        assert_eq!(token(&[("HOME", "/users/anna")]), file);
        assert_eq!(token(&[]), variable);
    }
}
