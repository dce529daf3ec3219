//! `cargo xtask`: the project's own commands.
//!
//! Everything a person or the CI types is one of these subcommands, so that both see the same thing.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "xtask has threads and child processes, not an async runtime whose time could be paused"
)]

mod bench;
mod browser;
mod cargo;
mod debian;
mod demo;
mod dist;
mod docs;
mod error;
#[cfg(test)]
mod examples;
mod handshake;
mod interrupt;
mod kubernetes;
mod leaks;
mod lint;
mod log;
mod mirror;
mod openbao;
mod package;
mod postgres;
mod prerequisites;
mod process;
mod promtool;
mod sandbox;
mod terminal;
mod terraform;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Result;
use crate::terminal::Terminal;

/// The project's own commands.
///
/// Needed: Rust, a C compiler, Python 3 with venv, terraform (1.10 or newer) or tofu (1.11 or newer) on PATH. What is
/// missing is said at once, with the remedy. OpenBao is fetched into target/tools (TOKENFERRY_BAO names another, or
/// a vault).
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Arguments),
    Demo(demo::Arguments),
    Dist(dist::Arguments),
    Docs(docs::Arguments),
    Lint(lint::Arguments),
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::stdout();
    match run(&arguments.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Terminal::stderr().error(&error);
            error.exit_code()
        }
    }
}

fn run(command: &Command, terminal: &Terminal) -> Result {
    interrupt::watch()?;
    match command {
        Command::Bench(arguments) => bench::run(arguments),
        Command::Demo(arguments) => demo::run(arguments, terminal),
        Command::Dist(arguments) => dist::run(arguments, terminal),
        Command::Docs(arguments) => docs::run(arguments, terminal),
        Command::Lint(arguments) => lint::run(arguments, terminal),
        Command::Test(arguments) => test::run(arguments, terminal),
    }
}
