//! `cargo xtask demo`: the provider at work, on one machine and with nothing to configure.

mod act;
mod data_sources;
mod ephemeral_resources;
mod leaks;
mod leave;
mod stage;

use std::time::Instant;

use clap::Args;

use crate::cargo;
use crate::error::Result;
use crate::prerequisites::{self, Need};
use crate::terminal::{Look, Terminal};
use crate::terraform::Terraform;

/// Show the provider at work: real Terraform, simulated Zscaler and Zettelstore.
///
/// Builds provider and sandbox, starts the sandbox, and lets Terraform read one-time passwords and tokens, first as
/// data sources, then as ephemeral resources, which a provisioner uses. Looks for the ephemeral values in state and
/// plan file, counts the logins, and plans once more. Ends by itself and leaves nothing behind; of a secret only the first two characters
/// are shown.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Leave the sandbox and the two projects for trying things by hand, and print where they are.
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    let start = Instant::now();
    prerequisites::check(&[Need::CCompiler, Need::Python, Need::Terraform])?;
    let terraform = Terraform::find()?;
    terminal.heading(&format!("tokenferry with {}, issuers simulated", terraform.describe()));
    let built = cargo::build_for_use(terminal)?;
    let stage = stage::set(terminal, terraform, &built)?;
    data_sources::play(terminal, &stage)?;
    ephemeral_resources::play(terminal, &stage)?;
    let took = format!("\ndone in {:.1} s", start.elapsed().as_secs_f64());
    terminal.line(&terminal.paint(Look::Bold, took));
    if arguments.keep { leave::behind(terminal, stage) } else { Ok(()) }
}
