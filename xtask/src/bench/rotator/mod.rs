//! `cargo xtask bench rotator`: rounds that measure ours and the others' in turn, and once what very many rotations need.

mod batches;
mod load;
mod measures;
mod pairs;
mod rates;
mod rounds;
mod scale;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tempfile::TempDir;

pub(crate) use self::load::check as check_load_generator;
use self::measures::{BINARY, SECTIONS};
use self::rounds::Rounds;
use self::scale::Scale;
use super::measures::{Results, Subject, number};
use crate::cargo::{self, Program};
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::openbao::{OpenBao, Server};
use crate::prerequisites::{self, Need};
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

/// Runs, throughput, punctuality and memory of the rotator, with real OpenBao.
///
/// Builds profile dist, starts OpenBao in memory and on raft and a sandbox with thousands of users, and measures in
/// turn: the rotator, a shell script (curl, sed), a Python script (requests, hvac), and the load generator wrk. A
/// rotation is one Zettelstore login and one KV v2 write with check-and-set; entries are read back and counted. CPU
/// time is that of a program with all that it starts; walls are shown for context.
///
/// Throughput: a daemon works on more rotations than it can run in the 5 s for which it lets each of them rest, and
/// their tokens live 1 s, so that there is always one due. Every rotation had its first run, which marks the entry as
/// ours, before anything is measured. Then, in each round and for 2 s each, wrk writes the same entry over as many
/// connections as the daemon runs at once while that stands still (SIGSTOP); the shortest possible client logs in and
/// writes; and the daemon works: its log says how many runs ended well. Sandbox and OpenBao share the machine with
/// it, so their CPU time is shown, too, and the shortest client tells what they leave to anybody.
///
/// These rounds are repeated. The first warms up and is dropped; shown are median, minimum and maximum.
///
/// 10,000 rotations, once, with OpenBao in memory, 8 at once: after their first runs a daemon is started anew, reads
/// all entries, and is watched for a minute in which nothing is due. Then everything is due at once. Another daemon
/// has them due spread over ten minutes; its log says how late each run began.
///
/// A missed bar is a failure.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Print JSON on stdout; progress goes to stderr.
    #[arg(long)]
    json: bool,

    /// Rounds that count, besides the one that warms up.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Over how many seconds the due times of 10,000 rotations are spread.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(60..=3600))]
    spread: u32,

    /// Measure only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// Single runs, batches and throughput.
    Rounds,
    /// 10,000 rotations.
    Scale,
}

pub(super) fn run(options: &Options) -> Result {
    let results = super::show(options.json, |terminal| measure(options, terminal))?;
    match results.missed().len() {
        0 => Ok(()),
        count => Err(Error::Findings(format!("{count} of the rotator's bars missed"))),
    }
}

fn measure(options: &Options, terminal: &Terminal) -> Result<Results> {
    prerequisites::check(&[Need::CCompiler, Need::Curl, Need::LoadGenerator, Need::OpenBao, Need::Python])?;
    let programs = Programs::get(terminal)?;
    let context = vec![
        ("openbao", programs.openbao.describe().to_owned()),
        ("load_generator", load::get(terminal)?),
        ("python", batches::describe()),
        ("due_times", format!("spread over {} s", options.spread)),
    ];
    let mut results = Results::new(context, SECTIONS, options.runs);
    let stage = Stage::set(&programs, terminal)?;
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Rounds) {
        let mut rounds = Rounds::prepare(&stage, terminal)?;
        results.rounds(terminal, |results| rounds.round(&stage, results))?;
    }
    if wanted(Part::Scale) {
        let (program, folder, Stage { memory: server, patient: sandbox, .. }) =
            (programs.ours.as_path(), stage.folder.path(), &stage);
        let scale = Scale { program, folder, server, sandbox, terminal };
        scale.measure(options.spread, &mut results)?;
    }
    let size = fs::metadata(&programs.ours).attempt(|| "look at the rotator".into())?.len();
    results.add(BINARY, Subject::Ours, number(size) / (1024.0 * 1024.0));
    Ok(results)
}

/// What is measured, and with what.
#[derive(Debug)]
struct Programs {
    ours: PathBuf,
    sandbox: PathBuf,
    recorder: PathBuf,
    python: PathBuf,
    openbao: OpenBao,
}

impl Programs {
    fn get(terminal: &Terminal) -> Result<Self> {
        let openbao = OpenBao::get(terminal)?;
        cargo::announce_build(terminal, "rotator (dist)", "dist", "tokenferry-");
        let ours =
            terminal.long_step("rotator built (dist)", || cargo::build("dist", &[Program::ROTATOR]))?;
        // As for the demo: the sandbox alone would be built anew, with other features of what it shares.
        let sandbox = cargo::build_for_use(terminal)?;
        let recorder =
            terminal.long_step("recorder built (dev)", || cargo::build("dev", &[Program::RECORDER]))?;
        Ok(Self {
            ours: Program::ROTATOR.path(&ours)?.to_owned(),
            sandbox: Program::SANDBOX.path(&sandbox)?.to_owned(),
            recorder: Program::RECORDER.path(&recorder)?.to_owned(),
            python: batches::environment(&cargo::tools()?, terminal)?,
            openbao,
        })
    }
}

/// What all parts are measured on.
#[derive(Debug)]
struct Stage<'a> {
    programs: &'a Programs,
    /// Its tokens live an hour.
    patient: Sandbox,
    memory: Server,
    folder: TempDir,
}

impl<'a> Stage<'a> {
    fn set(programs: &'a Programs, terminal: &Terminal) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-bench-")?;
        terminal.step("OpenBao and sandbox started", || {
            let memory = Server::in_memory(programs.openbao.program(), &folder.path().join("memory"))?;
            let patient = sandbox(programs, folder.path(), "patient", scale::ROTATIONS, "3600")?;
            Ok(Self { programs, patient, memory, folder })
        })
    }
}

/// One whose tokens live so many seconds.
fn sandbox(programs: &Programs, folder: &Path, name: &str, users: u32, life: &str) -> Result<Sandbox> {
    let arguments = ["--fast", "--users", &users.to_string(), "--token-life", life];
    Sandbox::start(&programs.sandbox, &arguments, &folder.join(format!("{name}.log")))
}
