//! `cargo xtask bench rotator`: one round measures everything once, ours and the others' in turn.

mod batches;
mod configuration;
mod daemon;
mod load;
mod measures;
mod rates;
mod rest;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use self::batches::Batches;
use self::load::Load;
use self::measures::{BINARY, MEMORY_8, RAFT_8, RAFT_32, SECTIONS};
use self::rates::{Contest, Terms};
use self::rest::Rest;
use super::measures::{Results, Subject, number};
use crate::cargo::{self, Program};
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::openbao::{OpenBao, Server};
use crate::prerequisites::{self, Need};
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

pub(crate) use self::load::check as check_load_generator;

/// Runs, throughput and memory of the rotator, with real OpenBao.
///
/// Builds profile dist, starts OpenBao in memory and on raft and a sandbox with thousands of users, and measures in
/// turn: the rotator, a shell script (curl, sed), a Python script (requests, hvac), and the load generator wrk. A
/// rotation is one Zettelstore login and one KV v2 write with check-and-set; entries are read back and counted. CPU
/// time is that of a program with all that it starts; walls are shown for context.
///
/// Throughput: a daemon works on more rotations than it can run in the 5 s for which it lets each of them rest, and
/// their tokens live 1 s, so that there is always one due. Every rotation had its first run, which marks the entry as
/// ours, before anything is measured. Then, in each round, wrk writes the same entry for 2 s over as many connections
/// as the daemon runs at once while that stands still (SIGSTOP), and the daemon works for 2 s; its log says how many
/// runs ended well. Sandbox and OpenBao share the machine with it, so their CPU time is shown, too.
///
/// 10,000 rotations: one daemon that has done them all and waits; in each round it is watched for 4 s.
///
/// The first round warms up and is dropped; shown are median, minimum and maximum. A missed bar is a failure.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Print JSON on stdout; progress goes to stderr.
    #[arg(long)]
    json: bool,

    /// Rounds that count, besides the one that warms up.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

pub(super) fn run(options: &Options) -> Result {
    let results = super::show(options.json, |terminal| measure(options.runs, terminal))?;
    match results.missed().len() {
        0 => Ok(()),
        count => Err(Error::Findings(format!("{count} of the rotator's bars missed"))),
    }
}

fn measure(runs: u32, terminal: &Terminal) -> Result<Results> {
    prerequisites::check(&[Need::CCompiler, Need::Curl, Need::LoadGenerator, Need::OpenBao, Need::Python])?;
    let programs = Programs::get(terminal)?;
    let context = vec![
        ("openbao", programs.openbao.describe().to_owned()),
        ("load_generator", load::get(terminal)?),
        ("python", batches::describe()),
    ];
    let mut results = Results::new(context, SECTIONS, runs);
    let mut bench = Bench::prepare(programs, terminal)?;
    results.rounds(terminal, |results| bench.round(results))?;
    let program = &bench.programs.ours;
    let size = fs::metadata(program).attempt(|| format!("look at {}", program.display()))?.len();
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

/// Everything that stands between two rounds. Those who ask end before those whom they ask.
#[derive(Debug)]
struct Bench {
    batches: Batches,
    rest: Rest,
    memory_8: Contest,
    raft_8: Contest,
    raft_32: Contest,
    /// Its tokens live an hour.
    patient: Sandbox,
    /// Its tokens live a second.
    hasty: Sandbox,
    memory: Server,
    raft: Server,
    programs: Programs,
    _folder: TempDir,
}

impl Bench {
    fn prepare(programs: Programs, terminal: &Terminal) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-bench-")?;
        let at = |name: &str| folder.path().join(name);
        let sandbox = |name: &str, users: u32, life: &str| {
            let arguments = ["--fast", "--users", &users.to_string(), "--token-life", life];
            Sandbox::start(&programs.sandbox, &arguments, &at(name))
        };
        let (memory, raft, patient) = terminal.step("OpenBao and sandbox started", || {
            let bao = programs.openbao.program();
            let memory = Server::in_memory(bao, &at("memory"))?;
            Ok((memory, Server::raft(bao, &at("raft"))?, sandbox("patient.log", rest::ROTATIONS, "3600")?))
        })?;
        let Programs { ours, recorder, python, .. } = &programs;
        let batches = Batches::prepare(folder.path(), ours, recorder, python, &memory, &patient)?;
        let entry = batches::entry(&memory)?;
        let terms = terminal.step("write limits found, roughly", || {
            let terms = |name, measures, concurrency, server: &Server| -> Result<Terms> {
                let mut load = Load::prepare(folder.path(), concurrency, server.api(), &entry)?;
                let rotations = rates::rotations(load.run(rates::STRETCH, server)?.rate());
                Ok(Terms { name, measures, concurrency, rotations, load })
            };
            Ok([
                terms("memory-8", MEMORY_8, 8, &memory)?,
                terms("raft-8", RAFT_8, 8, &raft)?,
                terms("raft-32", RAFT_32, 32, &raft)?,
            ])
        })?;
        let users = terms.iter().map(|terms| terms.rotations).max().unwrap_or_default();
        let hasty = sandbox("hasty.log", users, "1")?;
        let contest = |terms: Terms, server: &Server| {
            let name = format!("first runs of {} rotations ({})", terms.rotations, terms.name);
            terminal.step(&name, || Contest::prepare(terms, ours, folder.path(), server, &hasty))
        };
        let [memory_8, raft_8, raft_32] = terms;
        let rest = terminal.step(&format!("first runs of {} rotations", rest::ROTATIONS), || {
            Rest::prepare(ours, folder.path(), &memory, &patient)
        })?;
        Ok(Self {
            batches,
            rest,
            memory_8: contest(memory_8, &memory)?,
            raft_8: contest(raft_8, &raft)?,
            raft_32: contest(raft_32, &raft)?,
            patient,
            hasty,
            memory,
            raft,
            programs,
            _folder: folder,
        })
    }

    fn round(&mut self, results: &mut Results) -> Result {
        self.batches.round(&self.memory, &self.patient, results)?;
        self.memory_8.round(&self.memory, &self.hasty, results)?;
        self.raft_8.round(&self.raft, &self.hasty, results)?;
        self.raft_32.round(&self.raft, &self.hasty, results)?;
        self.rest.round(results)
    }
}
