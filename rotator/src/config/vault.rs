//! The `vault` block: where tokens are written, and how the rotator logs in there.

use std::path::PathBuf;
use std::time::Duration;

use tokenferry_sources::{Environment, user_agent};
use tokenferry_vault::{
    DEFAULT_APP_ROLE_MOUNT, DEFAULT_JWT_MOUNT, DEFAULT_TIMEOUT, Kept, Surroundings, SurroundingsError,
    VaultAuth, VaultSettings, parse_address,
};
use url::Url;

use super::document::{Noted, Spot};
use super::names::{closest, did_you_mean};
use super::reader::{Block, Found, Label};
use super::value::Value;
use super::words::AUTH;

/// Reads the block; what it leaves out, the environment may say.
pub(super) fn settings(
    block: Option<&Block<'_>>,
    file: Spot<'_>,
    environment: &dyn Environment,
) -> Result<VaultSettings, Noted> {
    let surroundings = Surroundings::new(environment);
    let outside = Outside { surroundings, spot: block.map_or(file, |block| block.header) };
    let verified = outside.noted(surroundings.verification());
    let Written { allow_http, addresses, namespace, ca_cert_file, timeout, auth } =
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
    Ok(VaultSettings {
        addresses: addresses?,
        namespace: namespace?,
        ca_cert_file: ca_cert_file?,
        timeout: timeout?.unwrap_or(DEFAULT_TIMEOUT),
        user_agent: user_agent(None, None),
        auth: auth?.unwrap_or_else(|| VaultAuth::Token(surroundings.token().into())),
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
        Method::Jwt => jwt(&block),
        Method::Token => {
            block.required("token", "{ env = \"NAME\" }", Value::kept_outside).map(VaultAuth::Token)
        }
    };
    block.finish();
    header.and(login)
}

fn app_role(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_APP_ROLE_MOUNT);
    let role_id = block.required("role_id", "\"…\"", role_id);
    let secret_id = block.required("secret_id", "{ file = \"/path\" }", Value::kept_outside);
    Ok(VaultAuth::AppRole { mount: mount?, role_id: role_id?, secret_id: secret_id? })
}

fn jwt(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_JWT_MOUNT);
    let role = block.required("role", "\"…\"", |value| value.word().map(str::to_owned));
    let jwt = block.required("jwt", "{ file = \"/path\" }", Value::kept_outside);
    Ok(VaultAuth::Jwt { mount: mount?, role: role?, jwt: jwt? })
}

fn mount(block: &Block<'_>, default: &str) -> Result<String, Noted> {
    let mount = block.optional("mount", Value::kv_path)?;
    Ok(mount.map_or_else(|| default.to_owned(), |mount| mount.to_string()))
}

/// It is no secret, and may be kept like one.
fn role_id(value: Value<'_>) -> Result<Kept, Noted> {
    if value.expression.is_object() {
        return value.kept_outside();
    }
    value.word().map(|text| Kept::Here(text.into()))
}

#[derive(Clone, Copy)]
enum Method {
    AppRole,
    Jwt,
    Token,
}

fn method(label: Label<'_>) -> Result<Method, Noted> {
    METHODS.iter().find(|(name, _)| *name == label.text).map(|(_, method)| *method).ok_or_else(|| {
        let names = METHODS.map(|(name, _)| name);
        let advice = did_you_mean(label.text, names)
            .unwrap_or_else(|| "there are `approle`, `jwt` and `token`".to_owned());
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
        None if block.mentions("jwt") || block.mentions("role") => Some(Method::Jwt),
        None if block.mentions("token") => Some(Method::Token),
        None => None,
    }
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

const METHODS: [(&str, Method); 3] =
    [("approle", Method::AppRole), ("jwt", Method::Jwt), ("token", Method::Token)];
