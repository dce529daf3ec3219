//! `cargo xtask docs`: the provider's documentation for the registry.

use clap::Args;

use crate::cargo;
use crate::error::{Error, Result};
use crate::process;
use crate::terminal::Terminal;

/// Write the provider's documentation: docs/, from its schemas and examples/.
///
/// The guides in docs/guides are written by hand; what they say of themselves goes onto the first page. Every page
/// shows the example of its name, so one without an example is an error, as is an example of nothing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Write nothing; name the files that are missing, stale or surplus, and fail if there are any.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    let mut command = cargo::command(&["run", "--locked", "--quiet", "--package", "tokenferry-docgen", "--"]);
    command.args(arguments.check.then_some("--check"));
    if !process::status(&mut command)?.success() {
        let remedy = if arguments.check { "type `cargo xtask docs`" } else { "see the message above" };
        return Err(Error::Findings(format!("the documentation is not as it should be: {remedy}")));
    }
    terminal.verdict(true, if arguments.check { "docs/ is up to date" } else { "docs/ is written" });
    Ok(())
}
