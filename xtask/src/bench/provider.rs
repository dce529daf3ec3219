//! The provider's benchmark: one round measures everything once, ours and the peer's in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::measures::{Measure, Results, Subject, number};
use super::starts::{Recorded, Starts};
use super::usage::{mebibytes, milliseconds};
use super::watch::Watch;
use super::{handshake, peer, plans, provider_measures as measures};
use crate::cargo::{self, Program};
use crate::dist;
use crate::error::{Attempt, Result};
use crate::mirror;
use crate::prerequisites::{self, Need};
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;
use crate::terraform::{Project, Terraform};

/// Measures one warm-up round and `runs` rounds that count, and one plan with so many `reads` if there are any.
pub(super) fn measure(runs: u32, reads: u32, terminal: &Terminal) -> Result<Results> {
    prerequisites::check(&[Need::CCompiler, Need::Python, Need::Terraform])?;
    let terraform = Terraform::find()?;
    let programs = Programs::get(terminal)?;
    let bench = Bench::prepare(&terraform, programs, reads)?;
    let context = vec![("terraform", terraform.describe()), ("peer", peer::describe())];
    let sections = if reads > 0 { measures::SECTIONS } else { measures::ROUNDS_ONLY };
    let mut results = Results::new(context, sections, runs);
    results.rounds(terminal, |results| bench.round(results))?;
    bench.sizes(&mut results)?;
    if reads > 0 {
        let name = format!("one plan with {reads} reads");
        terminal.step(&name, || bench.large_plan(reads, &mut results))?;
    }
    Ok(results)
}

/// What is measured, and with what.
#[derive(Debug)]
struct Programs {
    ours: PathBuf,
    peer: PathBuf,
    recorder: PathBuf,
    sandbox: PathBuf,
}

impl Programs {
    fn get(terminal: &Terminal) -> Result<Self> {
        let ours = dist::provider(terminal)?;
        // As for the demo: the sandbox alone would be built anew, with other features of what it shares.
        let sandbox = cargo::build_for_use(terminal)?;
        let recorder =
            terminal.long_step("recorder built (dev)", || cargo::build("dev", &[Program::RECORDER]))?;
        let fetch = format!("{} at hand", peer::describe());
        Ok(Self {
            ours,
            peer: terminal.step(&fetch, || peer::fetch(&cargo::tools()?))?,
            recorder: Program::RECORDER.path(&recorder)?.to_owned(),
            sandbox: Program::SANDBOX.path(&sandbox)?.to_owned(),
        })
    }
}

/// Everything that stands between two rounds.
#[derive(Debug)]
struct Bench {
    programs: Programs,
    ours: Peer,
    peer: Peer,
    plan_0: Project,
    plan_1: Project,
    plan_1_mirror: Project,
    plan_many: Project,
    plan_large: Project,
    sandbox: Sandbox,
    folder: TempDir,
}

/// What a plan with many reads did.
#[derive(Debug)]
struct Many {
    wall: Duration,
    starts: Starts,
    logins: u64,
    connections: u64,
}

/// One of the two providers, behind the recorder.
#[derive(Debug)]
struct Peer {
    recorded: Recorded,
    schema: Project,
}

impl Bench {
    fn prepare(terraform: &Terraform, programs: Programs, reads: u32) -> Result<Self> {
        let folder = mirror::temporary_folder("tokenferry-bench-")?;
        let at = |name: &str| folder.path().join(name);
        let sandbox = Sandbox::start(&programs.sandbox, &["--fast"], &at("sandbox.log"))?;
        // The sandbox knows few devices; the plan needs a hundred.
        sandbox.answer_always("/zscaler/papi/public/v1/getOtp", &one_time_passwords())?;

        let access = sandbox.access();
        let file = Program::PROVIDER.name;
        let ours = Recorded::install(&at("ours"), file, &programs.ours, &programs.recorder)?;
        let theirs = Recorded::install(&at("peer"), peer::FILE, &programs.peer, &programs.recorder)?;
        let overrides = [("tokenferry/tokenferry", ours.folder()), ("local/workato", theirs.folder())];
        let overrides = mirror::dev_overrides(folder.path(), &overrides)?;

        let with_overrides = |mut project: Project| {
            project.set("TF_CLI_CONFIG_FILE", overrides.clone());
            project
        };
        let schema = |name, source| {
            plans::schema_only(terraform, &at(&format!("schema-{name}")), name, source).map(with_overrides)
        };
        Ok(Self {
            ours: Peer { recorded: ours, schema: schema("tokenferry", "tokenferry/tokenferry")? },
            peer: Peer { recorded: theirs, schema: schema("workato", "local/workato")? },
            plan_0: with_overrides(plans::without_provider(terraform, &at("plan-0"))?),
            plan_1: with_overrides(plans::reads(terraform, &at("plan-1"), access, 1)?),
            plan_1_mirror: from_mirror(
                plans::reads(terraform, &at("plan-mirror"), access, 1)?,
                &programs.ours,
            )?,
            plan_many: with_overrides(plans::reads(terraform, &at("plan-many"), access, plans::MANY)?),
            plan_large: with_overrides(plans::reads(terraform, &at("plan-large"), access, reads)?),
            programs,
            sandbox,
            folder,
        })
    }

    fn round(&self, results: &mut Results) -> Result {
        self.handshakes(results)?;
        self.schemas(results)?;
        self.plans(results)
    }

