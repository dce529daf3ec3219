//! `cargo xtask lint`: everything that can be found without running a test.

mod crates;
mod files;

use std::process::Command;

use clap::Args;

use crate::cargo;
use crate::error::{Error, Result};
use crate::prerequisites::{self, Need};
use crate::process;
use crate::terminal::{Look, Terminal};
use crate::terraform::Terraform;

/// Check formatting, lints, docs and the project's own rules.
///
/// cargo fmt, clippy and doc with warnings as errors; terraform fmt for the examples; no crate that the project
/// keeps out; a true rust-version; no machine paths and no registry hosts in tracked files. All checks run, then
/// all findings are told.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {}

/// What one check found.
#[derive(Debug, Default)]
struct Findings {
    problems: Vec<String>,
    warnings: Vec<String>,
}

type Check = (&'static str, fn() -> Result<Findings>);

const CHECKS: [Check; 8] = [
    ("formatting (cargo fmt)", formatting),
    ("formatting of examples (terraform fmt)", formatting_of_examples),
    ("words that do not belong into the repository", files::words),
    ("length of Rust files", files::lengths),
    ("crates that are kept out", crates::kept_out),
    ("rust-version is true", crates::rust_version),
    ("lints (cargo clippy)", lints),
    ("docs (cargo doc)", docs),
];

pub(crate) fn run(_: &Arguments, terminal: &Terminal) -> Result {
    prerequisites::check(&[Need::CCompiler, Need::Terraform])?;
    let mut failed = 0;
    for (name, check) in CHECKS {
        let start = std::time::Instant::now();
        let findings = check()?;
        terminal.outcome(name, findings.problems.is_empty(), start.elapsed());
        for problem in &findings.problems {
            terminal.detail(problem);
        }
        for warning in &findings.warnings {
            terminal.detail(&format!("{} {warning}", terminal.paint(Look::Warning, "warning:")));
        }
        failed += usize::from(!findings.problems.is_empty());
    }
    match failed {
        0 => Ok(()),
        _ => Err(Error::Findings(format!("{failed} of {} checks failed", CHECKS.len()))),
    }
}

fn formatting() -> Result<Findings> {
    passes(&mut cargo::command(&["fmt", "--all", "--check", "--", "-l"]), "type `cargo fmt --all`")
}

fn formatting_of_examples() -> Result<Findings> {
    let terraform = Terraform::find()?;
    let mut command = Command::new(terraform.program());
    command.args(["fmt", "-check", "-diff", "-recursive", "examples"]).current_dir(cargo::root());
    passes(
        command.env_remove("TF_CLI_CONFIG_FILE"),
        &format!("type `{} fmt -recursive examples`", terraform.name()),
    )
}

fn lints() -> Result<Findings> {
    let mut command = cargo::command(&["clippy", "--locked", "--workspace", "--all-targets", "--quiet"]);
    passes(command.args(["--", "-D", "warnings"]), "see clippy's messages above")
}

fn docs() -> Result<Findings> {
    let mut command = cargo::command(&["doc", "--locked", "--workspace", "--no-deps", "--quiet"]);
    passes(command.env("RUSTDOCFLAGS", "-D warnings"), "see rustdoc's messages above")
}

/// Runs a program that tells its own findings; `remedy` is ours.
fn passes(command: &mut Command, remedy: &str) -> Result<Findings> {
    let passed = process::status(command)?.success();
    let problems = if passed { Vec::new() } else { vec![remedy.to_owned()] };
    Ok(Findings { problems, ..Findings::default() })
}
