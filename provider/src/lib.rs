//! Terraform provider of tokenferry: access tokens and one-time passwords, as data sources and as ephemeral
//! resources. The protocol is in `tfplugin`, the logins are in `tokenferry-sources`; this crate joins the two.

mod block;
mod diagnostics;
mod fields;
mod functions;
mod kinds;
mod private;
mod provider;
mod reading;
mod rotated;
mod secrets;
mod systems;
mod token;
mod totp;
mod user_agent;
mod vault;
mod zscaler;

use std::process::ExitCode;

use tfplugin::{About, Description};

/// Runs the provider until Terraform ends it. `main` returns what this returns.
pub fn serve() -> ExitCode {
    tfplugin::serve(provider::Tokenferry, ABOUT)
}

/// Everything that the provider offers.
pub fn description() -> Description {
    Description::of(&provider::Tokenferry)
}

const ABOUT: About = About {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    address: "tokenferry/tokenferry",
    description: "Terraform provider for access tokens and one-time passwords",
    log_crates: &["terraform_provider_tokenferry", "tfplugin", "tokenferry_sources", "tokenferry_vault"],
};
