//! The `vault` block: where tokens are written, and how the rotator logs in there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::{Environment, is_loopback};
use url::Url;

use super::document::{Noted, Spot};
use super::names::did_you_mean;
use super::path::entry_path;
use super::reader::{Block, Label};
use super::value::{NO_PATH, NO_WORD, Value, is_path, is_word};
use crate::source::{Reference, Setting};

/// Where Vault is and how to log in there.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    /// Its nodes: the one to ask, then those that it may send us to. None has a path.
    pub addresses: Vec<Url>,
    /// The namespace of everything.
    pub namespace: Option<String>,
    /// The CA certificates to trust.
    pub ca_cert_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How to log in.
    pub auth: VaultAuth,
}

/// How to log in at Vault.
#[derive(Clone, Debug)]
pub enum VaultAuth {
    /// With the ids of an AppRole.
    AppRole {
        /// Where the auth method is mounted, without slashes at its ends.
        mount: String,
        /// Which role.
        role_id: Setting,
        /// What proves it.
        secret_id: Reference,
    },
    /// With a token that somebody else made.
    Token(Reference),
}

/// Reads the block; what it leaves out, the environment may say.
pub(super) fn settings(
    block: Option<&Block<'_>>,
    file: Spot<'_>,
    environment: &dyn Environment,
) -> Result<VaultSettings, Noted> {
    let outside = Outside { environment, spot: block.map_or(file, |block| block.header) };
    let verified = outside.verification();
    let addresses = addresses(block, &outside);
    let namespace = optional(block, "namespace", |value| value.word().map(str::to_owned));
    let namespace =
        namespace.and_then(|written| written.map_or_else(|| outside.namespace(), |name| Ok(Some(name))));
    let ca_cert_file = optional(block, "ca_cert_file", Value::path);
    let ca_cert_file = ca_cert_file
        .and_then(|written| written.map_or_else(|| outside.ca_cert_file(), |path| Ok(Some(path))));
    let timeout = optional(block, "timeout", Value::some_time);
    let auth = auth(block, &outside);
    verified?;
    Ok(VaultSettings {
        addresses: addresses?,
        namespace: namespace?,
        ca_cert_file: ca_cert_file?,
        timeout: timeout?.unwrap_or(TIMEOUT),
        auth: auth?,
    })
}

fn optional<'a, T>(
    block: Option<&Block<'a>>,
    name: &'static str,
    read: impl FnOnce(Value<'a>) -> Result<T, Noted>,
) -> Result<Option<T>, Noted> {
    block.map_or(Ok(None), |block| block.optional(name, read))
}

fn addresses(block: Option<&Block<'_>>, outside: &Outside<'_>) -> Result<Vec<Url>, Noted> {
    let allow_http = optional(block, "allow_http", Value::flag);
    let allowed = !matches!(allow_http, Ok(None | Some(false)));
    let address = |value: Value<'_>| {
        parse_address(value.text()?, allowed)
            .map_err(|error| error.note(value.spot, &format!("`{}`", value.name)))
    };
    let first = optional(block, "address", address);
    let others = optional(block, "addresses", |value| {
        value.list()?.map(address).collect::<Vec<_>>().into_iter().collect()
    });
    let others: Option<Vec<Url>> = others?;
    allow_http?;
    let mut addresses = vec![match first? {
        Some(first) => first,
        None => outside.address(allowed)?,
    }];
    for other in others.unwrap_or_default() {
        if !addresses.contains(&other) {
            addresses.push(other);
        }
    }
    Ok(addresses)
}

fn auth(block: Option<&Block<'_>>, outside: &Outside<'_>) -> Result<VaultAuth, Noted> {
    let mut blocks = block.map(|block| block.blocks("auth", ["METHOD"])).unwrap_or_default().into_iter();
    let auth = blocks.next().map(|found| found.and_then(|(block, [method])| method_of(block, method)));
    let mut surplus = None;
    for other in blocks {
        surplus = Some(match other {
            Ok((other, _)) => other.header.note("there is more than one `auth` block"),
            Err(noted) => noted,
        });
    }
    match (auth, surplus) {
        (_, Some(noted)) => Err(noted),
        (Some(auth), None) => auth,
        (None, None) => Ok(VaultAuth::Token(outside.token())),
    }
}

