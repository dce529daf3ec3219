//! From the block and the environment to where Vault is and how to log in there, when that is needed.

use std::path::PathBuf;

use tfplugin::{AttributePath, Diagnostic, Diagnostics, sentence};
use tokenferry_sources::{Environment, Given, GivenFields, HttpSettings, Reference, allows_http};
use tokenferry_vault::{
    DEFAULT_APP_ROLE_MOUNT, DEFAULT_JWT_MOUNT, Kept, Surroundings, SurroundingsError, VaultAuth,
    VaultSettings, entry_path, parse_address,
};

use super::fields::{LOGINS, text};
use crate::diagnostics::not_known_yet;

/// What a login needs. The block has been checked.
///
/// # Errors
/// One message for each setting that is missing or not known yet, or that a variable has wrong.
pub(super) fn complete(
    given: &GivenFields,
    http: &HttpSettings,
    environment: &dyn Environment,
) -> Result<VaultSettings, Diagnostics> {
    let unknown: Diagnostics = unknown(given, &here()).iter().map(not_known_yet).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let surroundings = Surroundings::new(environment);
    surroundings.verification().map_err(of_variable)?;
    let address = match text(given, "address") {
        Some(address) => parse_address(address, allows_http(given)).ok(),
        None => surroundings.address(allows_http(given)).map_err(of_variable)?,
    };
    let namespace = match text(given, "namespace") {
        Some(namespace) => Some(namespace.to_owned()),
        None => surroundings.namespace().map_err(of_variable)?,
    };
    let ca_cert_file = match text(given, "ca_cert_file") {
        Some(path) => Some(PathBuf::from(path)),
        None => surroundings.ca_cert_file().map_err(of_variable)?.or_else(|| http.ca_cert_file.clone()),
    };
    Ok(VaultSettings {
        addresses: vec![address.ok_or_else(no_address)?],
        namespace,
        ca_cert_file,
        timeout: http.timeout,
        user_agent: http.user_agent.clone(),
        auth: auth(given).unwrap_or_else(|| VaultAuth::Token(surroundings.token().into())),
        auth_namespace: None,
    })
}

/// The login that is set in the block.
pub(super) fn login(given: &GivenFields) -> Option<&'static str> {
    LOGINS.into_iter().find(|name| given.contains_key(*name))
}

/// A warning where a token of the environment, or of the command line tools, goes to an address that stands in the
/// configuration.
pub(super) fn stranger(given: &GivenFields, environment: &dyn Environment) -> Option<Diagnostic> {
    let address = parse_address(text(given, "address")?, true).ok()?;
    let surroundings = Surroundings::new(environment);
    let is_same = surroundings.address(true).ok().flatten().as_ref() == Some(&address);
    if is_same || login(given).is_some() {
        return None;
    }
    let (short, long) = match surroundings.token() {
        Reference::File(path) if path.is_file() => {
            let path = path.display();
            (path.to_string(), format!("file {path}, where `vault login` and `bao login` leave it"))
        }
        Reference::Env(name) if environment.var(&name).is_some() => {
            (name.clone(), format!("environment variable {name}"))
        }
        _ => return None,
    };
    let host = address.host_str().unwrap_or_default();
    let detail = format!(
        "`vault.address` is configured, and the token comes from the {long}. If {host} may have it, say so: set \
         VAULT_ADDR to the same address, or set a login in `vault`."
    );
    let summary = format!("The token in {short} is sent to {host}");
    Some(Diagnostic::warning(summary, detail).at(here().attribute("address")))
}

