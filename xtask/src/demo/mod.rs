//! `cargo xtask demo`: provider and rotator at work, on one machine and with nothing to configure.

mod act;
mod came;
mod data_sources;
mod ephemeral_resources;
mod leaks;
mod leave;
mod rotated_tokens;
mod rotator;
mod stage;

use std::time::Instant;

use clap::Args;

use crate::cargo;
use crate::error::Result;
use crate::openbao::OpenBao;
use crate::prerequisites::{self, Need};
use crate::terminal::{Look, Terminal};
use crate::terraform::Terraform;

/// Show provider and rotator at work: real Terraform and OpenBao, simulated issuers.
///
/// Builds provider, rotator and sandbox, starts the sandbox, and lets Terraform read tokens and one-time passwords of
/// every system, first as data sources, then as ephemeral resources, which a provisioner uses. Shows what came, how it
/// is sent and how long it lives, counts the logins, looks for the ephemeral values in state and plan file, and plans once
/// more.
///
/// Then starts OpenBao in memory and the rotator with an AppRole of its own, which may do no more than it needs. Shows
/// the proof of `tokenferry validate`, follows a few rotations of a short-lived token, uses it as a reader does, stops
/// the rotator and starts it again. Counts the logins, and looks for secrets in everything that the rotator printed. At
/// last Terraform reads the rotator's tokens.
///
/// Takes about 20 s once it is built. Ends by itself and leaves nothing behind; of a secret only the first two
/// characters are shown.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Leave sandbox, OpenBao, the running rotator and the two projects for trying things by hand, and print how.
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    let start = Instant::now();
    prerequisites::check(&[Need::CCompiler, Need::OpenBao, Need::Python, Need::Terraform])?;
    let terraform = Terraform::find()?;
    let openbao = OpenBao::get(terminal)?;
    let programs = format!("{} and {}", terraform.describe(), openbao.describe());
    terminal.heading(&format!("tokenferry with {programs}, issuers simulated"));
    let built = cargo::build_for_use(terminal)?;
    let stage = stage::set(terminal, terraform, openbao, &built)?;
    data_sources::play(terminal, &stage)?;
    ephemeral_resources::play(terminal, &stage)?;
    let scene = rotator::play(terminal, &stage)?;
    rotated_tokens::play(terminal, &stage, &scene)?;
    let took = format!("\ndone in {:.1} s", start.elapsed().as_secs_f64());
    terminal.line(&terminal.paint(Look::Bold, took));
    if arguments.keep { leave::behind(terminal, stage, scene) } else { Ok(()) }
}