fn method_of(block: Block<'_>, method: Label<'_>) -> Result<VaultAuth, Noted> {
    match method.text {
        "approle" => {
            let mount = block.optional("mount", |value| {
                entry_path(value.text()?).map_err(|error| value.spot.note(format!("`mount` {error}")))
            });
            let role_id = block.required("role_id", "\"…\"", Value::setting);
            let secret_id = block.required("secret_id", "{ file = \"/path\" }", Value::reference);
            block.finish();
            let mount = mount?.unwrap_or_else(|| "approle".to_owned());
            Ok(VaultAuth::AppRole { mount, role_id: role_id?, secret_id: secret_id? })
        }
        "token" => {
            let token = block.required("token", "{ env = \"NAME\" }", Value::reference);
            block.finish();
            token.map(VaultAuth::Token)
        }
        other => {
            let advice =
                did_you_mean(other, METHODS).unwrap_or_else(|| "there are `approle` and `token`".to_owned());
            Err(method.spot.advise("there is no such way to log in at Vault", advice))
        }
    }
}

/// What the environment says where the file says nothing, as Vault's own tools read it.
struct Outside<'a> {
    environment: &'a dyn Environment,
    /// The place that could have said it.
    spot: Spot<'a>,
}

impl Outside<'_> {
    fn address(&self, allow_http: bool) -> Result<Url, Noted> {
        let Some(address) = self.environment.var("VAULT_ADDR") else {
            let advice = "write `vault { … }` with `address = \"https://…\"` in it, or set VAULT_ADDR";
            return Err(self.spot.advise("nothing says where Vault is", advice));
        };
        parse_address(&address, allow_http)
            .map_err(|error| error.note(self.spot, "the environment variable VAULT_ADDR"))
    }

    fn namespace(&self) -> Result<Option<String>, Noted> {
        let Some(namespace) = self.environment.var("VAULT_NAMESPACE") else { return Ok(None) };
        if !is_word(&namespace) {
            return Err(self.spot.note(format!("the environment variable VAULT_NAMESPACE {NO_WORD}")));
        }
        Ok(Some(namespace))
    }

    fn ca_cert_file(&self) -> Result<Option<PathBuf>, Noted> {
        let Some(path) = self.environment.var("VAULT_CACERT") else { return Ok(None) };
        if !is_path(&path) {
            return Err(self.spot.note(format!("the environment variable VAULT_CACERT: {NO_PATH}")));
        }
        Ok(Some(PathBuf::from(path)))
    }

    fn token(&self) -> Reference {
        let file = self.environment.var("HOME").map(|home| Path::new(&home).join(".vault-token"));
        match (self.environment.var("VAULT_TOKEN"), file) {
            (None, Some(file)) => Reference::File(file),
            _ => Reference::Env("VAULT_TOKEN".to_owned()),
        }
    }

    fn verification(&self) -> Result<(), Noted> {
        let skip = self.environment.var("VAULT_SKIP_VERIFY").unwrap_or_default().to_ascii_lowercase();
        if matches!(skip.as_str(), "" | "0" | "f" | "false") {
            return Ok(());
        }
        let advice = "unset it, and name the CA certificate of the server in `ca_cert_file` or VAULT_CACERT";
        Err(self.spot.advise("VAULT_SKIP_VERIFY is set, but certificates are always verified", advice))
    }
}

/// Why a text is no address of Vault. The text itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
enum AddressError {
    #[error("is not an http or https URL")]
    NotAUrl,
    #[error("has a path, and Vault's API begins at the root of its server")]
    Path,
    #[error("is plain http to another machine, which sends tokens unprotected")]
    PlainHttp,
    #[error("has a `?` or a `#` in it")]
    Query,
    #[error("has a user name or password in it")]
    UserInfo,
}

impl AddressError {
    fn note(self, spot: Spot<'_>, what: &str) -> Noted {
        let message = format!("{what} {self}");
        match self {
            AddressError::NotAUrl => {
                spot.advise(message, "write it in full, as in \"https://vault.example:8200\"")
            }
            AddressError::PlainHttp => {
                spot.advise(message, "use https, or allow it with `allow_http = true`")
            }
            AddressError::Path | AddressError::Query => spot
                .advise(message, "end it after the host and the port, as in \"https://vault.example:8200\""),
            AddressError::UserInfo => {
                spot.advise(message, "leave that out; an `auth` block says how to log in")
            }
        }
    }
}

fn parse_address(text: &str, allow_http: bool) -> Result<Url, AddressError> {
    let url = Url::parse(text).map_err(|_| AddressError::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") || !is_word(text) {
        return Err(AddressError::NotAUrl);
    }
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

const METHODS: [&str; 2] = ["approle", "token"];
const TIMEOUT: Duration = Duration::from_secs(10);

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