fn auth(given: &GivenFields) -> Option<VaultAuth> {
    let inner = |name: &str| match given.get(name) {
        Some(Given::Map(inner)) => Some(inner),
        _ => None,
    };
    let owned = |fields: &GivenFields, name: &str| text(fields, name).unwrap_or_default().to_owned();
    let secret = |fields: &GivenFields, name: &str| match fields.get(name) {
        Some(Given::Text(secret)) => Some(Kept::Here(secret.clone())),
        _ => None,
    };
    let mount = |fields: &GivenFields, default: &str| {
        let written = text(fields, "mount").and_then(|mount| entry_path(mount).ok());
        written.unwrap_or_else(|| default.to_owned())
    };
    if let Some(token) = secret(given, "token") {
        return Some(VaultAuth::Token(token));
    }
    if let Some(path) = text(given, "token_file") {
        return Some(VaultAuth::Token(Kept::At(Reference::File(path.into()))));
    }
    if let Some(fields) = inner("approle") {
        let role_id = Kept::Here(owned(fields, "role_id").into());
        let mount = mount(fields, DEFAULT_APP_ROLE_MOUNT);
        return Some(VaultAuth::AppRole { mount, role_id, secret_id: secret(fields, "secret_id")? });
    }
    let fields = inner("jwt")?;
    let (mount, role) = (mount(fields, DEFAULT_JWT_MOUNT), owned(fields, "role"));
    Some(VaultAuth::Jwt { mount, role, jwt: secret(fields, "jwt")? })
}

/// The paths of everything that is not known yet.
fn unknown(given: &GivenFields, at: &AttributePath) -> Vec<AttributePath> {
    let paths = given.iter().map(|(name, given)| match given {
        Given::Unknown => vec![at.attribute(name)],
        Given::Map(inner) => unknown(inner, &at.attribute(name)),
        _ => Vec::new(),
    });
    paths.flatten().collect()
}

fn no_address() -> Diagnostics {
    let detail = "Nothing says where Vault is. Set `address` in the provider block's `vault` attribute, or the \
                  environment variable VAULT_ADDR.";
    Diagnostic::error("Missing `vault.address`", detail).at(here().attribute("address")).into()
}

fn of_variable(error: SurroundingsError) -> Diagnostics {
    let advice = error.advice().map(sentence).unwrap_or_default();
    let detail = format!("{} {advice}", sentence(&error.to_string()));
    let path = match error {
        SurroundingsError::Address(_) => here().attribute("address"),
        SurroundingsError::CaCertFile => here().attribute("ca_cert_file"),
        SurroundingsError::Namespace => here().attribute("namespace"),
        _ => here(),
    };
    Diagnostic::error("Invalid environment variable for Vault", detail.trim_end()).at(path).into()
}

