//! `cargo xtask test`: every test, with real Terraform and real OpenBao, and one line that sums up.

use std::env;
use std::path::Path;
use std::time::Instant;

use clap::Args;

use crate::browser;
use crate::cargo::{self, Program};
use crate::error::{Error, Result};
use crate::kubernetes;
use crate::leaks;
use crate::openbao::{self, OpenBao};
use crate::postgres;
use crate::prerequisites::{self, Need};
use crate::process;
use crate::promtool;
use crate::terminal::{Look, Terminal};
use crate::terraform::{self, Terraform};

/// Run every test, with real Terraform and real OpenBao.
///
/// Builds provider, rotator and sandbox (profile release), fetches OpenBao once, then runs `cargo test --workspace`
/// with TOKENFERRY_BIN_DIR naming the folder with the programs. Nothing is skipped: a test whose server is missing fails.
/// Then looks for every secret that tests planted, or were issued, in every log and reply that they left (in
/// target/leaks), in plain, as bytes, and in base64, hexadecimal and URL encoding; without a filter, a search that had too
/// little to find fails. The last lines are "N passed, N failed", the sum over all test programs, what came of the
/// search, and the time it took.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Only tests whose names contain this text.
    filter: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    let start = Instant::now();
    prerequisites::check(&[
        Need::Browser,
        Need::CCompiler,
        Need::KubernetesSchemas,
        Need::OpenBao,
        Need::Postgres,
        Need::Promtool,
        Need::Systemd,
        Need::Terraform,
    ])?;
    let terraform = Terraform::find()?;
    let openbao = OpenBao::get(terminal)?;
    let (driver, promtool) = (browser::get(terminal)?, promtool::get(terminal)?);
    let postgres = postgres::get(terminal)?;
    kubernetes::get(terminal)?;
    prerequisites::SYSTEMD.get(terminal)?;
    terminal.line(&format!("tests with {} and {}", terraform.describe(), openbao.describe()));
    let built = cargo::build_for_use(terminal)?;
    let folder = Program::PROVIDER.path(&built)?.parent().unwrap_or(Path::new("."));

    cargo::announce_build(terminal, "tests (dev)", "debug", "whole_program-");
    let records = leaks::begin()?;
    let mut count = Count::default();
    let mut command = cargo::command(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    command
        .args(&arguments.filter)
        .env("TOKENFERRY_BIN_DIR", folder)
        .env(tokenferry_leaks::FOLDER, records.folder())
        // Tests of whole programs wait far more than they compute.
        .env("RUST_TEST_THREADS", env::var("RUST_TEST_THREADS").unwrap_or_else(|_| "8".to_owned()))
        .env(openbao::VARIABLE, openbao.program())
        .env(postgres::VARIABLE, postgres)
        .env(terraform::VARIABLE, terraform.program())
        .env(browser::VARIABLE, driver)
        .env(promtool::VARIABLE, promtool);
    let status = process::lines(&mut command, |line| {
        count.read(line);
        terminal.line(line);
    })?;
    count.report(terminal);
    let searched = leaks::search(terminal, &records, status.success() && arguments.filter.is_none());
    terminal.line(&format!("total time {:.1} s", start.elapsed().as_secs_f64()));
    match (status.success(), count.failed) {
        (true, _) => count.check(arguments.filter.as_deref()).and(searched),
        (false, 0) => Err(Error::Findings("not all tests could run: see the messages above".into())),
        (false, _) => Err(Error::Findings("some tests failed".into())),
    }
}

/// What the test programs said of themselves.
#[derive(Debug, Default, Eq, PartialEq)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
    failures: Vec<String>,
}

impl Count {
    /// Takes in one line of output: a failed test, or the summary of one test program.
    fn read(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
        if let Some(summary) = line.strip_prefix("test result: ") {
            self.passed += number_before(summary, " passed");
            self.failed += number_before(summary, " failed");
            self.ignored += number_before(summary, " ignored");
        }
    }

    /// A filter that lets no test through was mistyped.
    fn check(&self, filter: Option<&str>) -> Result {
        match filter {
            Some(filter) if self.passed + self.failed + self.ignored == 0 => {
                Err(Error::Findings(format!("no test's name contains `{filter}`, so nothing was tested")))
            }
            _ => Ok(()),
        }
    }

    fn report(&self, terminal: &Terminal) {
        terminal.line("");
        for name in &self.failures {
            terminal.verdict(false, name);
        }
        if self.ignored > 0 {
            terminal.line(&terminal.paint(Look::Warning, format!("{} ignored", self.ignored)));
        }
        terminal.line(&format!("{} passed, {} failed", self.passed, self.failed));
    }
}

fn number_before(summary: &str, word: &str) -> u64 {
    let before = summary.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_all_test_programs_are_added() {
        let mut count = Count::default();
        for line in [
            "test tls::a_stranger_is_refused ... FAILED",
            "test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: ok. 30 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 4.02s",
        ] {
            count.read(line);
        }
        let failures = vec!["tls::a_stranger_is_refused".to_owned()];
        assert_eq!(count, Count { passed: 42, failed: 1, ignored: 2, failures });
    }

    #[test]
    fn a_filter_that_matches_nothing_is_an_error() {
        let found = Count { passed: 1, ..Count::default() };
        assert!(found.check(Some("login")).is_ok() && Count::default().check(None).is_ok());
        let error = Count::default().check(Some("nosuchtest")).unwrap_err();
        assert!(error.to_string().starts_with("no test's name contains `nosuchtest`"));
    }
}
