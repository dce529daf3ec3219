//! The `vault` block: where tokens are written, and how the rotator logs in there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokenferry_sources::Environment;
use url::Url;

use super::address::parse_address;
use super::document::{Noted, Spot};
use super::names::{closest, did_you_mean};
use super::path::entry_path;
use super::reader::{Block, Found, Label};
use super::value::{NO_PATH, NO_WORD, Value, is_path, is_word};
use super::words::AUTH;
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
    let Written { allow_http, addresses, namespace, ca_cert_file, timeout, auth } =
        block.map(written).unwrap_or_default();
    let addresses = match addresses {
        Ok(Addresses { first: None, others }) => outside
            .address(!matches!(allow_http, Ok(None | Some(false))))
            .map(|first| distinct(first, others)),
        Ok(Addresses { first: Some(first), others }) => Ok(distinct(first, others)),
        Err(noted) => Err(noted),
    };
    let namespace = or_else(namespace, || outside.namespace());
    let ca_cert_file = or_else(ca_cert_file, || outside.ca_cert_file());
    verified?;
    allow_http?;
    Ok(VaultSettings {
        addresses: addresses?,
        namespace: namespace?,
        ca_cert_file: ca_cert_file?,
        timeout: timeout?.unwrap_or(TIMEOUT),
        auth: auth?.unwrap_or_else(|| VaultAuth::Token(outside.token())),
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
    auth: Result<Option<VaultAuth>, Noted>,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            allow_http: Ok(None),
            addresses: Ok(Addresses::default()),
            namespace: Ok(None),
            ca_cert_file: Ok(None),
            timeout: Ok(None),
            auth: Ok(None),
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
        auth: auth(block),
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
            .map_err(|error| error.note(value.spot, &format!("`{}`", value.name)))
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

fn auth(block: &Block<'_>) -> Result<Option<VaultAuth>, Noted> {
    let mut blocks = block.blocks(&AUTH).into_iter();
    let mut auth = blocks.next().map(|found| found.and_then(login)).transpose();
    for other in blocks {
        auth = Err(match other {
            Ok(other) => {
                let noted = other.0.header.note("there is more than one `auth` block");
                drop(login(other));
                noted
            }
            Err(noted) => noted,
        });
    }
    auth
}

fn login((block, labels): Found<'_, 1>) -> Result<VaultAuth, Noted> {
    let (method, header) = match labels.and_then(|[label]| method(label)) {
        Ok(method) => (method, Ok(())),
        Err(noted) => match meant(&block) {
            Some(method) => (method, Err(noted)),
            None => return Err(noted),
        },
    };
    let login = match method {
        Method::AppRole => app_role(&block),
        Method::Token => {
            block.required("token", "{ env = \"NAME\" }", Value::reference).map(VaultAuth::Token)
        }
    };
    block.finish();
    header.and(login)
}

fn app_role(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = block.optional("mount", |value| {
        entry_path(value.text()?).map_err(|error| value.spot.note(format!("`mount` {error}")))
    });
    let role_id = block.required("role_id", "\"…\"", Value::setting);
    let secret_id = block.required("secret_id", "{ file = \"/path\" }", Value::reference);
    let mount = mount?.unwrap_or_else(|| "approle".to_owned());
    Ok(VaultAuth::AppRole { mount, role_id: role_id?, secret_id: secret_id? })
}

#[derive(Clone, Copy)]
enum Method {
    AppRole,
    Token,
}

fn method(label: Label<'_>) -> Result<Method, Noted> {
    METHODS.iter().find(|(name, _)| *name == label.text).map(|(_, method)| *method).ok_or_else(|| {
        let names = METHODS.map(|(name, _)| name);
        let advice =
            did_you_mean(label.text, names).unwrap_or_else(|| "there are `approle` and `token`".to_owned());
        label.spot.advise("there is no such way to log in at Vault", advice)
    })
}

/// Which one a block is for whose header does not say it.
fn meant(block: &Block<'_>) -> Option<Method> {
    let names = METHODS.map(|(name, _)| name);
    let in_header = block.labels().find_map(|label| closest(label, names));
    let in_header = in_header.and_then(|name| METHODS.into_iter().find(|(known, _)| *known == name));
    match in_header {
        Some((_, method)) => Some(method),
        None if block.mentions("secret_id") || block.mentions("role_id") => Some(Method::AppRole),
        None if block.mentions("token") => Some(Method::Token),
        None => None,
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

const METHODS: [(&str, Method); 2] = [("approle", Method::AppRole), ("token", Method::Token)];
const TIMEOUT: Duration = Duration::from_secs(10);