fn here() -> AttributePath {
    AttributePath::root().attribute("vault")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn given(entries: &[(&str, Given)]) -> GivenFields {
        entries.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect()
    }

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn completed(block: &[(&str, Given)], variables: &[(&str, &str)]) -> Result<VaultSettings, Diagnostics> {
        let http = HttpSettings { timeout: Duration::from_secs(7), ..HttpSettings::default() };
        complete(&given(block), &http, &environment(variables))
    }

    #[test]
    fn the_block_goes_before_the_environment() {
        let role = given(&[("role_id", "r".into()), ("secret_id", "s".into())]);
        let block = [
            ("address", "https://one.example".into()),
            ("namespace", "one".into()),
            ("approle", Given::Map(role)),
        ];
        let variables =
            [("VAULT_ADDR", "https://two.example"), ("VAULT_NAMESPACE", "two"), ("VAULT_TOKEN", "t0ken")];
        let settings = completed(&block, &variables).unwrap();
        assert_eq!(settings.addresses[0].as_str(), "https://one.example/");
        assert_eq!((settings.namespace.as_deref(), settings.timeout.as_secs()), (Some("one"), 7));
        assert!(matches!(settings.auth, VaultAuth::AppRole { mount, .. } if mount == "approle"));
        let settings = completed(&[], &variables).unwrap();
        assert_eq!(settings.addresses[0].as_str(), "https://two.example/");
        assert_eq!(settings.namespace.as_deref(), Some("two"));
        let from_variable = Reference::Env("VAULT_TOKEN".to_owned());
        assert!(matches!(settings.auth, VaultAuth::Token(Kept::At(at)) if at == from_variable));
    }

    #[test]
    fn what_is_not_known_or_not_said_is_an_error_at_its_place() {
        let jwt = Given::Map(given(&[("role", "r".into()), ("jwt", Given::Unknown)]));
        let cases = [
            (completed(&[], &[]), "vault.address"),
            (completed(&[("address", Given::Unknown)], &[]), "vault.address"),
            (completed(&[("address", "https://one.example".into()), ("jwt", jwt)], &[]), "vault.jwt.jwt"),
        ];
        for (outcome, expected) in cases {
            let problems = outcome.unwrap_err();
            let paths: Vec<_> = problems.iter().map(|problem| problem.path().to_string()).collect();
            assert_eq!(paths, [expected]);
        }
    }

    #[test]
    fn nobody_can_switch_verification_off() {
        for value in ["1", "true", "yes"] {
            let variables = [("VAULT_ADDR", "https://two.example"), ("VAULT_SKIP_VERIFY", value)];
            let problems = completed(&[], &variables).unwrap_err();
            assert!(problems.iter().all(|problem| problem.detail().contains("VAULT_SKIP_VERIFY")));
        }
        let variables = [("VAULT_ADDR", "https://two.example"), ("VAULT_SKIP_VERIFY", "false")];
        assert!(completed(&[], &variables).is_ok());
    }

    #[test]
    fn a_token_of_the_environment_goes_to_a_configured_address_with_a_warning_only() {
        let address = ("address", Given::from("https://one.example"));
        let warned = |block: &[(&str, Given)], variables: &[(&str, &str)]| {
            stranger(&given(block), &environment(variables)).is_some()
        };
        let token = ("VAULT_TOKEN", "t0ken");
        let alone = std::slice::from_ref(&address);
        assert!(warned(alone, &[token]));
        assert!(warned(alone, &[token, ("VAULT_ADDR", "https://two.example")]));
        assert!(!warned(alone, &[token, ("VAULT_ADDR", "https://one.example/")]));
        assert!(!warned(&[address.clone(), ("token", "own".into())], &[token]));
        assert!(!warned(alone, &[]));
    }

    #[test]
    fn so_does_the_token_of_the_command_line_tools() {
        let home = std::env::temp_dir().join(format!("tokenferry-home-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let file = home.join(".vault-token");
        let home = home.display().to_string();
        let block = given(&[("address", "https://one.example".into())]);
        let warning = |variables: &[(&str, &str)]| stranger(&block, &environment(variables));
        assert!(warning(&[("HOME", &home)]).is_none(), "there is no such file");
        std::fs::write(&file, "t0ken").unwrap();
        let told = warning(&[("HOME", &home)]);
        let same = warning(&[("HOME", &home), ("VAULT_ADDR", "https://one.example")]);
        let logged_in = given(&[("address", "https://one.example".into()), ("token_file", "/t".into())]);
        let own = stranger(&logged_in, &environment(&[("HOME", &home)]));
        std::fs::remove_dir_all(&home).unwrap();
        let told = told.unwrap();
        for part in [file.display().to_string().as_str(), "one.example"] {
            assert!(told.summary().contains(part), "{}", told.summary());
        }
        assert!(same.is_none() && own.is_none());
    }

    #[test]
    fn a_variable_is_told_of_at_the_setting_that_it_stands_for() {
        let good = ("VAULT_ADDR", "https://one.example");
        for (variables, expected) in [
            (vec![("VAULT_ADDR", "one.example")], "vault.address"),
            (vec![good, ("VAULT_NAMESPACE", " team")], "vault.namespace"),
            (vec![good, ("VAULT_CACERT", "/ca\u{0}.pem")], "vault.ca_cert_file"),
            (vec![good, ("VAULT_SKIP_VERIFY", "1")], "vault"),
        ] {
            let problems = completed(&[], &variables).unwrap_err();
            let paths: Vec<_> = problems.iter().map(|problem| problem.path().to_string()).collect();
            assert_eq!(paths, [expected]);
        }
    }
}
