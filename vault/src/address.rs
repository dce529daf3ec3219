//! Addresses of Vault, as users write them.

use thiserror::Error;
use tokenferry_sources::{is_loopback, parse_url};
use url::Url;

use crate::is_word;

/// Why a text is no address of Vault. The text itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no URL of a server.
    #[error("is not an http or https URL")]
    NotAUrl,
    /// It goes on after the host.
    #[error("has a path, and Vault's API begins at the root of its server")]
    Path,
    /// It would send tokens unprotected.
    #[error("is plain http to another machine, which sends tokens unprotected")]
    PlainHttp,
    /// It has more than an address has.
    #[error("has a `?` or a `#` in it")]
    Query,
    /// It says how to log in.
    #[error("has a user name or password in it")]
    UserInfo,
}

impl AddressError {
    /// What to do about it, as the end of a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            AddressError::NotAUrl => "write it in full, as in \"https://vault.example:8200\"",
            AddressError::PlainHttp => "use https, or allow it with `allow_http = true`",
            AddressError::Path | AddressError::Query => {
                "end it after the host and the port, as in \"https://vault.example:8200\""
            }
            AddressError::UserInfo => "leave that out; how to log in is said elsewhere",
        }
    }
}

/// Where a server is, and nothing else. Plain http needs `allow_http`, unless it is to this machine.
///
/// # Errors
/// When the text says something else, or more.
pub fn parse_address(text: &str, allow_http: bool) -> Result<Url, AddressError> {
    let url = parse_url(text).filter(|_| is_word(text)).ok_or(AddressError::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::Query);
    }
    if url.path() != "/" {
        return Err(AddressError::Path);
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(AddressError::PlainHttp);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_after_host_and_port() {
        for text in
            ["https://vault.example:8200", "https://vault.example/", "http://127.0.0.1:8200", "http://[::1]"]
        {
            assert!(parse_address(text, false).is_ok(), "{text}");
        }
        assert!(parse_address("http://vault.example", true).is_ok());
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        let cases = [
            ("vault.example:8200", AddressError::NotAUrl),
            (" https://vault.example", AddressError::NotAUrl),
            ("https://vault\n.example", AddressError::NotAUrl),
            ("ftp://vault.example", AddressError::NotAUrl),
            ("https:///vault.example", AddressError::NotAUrl),
            ("https://vault.example:0", AddressError::NotAUrl),
            ("", AddressError::NotAUrl),
            ("https://anna:hunter2@vault.example", AddressError::UserInfo),
            ("https://vault.example/?a", AddressError::Query),
            ("https://vault.example/#a", AddressError::Query),
            ("https://proxy.example/vault", AddressError::Path),
            ("https://vault.example/v1/", AddressError::Path),
            ("http://vault.example", AddressError::PlainHttp),
        ];
        for (text, reason) in cases {
            assert_eq!(parse_address(text, false), Err(reason), "{text}");
        }
    }
}
