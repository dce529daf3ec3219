//! What to do.

use super::VaultError;
use crate::{AuthMethod, IdentityError, KvPath, Operation};

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
            E::CertificateRefused { .. } => {
                "Check that `cert_file` has not ended and comes from a CA that Vault's listener trusts; where it asks \
                 for a certificate of everybody, log in with `auth \"cert\"`."
                    .to_owned()
            }
            E::Identity { cause, .. } => identity(cause).to_owned(),
            E::LoginRefused { operation, .. } => login_refused(operation),
            E::MissingMount { operation: Operation::Login(..) } => {
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
            E::WrappedElsewhere { operation, .. } => wrapped_elsewhere(operation),
            E::WrappingTokenOver { .. } => WRAPPING_TOKEN_OVER.to_owned(),
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
                "The token needs `create`, `read` and `update` on {mount}/data/{path} and on {mount}/metadata/{path}{there}.",
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
            format!(
                "{advice} Tokens that were issued meanwhile are kept, and written then if they still serve."
            )
        }
        _ => advice.to_owned(),
    }
}

fn login_refused(operation: &Operation) -> String {
    let check = match operation {
        Operation::Login(AuthMethod::AppRole, _) => {
            "Check `role_id`, `mount`, `namespace`, and that the secret_id has not ended, been used up or been bound to other \
             addresses."
        }
        Operation::Login(AuthMethod::Cert, _) => {
            "Check `name`, `mount`, `namespace`, that the certificate has not ended and is one that the role takes, and that \
             Vault's listener has TLS and asks for certificates."
        }
        Operation::Login(AuthMethod::Jwt, _) => {
            "Check `role`, `mount`, `namespace`, and that the JWT has not ended and has the issuer, audience and subject that the \
             role asks for."
        }
        Operation::Login(AuthMethod::Kubernetes, _) => {
            "Check `role`, `mount`, `namespace`, that the role is bound to this service account and namespace, that its audience is \
             that of the token, and that Vault reaches Kubernetes and may ask it for token reviews: it refuses the login as \
             well while it cannot."
        }
        Operation::Login(AuthMethod::Userpass, _) => "Check `username`, `password`, `mount` and `namespace`.",
        _ => return "The token has ended or was revoked: put a new one in its place.".to_owned(),
    };
    let locks = matches!(operation, Operation::Login(AuthMethod::AppRole | AuthMethod::Userpass, _));
    if locks { format!("{check} {NOT_REPEATED}") } else { check.to_owned() }
}

fn identity(error: &IdentityError) -> &'static str {
    match error {
        IdentityError::Mismatch => {
            "Put the certificate and its own key there. If both are being replaced, this passes with the second one."
        }
        IdentityError::Missing(_) => {
            "Check `cert_file` and `key_file`: both are in PEM form, and the key is not encrypted."
        }
        IdentityError::OpenToAll(_) => {
            "Take the right from others with `chmod o= FILE`; in Kubernetes set `defaultMode: 0440` for the volume. If \
             somebody had the key, replace it."
        }
        IdentityError::Unreadable(_) => "Check `cert_file` and `key_file`, and who may read them.",
        IdentityError::Unusable(_) => {
            "Use an RSA key of at least 2048 bits, or one of P-256, P-384 or Ed25519."
        }
    }
}

fn wrapped_elsewhere(operation: &Operation) -> String {
    let mount = match operation {
        Operation::Unwrap(mount) => mount,
        _ => "MOUNT",
    };
    format!(
        "Somebody may have intercepted the secret_id and wrapped it, or another one, anew: do not use it before that is \
         cleared up. If it was a slip, wrap the answer of auth/{mount}/role/NAME/secret-id, and check `mount`."
    )
}

const NOT_REPEATED: &str = "It is not repeated at once, lest an account is locked; one that is locked already takes \
    the right login only after a while.";
const WRAPPING_TOKEN_OVER: &str = "Put a new one there. A wrapping token serves once: after a restart of this program, \
    or if Vault's answer got lost, it is used up. If this is its first use, somebody else may have unwrapped it and have the secret_id now: \
    destroy that one, and look into the audit log of Vault for sys/wrapping/unwrap.";
const STRANGER: &str =
    "Check that `address` names a Vault or OpenBao itself, and look for proxies that change what is sent.";
const MAY_BE_OVER: &str = "If it did work before, the token has ended: put a new one in its place. With \
    `read` on auth/token/lookup-self the two can be told apart.";
