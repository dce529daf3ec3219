//! `cargo xtask bench cluster`: replicas that share the work through PostgreSQL.

mod burst;
mod chart;
mod engine;
mod failover;
mod guide;
mod measures;
mod postgres;
mod replicas;

use std::path::PathBuf;
use std::thread;

use clap::{Args, ValueEnum};

use self::engine::Engine;
use self::measures::SECTIONS;
use self::replicas::Site;
use super::configuration::Rotations;
use super::measures::Results;
use crate::cargo::{self, Program};
use crate::error::{Error, Result};
use crate::mirror;
use crate::openbao::{OpenBao, Server};
use crate::prerequisites::{self, Need};
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

/// Throughput, memory and failover of replicas, with real PostgreSQL and OpenBao.
///
/// Builds profile dist, starts PostgreSQL with its own settings (what is committed is on the disk), OpenBao in memory
/// and a sandbox with thousands of users, all on this machine.
///
/// The engine alone: one, two and three replicas, threads of one program with a runtime each, do 10,000 runs that do
/// nothing, each by way of the queue, the lock of one of 1,000 credentials, and the outcome that the leader hears of.
/// This is repeated; the first round warms up and is dropped; shown are median, minimum and maximum.
///
/// With logins, once each: 10,000 rotations that had their first run are due at once for one, two and three rotators;
/// a rotation is one Zettelstore login, one look at the entry and one KV v2 write with check-and-set. Memory is the
/// peak of the largest. Every entry is read back: a planned time has to be one new version. The sandbox counts logins
/// that overlapped with another of the same user.
///
/// Failover, with the times that the rotator has by itself: three rotators have 8 slow logins each under way; the
/// leader is killed (SIGKILL), and in another trial one that does not lead. Time runs until the others have written
/// what the dead one had begun.
///
/// A missed bar is a failure.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Print JSON on stdout; progress goes to stderr.
    #[arg(long)]
    json: bool,

    /// Rounds of empty runs that count, besides the one that warms up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Rotations that are due at once.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    rotations: u32,

    /// Measure only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,

    /// Write table and chart into docs/rotator.
    #[arg(long, conflicts_with_all = ["only", "profile", "rotations"])]
    write: bool,

    /// What is built and measured, to try the benchmark itself.
    #[arg(long, default_value = DIST, hide = true)]
    profile: String,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// The engine alone.
    Engine,
    /// All rotations due at once.
    Burst,
    /// Replicas that are killed.
    Failover,
}

pub(super) fn run(options: &Options) -> Result {
    let results = super::show(options.json, |terminal| measure(options, terminal))?;
    if options.write {
        guide::write(&results)?;
    }
    match results.missed().len() {
        0 => Ok(()),
        count => Err(Error::Findings(format!("{count} bars of replicas missed"))),
    }
}

fn measure(options: &Options, terminal: &Terminal) -> Result<Results> {
    prerequisites::check(&[Need::CCompiler, Need::OpenBao, Need::Postgres])?;
    let programs = Programs::get(&options.profile, terminal)?;
    let stage = terminal.step("PostgreSQL and OpenBao started", || Stage::set(&programs))?;
    let context = vec![
        ("postgresql", stage.postgres.describe()?),
        ("openbao", programs.openbao.describe().to_owned()),
        ("rotations", options.rotations.to_string()),
        ("concurrency", CONCURRENCY.to_string()),
        ("cores", thread::available_parallelism().map_or(1, usize::from).to_string()),
        ("profile", options.profile.clone()),
    ];
    let mut results = Results::new(context, SECTIONS, options.runs);
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Engine) {
        let (program, postgres) = (programs.engine.as_path(), &stage.postgres);
        let mut engine = Engine { program, postgres, concurrency: CONCURRENCY, databases: 0 };
        results.rounds(terminal, |results| engine.round(results))?;
    }
    if wanted(Part::Burst) {
        let rotations = Rotations::new("bench/burst", options.rotations, CONCURRENCY);
        let sandbox = stage.sandbox("burst", options.rotations)?;
        burst::measure(&stage.site(&sandbox, terminal), &rotations, &mut results)?;
    }
    if wanted(Part::Failover) {
        let sandbox = stage.sandbox("failover", failover::ROTATIONS)?;
        failover::measure(&stage.site(&sandbox, terminal), &mut results)?;
    }
    Ok(results)
}

/// What is measured, and with what.
#[derive(Debug)]
struct Programs {
    rotator: PathBuf,
    /// The rotator's example that does nothing in its runs.
    engine: PathBuf,
    sandbox: PathBuf,
    postgres: PathBuf,
    openbao: OpenBao,
}

impl Programs {
    fn get(profile: &str, terminal: &Terminal) -> Result<Self> {
        let (openbao, postgres) = (OpenBao::get(terminal)?, crate::postgres::get(terminal)?);
        let what = format!("rotator ({profile})");
        cargo::announce_build(terminal, &what, profile, "tokenferry-");
        let built = terminal.long_step(&format!("rotator built ({profile})"), || {
            let mut command = cargo::build_command(profile, &[Program::ROTATOR]);
            cargo::run_build(command.args(["--example", ENGINE.name]))
        })?;
        let sandbox = match profile {
            // As for the demo, so that it is there already.
            DIST => cargo::build_for_use(terminal)?,
            _ => cargo::build(profile, &[Program::SANDBOX])?,
        };
        Ok(Self {
            rotator: Program::ROTATOR.path(&built)?.to_owned(),
            engine: ENGINE.path(&built)?.to_owned(),
            sandbox: Program::SANDBOX.path(&sandbox)?.to_owned(),
            postgres,
            openbao,
        })
    }
}

/// What all parts are measured on. Those who ask end before those whom they ask.
#[derive(Debug)]
struct Stage<'a> {
    programs: &'a Programs,
    postgres: postgres::Server,
    openbao: Server,
    folder: tempfile::TempDir,
}

impl<'a> Stage<'a> {
    fn set(programs: &'a Programs) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-bench-")?;
        let postgres = postgres::Server::start(&programs.postgres)?;
        let openbao = Server::in_memory(programs.openbao.program(), &folder.path().join("openbao"))?;
        Ok(Self { programs, postgres, openbao, folder })
    }

    /// One whose tokens live an hour.
    fn sandbox(&self, name: &str, users: u32) -> Result<Sandbox> {
        let arguments = ["--fast", "--users", &users.to_string(), "--token-life", "3600"];
        let log = self.folder.path().join(format!("{name}-sandbox.log"));
        Sandbox::start(&self.programs.sandbox, &arguments, &log)
    }

    fn site<'s>(&'s self, sandbox: &'s Sandbox, terminal: &'s Terminal) -> Site<'s> {
        Site {
            program: &self.programs.rotator,
            folder: self.folder.path(),
            postgres: &self.postgres,
            server: &self.openbao,
            sandbox,
            terminal,
        }
    }
}

/// Runs at once in each replica; what the rotator does by itself.
const CONCURRENCY: u32 = 8;
const DIST: &str = "dist";
const ENGINE: Program = Program { package: Program::ROTATOR.package, name: "cluster" };
