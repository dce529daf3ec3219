//! Reattach mode: a person starts the provider, perhaps in a debugger, and Terraform uses the running process.

use serde_json::json;

use super::About;
use super::listener::Address;

/// What the user has to set for Terraform. On standard output stands that line alone, so that a shell can use it.
pub(super) fn announcement(about: &About, address: &Address) -> String {
    // Without `Test`, Terraform 1.11 panics with protocol 6, and it would end the process after its first command.
    let reattach = json!({
        about.address: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": address.network(), "String": address.to_string() },
        }
    });
    format!("TF_REATTACH_PROVIDERS='{reattach}'\n")
}

/// What the person should know, for standard error: no log level hides it.
pub(super) fn advice(about: &About) -> String {
    format!(
        "{}: serving until interrupted. Set the line below where Terraform runs; `terraform init` is not needed.\n\
         Warning: the connection is not encrypted. Its socket lies in a directory that only this user can enter.\n",
        about.name
    )
}