    fn handshakes(&self, results: &mut Results) -> Result {
        for (subject, program) in
            [(Subject::Ours, &self.programs.ours), (Subject::GoProvider, &self.programs.peer)]
        {
            let seen = handshake::once(program, self.folder.path())?;
            results.add(measures::HANDSHAKE_CPU, subject, milliseconds(seen.cpu));
            results.add(measures::HANDSHAKE_WALL, subject, milliseconds(seen.wall));
            results.add(measures::HANDSHAKE_RSS, subject, mebibytes(seen.rss_kib));
            results.add(measures::HANDSHAKE_PEAK, subject, mebibytes(seen.peak_rss_kib));
        }
        Ok(())
    }

    fn schemas(&self, results: &mut Results) -> Result {
        for (subject, peer) in [(Subject::Ours, &self.ours), (Subject::GoProvider, &self.peer)] {
            peer.schema.run(&["providers", "schema", "-json"])?;
            let Starts { cpu_ms, wall_ms, .. } = peer.recorded.take()?;
            results.add(measures::SCHEMA_CPU, subject, cpu_ms);
            results.add(measures::SCHEMA_WALL, subject, wall_ms);
        }
        Ok(())
    }

    fn plans(&self, results: &mut Results) -> Result {
        let mut add = |measure: Measure, value: f64| results.add(measure, Subject::Ours, value);
        add(measures::PLAN_0_WALL, milliseconds(plan(&self.plan_0)?));
        add(measures::PLAN_1_MIRROR_WALL, milliseconds(plan(&self.plan_1_mirror)?));

        add(measures::PLAN_1_WALL, milliseconds(plan(&self.plan_1)?));
        let Starts { count, cpu_ms, .. } = self.ours.recorded.take()?;
        add(measures::PLAN_1_CPU, cpu_ms);
        add(measures::PLAN_STARTS, f64::from(count));

        let many = self.many(&self.plan_many)?;
        add(measures::PLAN_100_WALL, milliseconds(many.wall));
        add(measures::PLAN_100_CPU, many.starts.cpu_ms);
        add(measures::PLAN_100_RSS, mebibytes(many.starts.peak_rss_kib));
        add(measures::PLAN_100_LOGINS, number(many.logins));
        add(measures::PLAN_100_CONNECTIONS, number(many.connections));
        Ok(())
    }

    /// Whether memory, descriptors and logins stay the same however many reads there are.
    fn large_plan(&self, reads: u32, results: &mut Results) -> Result {
        let watch = Watch::start(&self.ours.recorded.program(Program::PROVIDER.name));
        let many = self.many(&self.plan_large);
        let descriptors = watch.end();
        let Many { wall, starts, logins, connections } = many?;

        let mut add = |measure: Measure, value: f64| results.add(measure, Subject::Ours, value);
        add(measures::LARGE_READS, f64::from(reads));
        add(measures::LARGE_READ_CPU, starts.cpu_ms / f64::from(reads));
        add(measures::LARGE_RSS, mebibytes(starts.peak_rss_kib));
        add(measures::LARGE_DESCRIPTORS, f64::from(descriptors));
        add(measures::LARGE_LOGINS, number(logins));
        add(measures::LARGE_CONNECTIONS, number(connections));
        add(measures::LARGE_WALL, wall.as_secs_f64());
        Ok(())
    }

    fn many(&self, project: &Project) -> Result<Many> {
        let before = self.sandbox.counters()?;
        let wall = plan(project)?;
        let after = self.sandbox.counters()?;
        Ok(Many {
            wall,
            starts: self.ours.recorded.take()?,
            logins: after.logins("zscaler") - before.logins("zscaler"),
            // One of them is the second look at the counters.
            connections: after.connections() - before.connections() - 1,
        })
    }

    fn sizes(&self, results: &mut Results) -> Result {
        for (subject, program) in
            [(Subject::Ours, &self.programs.ours), (Subject::GoProvider, &self.programs.peer)]
        {
            let size = fs::metadata(program).attempt(|| format!("look at {}", program.display()))?.len();
            results.add(measures::BINARY, subject, number(size) / (1024.0 * 1024.0));
        }
        Ok(())
    }
}

/// Lets a project take the provider from a mirror, as users have it: Terraform then hashes it at each command.
fn from_mirror(mut project: Project, program: &Path) -> Result<Project> {
    let address = project.provider_address("tokenferry/tokenferry")?;
    let config = mirror::filesystem_mirror(project.folder(), &address, program)?;
    project.set("TF_CLI_CONFIG_FILE", config);
    project.run(&["init"])?;
    Ok(project)
}

/// Plans once and returns the wall time.
fn plan(project: &Project) -> Result<Duration> {
    let start = Instant::now();
    project.run(&["plan", "-no-color", "-lock=false"])?;
    Ok(start.elapsed())
}

/// An answer with as many passwords as a live device has.
fn one_time_passwords() -> serde_json::Value {
    json!({
        "exitOtp": "a1b2c3d4e5", "logoutOtp": "f6g7h8i9j0", "revertOtp": "k1l2m3n4o5", "uninstallOtp": "p6q7r8s9t0",
        "zdpDisableOtp": "u1v2w3x4y5", "zdxDisableOtp": "z6a7b8c9d0", "ziaDisableOtp": "e1f2g3h4i5",
        "zpaDisableOtp": "j6k7l8m9n0",
    })
}
