//! What to do.

use super::VaultError;
use crate::{KvPath, Operation};

impl VaultError {
    /// What to do about it. Whole sentences, for users.
    pub fn advice(&self) -> String {
        use VaultError as E;
        match self {
            E::Absent { .. } => "Check `mount` and `path`: `path` goes without `data/`.".to_owned(),
            E::AbsentField { .. } => "Check `field` for the name that the entry has.".to_owned(),
            E::BadAddress { .. } => {
                "Set `address` to scheme, host and port only: Vault's API cannot be served below a path.".to_owned()
            }
            E::BadRequest { operation: Operation::Note(at) } => format!(
                "Vault takes 64 keys of custom metadata beside an entry, and this program needs up to 9 of them: remove \
                 some of the others from {}/metadata/{}.",
                at.mount, at.path
            ),
            E::BadRequest { .. } | E::UnexpectedStatus { .. } => {
                "Check `mount` and `path`: neither begins or ends with a slash, and `path` goes \
                 without `data/`. The audit log of Vault says more."
                    .to_owned()
            }
            E::BadToken => "Check the variable or file that holds the Vault token: it must hold the token and \
                            nothing else."
                .to_owned(),
            E::CaFile { .. } => {
                "Set `ca_cert_file` to a file with the CA certificates of Vault in PEM form.".to_owned()
            }
            E::CaStore { .. } => "Install the CA certificates of the operating system, set SSL_CERT_FILE, or set \
                                  `ca_cert_file`."
                .to_owned(),
            E::CasMismatch { .. } => {
                "Find out who else writes this entry: one destination is for one rotation.".to_owned()
            }
            E::CasRequired { .. } => STRANGER.to_owned(),
            E::MalformedAnswer { .. } => format!("This does not look like Vault. {STRANGER}"),
            E::Credential { .. } => {
                "Check the variable or file that the login to Vault is kept in, and who may read it.".to_owned()
            }
            E::Forbidden { operation, token_may_be_over: true } => {
                format!("{} {}", forbidden(operation), MAY_BE_OVER)
            }
            E::Forbidden { operation, .. } => forbidden(operation),
            E::LoginRefused { .. } => login_refused(),
            E::MissingMount { operation: Operation::Login(_) } => {
                "Check `mount` of the login, and `namespace` if there is one; or enable the auth method there.".to_owned()
            }
            E::MissingMount { .. } => {
                "Check `mount`, and `namespace` if there is one; or enable the engine there.".to_owned()
            }
            E::MissingNamespace { .. } => "Check `namespace`, or create it.".to_owned(),
            E::NewerSchema { .. } => "A newer version of the rotator wrote it: run the newer version here, too.".to_owned(),
            E::NotAText { .. } => "Write a text into that field: nothing else can be sent.".to_owned(),
            E::NotKv { .. } => "Check `mount`: it must be a KV secrets engine.".to_owned(),
            E::NotOurs { field, .. } => format!(
                "Check `mount` and `path`: they must be those of a destination of the rotator. If they are, that \
                 destination renames `{field}` by `fields`: this is for entries with the names that fields have by \
                 themselves, so add a destination without `fields`."
            ),
            E::NotKv2 { .. } => "Check `mount`: it must be a KV secrets engine of version 2. One of version 1 can \
                                 be upgraded with `bao kv enable-versioning` or `vault kv enable-versioning`."
                .to_owned(),
            E::RateLimited { .. } => "Raise the rate limit quota of Vault, or run fewer writes at once."
                .to_owned(),
            E::Redirected { target, .. } => {
                format!("If {target} is a node of the same cluster, add it to `addresses`; https never leads to http.")
            }
            E::Sealed { operation } => kept("Unseal Vault.", operation),
            E::BrokenAnswer { operation, .. }
            | E::Server { operation, .. }
            | E::Standby { operation, .. }
            | E::Starting { operation, .. } => kept("Look at the log of Vault.", operation),
            E::TimedOut { .. } | E::Unreachable { .. } => {
                "Check `address`, then the network between here and Vault.".to_owned()
            }
            E::Tls { certificate: true, .. } => {
                "If Vault has a certificate of your own CA, set `ca_cert_file`. The host in `address` must be one \
                 that its certificate names."
                    .to_owned()
            }
            E::Tls { .. } => "Check that `address` begins with the right one of http and https.".to_owned(),
        }
    }
}

fn forbidden(operation: &Operation) -> String {
    match operation {
        Operation::ReadData(at)
        | Operation::ReadMetadata(at)
        | Operation::Write(at)
        | Operation::Note(at) => {
            let KvPath { mount, path, .. } = at;
            format!(
                "The token needs `create` and `update` on {mount}/data/{path}, and `create`, `read` and `update` on \
                 {mount}/metadata/{path}{there}. With `read` on the former, restarts know the token that is there.",
                there = in_namespace(at)
            )
        }
        Operation::Read(at) => {
            let KvPath { mount, path, .. } = at;
            format!(
                "The token needs `read` on {mount}/data/{path}{there}; with a KV engine of version 1, on {mount}/{path}.",
                there = in_namespace(at)
            )
        }
        _ => "Check the policies of the token that Vault gave us.".to_owned(),
    }
}

/// Policies of a namespace name paths without it; those of one that holds it, with it.
fn in_namespace(at: &KvPath) -> String {
    let named = |namespace| format!(" in the namespace {namespace}");
    at.namespace.as_deref().map(named).unwrap_or_default()
}

fn kept(advice: &str, operation: &Operation) -> String {
    match operation {
        Operation::Write(_) => {
            format!("{advice} The daemon keeps tokens that were issued meanwhile, and writes them then.")
        }
        _ => advice.to_owned(),
    }
}

fn login_refused() -> String {
    "With a token: it has ended or was revoked; put a new one in its place. With AppRole: check `role_id`, \
     `mount`, and that the secret_id has not ended, been used up or been bound to other addresses. With JWT: check \
     `role`, `mount`, and that the JWT has not ended and has the issuer, audience and subject that the role asks for."
        .to_owned()
}

const STRANGER: &str =
    "Check that `address` names a Vault or OpenBao itself, and look for proxies that change what is sent.";
const MAY_BE_OVER: &str = "If it did work before, the token has ended: put a new one in its place. With \
    `read` on auth/token/lookup-self the two can be told apart.";
