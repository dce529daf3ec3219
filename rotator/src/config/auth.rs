//! The `auth` block: how the rotator logs in at Vault.

use tokenferry_sources::Reference;
use tokenferry_vault::{
    DEFAULT_APP_ROLE_MOUNT, DEFAULT_CERT_MOUNT, DEFAULT_JWT_MOUNT, DEFAULT_KUBERNETES_MOUNT,
    DEFAULT_USERPASS_MOUNT, Kept, SERVICE_ACCOUNT_TOKEN, VaultAuth,
};

use super::document::Noted;
use super::names::{closest, did_you_mean};
use super::reader::{Block, Found, Label};
use super::value::Value;
use super::words::AUTH;

/// How to log in, and where that is if not in the namespace of everything.
pub(super) struct Login {
    pub(super) auth: VaultAuth,
    pub(super) namespace: Option<String>,
}

/// The login of a `vault` block, if there is one.
pub(super) fn login(vault: &Block<'_>) -> Result<Option<Login>, Noted> {
    let mut blocks = vault.blocks(&AUTH).into_iter();
    let mut login = blocks.next().map(|found| found.and_then(read)).transpose();
    for other in blocks {
        login = Err(match other {
            Ok(other) => {
                let noted = other.0.header.note("there is more than one `auth` block");
                drop(read(other));
                noted
            }
            Err(noted) => noted,
        });
    }
    login
}

fn read((block, labels): Found<'_, 1>) -> Result<Login, Noted> {
    let (method, header) = match labels.and_then(|[label]| method(label)) {
        Ok(method) => (method, Ok(())),
        Err(noted) => match meant(&block) {
            Some(method) => (method, Err(noted)),
            None => return Err(noted),
        },
    };
    let auth = (method.read)(&block);
    let namespace = block.optional("namespace", word);
    block.finish();
    header?;
    Ok(Login { auth: auth?, namespace: namespace? })
}

fn app_role(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_APP_ROLE_MOUNT);
    let role_id = block.required("role_id", "\"…\"", here_or_outside);
    let secret_id = block.required("secret_id", "{ file = \"/path\" }", Value::kept_outside_or_wrapped);
    let (mount, role_id) = (mount?, role_id?);
    Ok(match secret_id? {
        (secret_id, false) => VaultAuth::AppRole { mount, role_id, secret_id },
        (wrapping_token, true) => VaultAuth::WrappedAppRole { mount, role_id, wrapping_token },
    })
}

fn cert(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_CERT_MOUNT);
    let name = block.optional("name", word);
    let cert_file = block.required("cert_file", "\"/path/client.pem\"", Value::path);
    let key_file = block.required("key_file", "\"/path/client-key.pem\"", Value::path);
    Ok(VaultAuth::Cert { mount: mount?, name: name?, cert_file: cert_file?, key_file: key_file? })
}

fn jwt(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_JWT_MOUNT);
    let role = block.required("role", "\"…\"", word);
    let jwt = block.required("jwt", "{ file = \"/path\" }", Value::kept_outside);
    Ok(VaultAuth::Jwt { mount: mount?, role: role?, jwt: jwt? })
}

fn kubernetes(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_KUBERNETES_MOUNT);
    let role = block.required("role", "\"…\"", word);
    let jwt = block.optional("jwt", Value::kept_outside);
    let mounted = || Reference::File(SERVICE_ACCOUNT_TOKEN.into()).into();
    Ok(VaultAuth::Kubernetes { mount: mount?, role: role?, jwt: jwt?.unwrap_or_else(mounted) })
}

fn token(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    block.required("token", "{ env = \"NAME\" }", Value::kept_outside).map(VaultAuth::Token)
}

fn userpass(block: &Block<'_>) -> Result<VaultAuth, Noted> {
    let mount = mount(block, DEFAULT_USERPASS_MOUNT);
    let username = block.required("username", "\"…\"", username);
    let password = block.required("password", "{ file = \"/path\" }", Value::kept_outside);
    Ok(VaultAuth::Userpass { mount: mount?, username: username?, password: password? })
}

fn mount(block: &Block<'_>, default: &str) -> Result<String, Noted> {
    let mount = block.optional("mount", Value::kv_path)?;
    Ok(mount.map_or_else(|| default.to_owned(), |mount| mount.to_string()))
}

fn word(value: Value<'_>) -> Result<String, Noted> {
    value.word().map(str::to_owned)
}

/// It is no secret, and may be kept like one.
fn here_or_outside(value: Value<'_>) -> Result<Kept, Noted> {
    if value.expression.is_object() {
        return value.kept_outside();
    }
    value.word().map(|text| Kept::Here(text.into()))
}

/// It becomes a part of a path.
fn username(value: Value<'_>) -> Result<Kept, Noted> {
    if !value.expression.is_object() && value.word()?.contains('/') {
        return Err(value.spot.note("a user name of Vault has no `/` in it"));
    }
    here_or_outside(value)
}

fn method(label: Label<'_>) -> Result<&'static Method, Noted> {
    METHODS.iter().find(|method| method.name == label.text).ok_or_else(|| {
        let advice = did_you_mean(label.text, names()).unwrap_or_else(|| format!("there are {}", listed()));
        label.spot.advise("there is no such way to log in at Vault", advice)
    })
}

/// Which one a block is for whose header does not say it.
fn meant(block: &Block<'_>) -> Option<&'static Method> {
    let in_header = block.labels().find_map(|label| closest(label, names()));
    let in_header = in_header.and_then(|name| METHODS.iter().find(|method| method.name == name));
    let is_told = |method: &&Method| method.telling.iter().any(|name| block.mentions(name));
    in_header.or_else(|| METHODS.iter().find(is_told))
}

fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

fn listed() -> String {
    let quoted: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// One way to log in.
struct Method {
    name: &'static str,
    read: fn(&Block<'_>) -> Result<VaultAuth, Noted>,
    /// Attributes that stand in such a block only, or in one of those further down.
    telling: &'static [&'static str],
}

const METHODS: &[Method] = &[
    Method { name: "approle", read: app_role, telling: &["role_id", "secret_id"] },
    Method { name: "cert", read: cert, telling: &["cert_file", "key_file"] },
    Method { name: "jwt", read: jwt, telling: &["jwt"] },
    Method { name: "kubernetes", read: kubernetes, telling: &["role"] },
    Method { name: "token", read: token, telling: &["token"] },
    Method { name: "userpass", read: userpass, telling: &["password", "username"] },
];
