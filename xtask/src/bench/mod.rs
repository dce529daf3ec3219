//! `cargo xtask bench`: figures with which a change can be judged.

mod cluster;
mod configuration;
mod daemon;
mod handshake;
mod measures;
mod peer;
mod plans;
mod provider;
mod provider_measures;
mod report;
mod rotator;
mod starts;
mod summary;
mod tick;
mod usage;
mod watch;

use clap::{Args, Subcommand};

use self::measures::Results;
pub(crate) use self::rotator::check_load_generator;
use crate::error::Result;
use crate::terminal::Terminal;

/// Measure against the project's bars, and against others that do the same, in the same run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    Cluster(cluster::Options),
    Provider(Options),
    Rotator(rotator::Options),
}

/// Start-up, memory and plans of the provider.
///
/// Builds the provider as `cargo xtask dist` does, fetches a Go provider to compare with (with pip, into target/tools),
/// and measures both in turn. CPU time is that of the provider processes, summed over all starts of one command; walls
/// are shown for context only. The first round warms up and is dropped; shown are median, minimum and maximum. A missed
/// bar is told and is no failure: the exit code says whether everything could be measured.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Print JSON on stdout; progress goes to stderr.
    #[arg(long)]
    json: bool,

    /// Rounds that count, besides the one that warms up.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Reads in the large plan, which is made once after the rounds; 0 leaves it out.
    #[arg(long, default_value_t = 10_000)]
    reads: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result {
    match &arguments.subject {
        Subject::Cluster(options) => cluster::run(options),
        Subject::Provider(Options { json, runs, reads }) => {
            show(*json, |terminal| provider::measure(*runs, *reads, terminal)).map(drop)
        }
        Subject::Rotator(options) => rotator::run(options),
    }
}

/// Measures with progress on the screen, and reports there, or as JSON on a stdout that has nothing else.
fn show(json: bool, measure: impl FnOnce(&Terminal) -> Result<Results>) -> Result<Results> {
    let terminal = if json { Terminal::stderr() } else { Terminal::stdout() };
    let results = measure(&terminal)?;
    if json {
        report::json(&results);
    } else {
        report::table(&results, &terminal);
    }
    Ok(results)
}
