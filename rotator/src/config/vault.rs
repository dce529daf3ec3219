//! The `vault` block: where tokens are written, and how the rotator logs in there.

use std::path::PathBuf;
use std::time::Duration;

use tokenferry_sources::{Environment, user_agent};
use tokenferry_vault::{
    DEFAULT_TIMEOUT, Surroundings, SurroundingsError, VaultAuth, VaultSettings, parse_address,
};
use url::Url;

use super::auth::{self, Login};
use super::document::{Noted, Spot};
use super::reader::Block;
use super::value::Value;

/// Reads the block; what it leaves out, the environment may say.
pub(super) fn settings(
    block: Option<&Block<'_>>,
    file: Spot<'_>,
    environment: &dyn Environment,
) -> Result<VaultSettings, Noted> {
    let surroundings = Surroundings::new(environment);
    let outside = Outside { surroundings, spot: block.map_or(file, |block| block.header) };
    let verified = outside.noted(surroundings.verification());
    let Written { allow_http, addresses, namespace, ca_cert_file, timeout, login } =
        block.map(written).unwrap_or_default();
    let addresses = match addresses {
        Ok(Addresses { first: None, others }) => outside
            .address(!matches!(allow_http, Ok(None | Some(false))))
            .map(|first| distinct(first, others)),
        Ok(Addresses { first: Some(first), others }) => Ok(distinct(first, others)),
        Err(noted) => Err(noted),
    };
    let namespace = or_else(namespace, || outside.noted(surroundings.namespace()));
    let ca_cert_file = or_else(ca_cert_file, || outside.noted(surroundings.ca_cert_file()));
    verified?;
    allow_http?;
    let from_outside = || Login { auth: VaultAuth::Token(surroundings.token().into()), namespace: None };
    let addresses = addresses?;
    let plain = addresses.iter().any(|address| address.scheme() == "http");
    let Login { auth, namespace: auth_namespace } = login?.unwrap_or_else(from_outside);
    if plain && matches!(auth, VaultAuth::Cert { .. }) {
        let message = "`auth \"cert\"` shows a TLS certificate, and plain http has none";
        return Err(outside.spot.advise(message, "use https, for the addresses of all nodes"));
    }
    Ok(VaultSettings {
        addresses,
        namespace: namespace?,
        ca_cert_file: ca_cert_file?,
        timeout: timeout?.unwrap_or(DEFAULT_TIMEOUT),
        user_agent: user_agent(None, None),
        auth,
        auth_namespace,
    })
}

/// Notes what is wrong in a block that is one too many.
pub(super) fn check(block: &Block<'_>) {
    drop(written(block));
}

/// What the block says.
struct Written {
    allow_http: Result<Option<bool>, Noted>,
    addresses: Result<Addresses, Noted>,
    namespace: Result<Option<String>, Noted>,
    ca_cert_file: Result<Option<PathBuf>, Noted>,
    timeout: Result<Option<Duration>, Noted>,
    login: Result<Option<Login>, Noted>,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            allow_http: Ok(None),
            addresses: Ok(Addresses::default()),
            namespace: Ok(None),
            ca_cert_file: Ok(None),
            timeout: Ok(None),
            login: Ok(None),
        }
    }
}

#[derive(Default)]
struct Addresses {
    first: Option<Url>,
    others: Vec<Url>,
}

fn written(block: &Block<'_>) -> Written {
    let allow_http = block.optional("allow_http", Value::flag);
    Written {
        addresses: addresses(block, !matches!(allow_http, Ok(None | Some(false)))),
        namespace: block.optional("namespace", |value| value.word().map(str::to_owned)),
        ca_cert_file: block.optional("ca_cert_file", Value::path),
        timeout: block.optional("timeout", Value::some_time),
        login: auth::login(block),
        allow_http,
    }
}

fn or_else<T>(
    written: Result<Option<T>, Noted>,
    outside: impl FnOnce() -> Result<Option<T>, Noted>,
) -> Result<Option<T>, Noted> {
    written?.map_or_else(outside, |written| Ok(Some(written)))
}

fn addresses(block: &Block<'_>, allow_http: bool) -> Result<Addresses, Noted> {
    let address = |value: Value<'_>| {
        parse_address(value.text()?, allow_http)
            .map_err(|error| value.spot.advise(format!("`{}` {error}", value.name), error.advice()))
    };
    let first = block.optional("address", address);
    let others = block.optional("addresses", |value| {
        value.list()?.map(address).collect::<Vec<_>>().into_iter().collect::<Result<Vec<Url>, Noted>>()
    });
    Ok(Addresses { others: others?.unwrap_or_default(), first: first? })
}

/// Each node counts once.
fn distinct(first: Url, others: Vec<Url>) -> Vec<Url> {
    let mut addresses = vec![first];
    for other in others {
        if !addresses.contains(&other) {
            addresses.push(other);
        }
    }
    addresses
}

/// What the environment says where the file says nothing; the spot is the place that could have said it.
struct Outside<'a> {
    surroundings: Surroundings<'a>,
    spot: Spot<'a>,
}

impl Outside<'_> {
    fn address(&self, allow_http: bool) -> Result<Url, Noted> {
        self.noted(self.surroundings.address(allow_http))?.ok_or_else(|| {
            let advice = "write `vault { … }` with `address = \"https://…\"` in it, or set VAULT_ADDR";
            self.spot.advise("nothing says where Vault is", advice)
        })
    }

    fn noted<T>(&self, read: Result<T, SurroundingsError>) -> Result<T, Noted> {
        read.map_err(|error| self.spot.tell(error.to_string(), error.advice().map(str::to_owned)))
    }
}
