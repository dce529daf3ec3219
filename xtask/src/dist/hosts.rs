//! Which registry a source address without a host means: each program has its own answer.

use crate::error::{Error, Result};
use crate::mirror;
use crate::prerequisites::{self, Need};
use crate::terraform::{Project, Terraform};

/// The provider as configurations name it.
pub(super) const SOURCE: &str = "tokenferry/tokenferry";

/// The provider's address below each of these hosts; without any, below those that the programs of this machine
/// would ask.
pub(super) fn addresses(hosts: &[String]) -> Result<Vec<String>> {
    if !hosts.is_empty() {
        return hosts.iter().map(|host| address(host)).collect();
    }
    prerequisites::check(&[Need::Terraform])?;
    let mut addresses = Vec::new();
    for terraform in Terraform::all() {
        addresses.push(default_address(&terraform)?);
    }
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn address(host: &str) -> Result<String> {
    let is_host = |host: &str| {
        !host.is_empty()
            && host.chars().all(|character| character.is_alphanumeric() || "-.:".contains(character))
    };
    if is_host(host) {
        return Ok(format!("{host}/{SOURCE}"));
    }
    Err(Error::unexpected(format!(
        "`{host}` is no host: give only the name, such as `terraform.example.com`, with a port if need be"
    )))
}

/// Asks the program itself.
fn default_address(terraform: &Terraform) -> Result<String> {
    let folder = mirror::temporary_folder("tokenferry-host-")?;
    let requirement = format!(
        "terraform {{\n  required_providers {{\n    tokenferry = {{\n      source = \"{SOURCE}\"\n    }}\n  }}\n}}\n"
    );
    mirror::write(&folder.path().join("main.tf"), &requirement)?;
    Project::new(terraform, folder.path()).provider_address(SOURCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_given_are_taken_and_no_program_is_asked() {
        let given = ["terraform.example.com".to_owned(), "localhost:8443".to_owned()];
        let expected =
            ["terraform.example.com/tokenferry/tokenferry", "localhost:8443/tokenferry/tokenferry"];
        assert_eq!(addresses(&given).unwrap(), expected);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for given in ["https://terraform.example.com", "terraform.example.com/", "../up", ""] {
            let error = addresses(&[given.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("such as `terraform.example.com`"), "{error}");
        }
    }

    #[test]
    fn without_one_the_programs_of_this_machine_are_asked() {
        let found = addresses(&[]).unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.ends_with("/tokenferry/tokenferry")));
    }
}
