//! `cargo xtask bench`: figures with which a change can be judged.

mod handshake;
mod measures;
mod peer;
mod plans;
mod provider;
mod report;
mod starts;
mod summary;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::terminal::Terminal;

/// Measure against the project's bars, and against a Go provider in the same run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    Provider(Options),
}

/// Start-up, memory and plans of the provider.
///
/// Builds profile dist, fetches a Go provider to compare with (with pip, into target/tools), and measures both in
/// turn. CPU time is that of the provider processes, summed over all starts of one command; walls are shown for
/// context only. The first round warms up and is dropped; shown are median, minimum and maximum. A missed bar is
/// told and is no failure: the exit code says whether everything could be measured.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Print JSON on stdout; progress goes to stderr.
    #[arg(long)]
    json: bool,

    /// Rounds that count, besides the one that warms up.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result {
    let Subject::Provider(options) = &arguments.subject;
    let terminal = if options.json { Terminal::stderr() } else { Terminal::stdout() };
    let results = provider::measure(options.runs, &terminal)?;
    if options.json {
        report::json(&results);
    } else {
        report::table(&results, &terminal);
    }
    Ok(())
}
