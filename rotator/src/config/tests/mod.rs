mod cluster;
mod errors;
mod fingerprint;
mod loading;
mod logins;
mod masking;
mod mutations;
mod pieces;
mod publishing;
mod settings;
pub(super) mod structures;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Config, ConfigErrors};

const EXAMPLE: &str = include_str!("../../../../examples/rotator/tokenferry.hcl");

fn variables(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Reads one file, with Vault's address from outside.
fn parse(text: &str) -> Result<Config, ConfigErrors> {
    let environment = variables(&[("VAULT_ADDR", "https://vault.example")]);
    Config::parse(vec![(PathBuf::from("t.hcl"), text.to_owned())], &environment)
}

fn problems(text: &str) -> ConfigErrors {
    parse(text).expect_err("there should be a problem")
}

/// `line:column message`, one for each problem.
fn lines(errors: &ConfigErrors) -> Vec<String> {
    let place =
        |problem: &super::Problem| problem.place.map_or_else(String::new, |place| format!("{place} "));
    errors.iter().map(|problem| format!("{}{}", place(problem), problem.message)).collect()
}

/// A source and a rotation that are right, to add mistakes to.
const RIGHT: &str = r#"
source "zettelstore" "notes" {
  username = "anna"
  password = { env = "ZETTELSTORE_PASSWORD" }
}
rotation "notes" {
  source   = "zettelstore.notes"
  schedule = "0 * * * *"
  destination {
    mount = "secret"
    path  = "notes"
  }
}
"#;
