//! Rotations of the ordinary kind: one, and two hundred; by the rotator and by what people write in its place.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::measures::{
    DAEMON_PARALLEL_WALL, DAEMON_RSS, DAEMON_SEQUENCE_WALL, ONCE_CPU, ONCE_RSS, ONCE_WALL, PARALLEL_CPU,
    PARALLEL_RSS, PARALLEL_WALL, SEQUENCE_CPU, SEQUENCE_WALL, VERSION_CPU,
};
use crate::bench::configuration::{self, Rotations};
use crate::bench::daemon::Daemon;
use crate::bench::measures::{Measure, Results, Subject};
use crate::bench::starts::{Recorded, Starts};
use crate::bench::usage::{self, mebibytes};
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::openbao::Server;
use crate::prerequisites::python;
use crate::process;
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

/// As many rotations as the greater batch has.
const MANY: u32 = 200;

/// At once, in the parallel batch.
const PARALLEL: u32 = 8;

/// The entry that single rotations write.
const ONE: &str = "bench/one/user-1";

/// Longer than a daemon takes for its first runs.
const PATIENCE: Duration = Duration::from_mins(1);

const REQUIREMENTS: &str = include_str!("scripts/requirements.txt");

/// What the Python script needs, for the report.
pub(super) fn describe() -> String {
    let wanted = REQUIREMENTS.lines().filter_map(|line| line.split_once(' ').map(|(package, _)| package));
    wanted
        .filter(|package| ["hvac", "requests"].iter().any(|name| package.starts_with(name)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// An interpreter with what the Python script needs, made once below `tools`.
pub(super) fn environment(tools: &Path, terminal: &Terminal) -> Result<PathBuf> {
    let folder = tools.join("bench-python").join(describe().replace(' ', "-"));
    let interpreter = folder.join("bin/python");
    let works = || process::stdout(Command::new(&interpreter).args(["-c", "import hvac, requests"]));
    if !interpreter.is_file() || works().is_err() {
        terminal.step(&format!("Python environment made ({})", describe()), || {
            process::stdout(Command::new(python()).args(["-m", "venv", "--clear"]).arg(&folder))?;
            let wanted = mirror::write(&folder.join("requirements.txt"), REQUIREMENTS)?;
            let mut pip = Command::new(&interpreter);
            pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", "--require-hashes"]);
            process::stdout(pip.arg("--requirement").arg(wanted))
        })?;
    }
    Ok(interpreter)
}

/// What the rotator wrote: there once batches are prepared.
pub(super) fn entry(server: &Server) -> Result<Value> {
    let mut answer = server.api().call("GET", &format!("secret/data/{ONE}"), None)?;
    Ok(answer["data"]["data"].take())
}

/// Everything that does batches, on one server.
#[derive(Debug)]
pub(super) struct Batches {
    folder: PathBuf,
    program: PathBuf,
    ours: Recorded,
    python: Recorded,
    shell: Recorded,
    shell_batch: Recorded,
    environment: Vec<(&'static str, String)>,
    /// How many there were: each writes where nothing is yet.
    count: u32,
}

impl Batches {
    pub(super) fn prepare(
        folder: &Path,
        program: &Path,
        recorder: &Path,
        interpreter: &Path,
        server: &Server,
        sandbox: &Sandbox,
    ) -> Result<Self> {
        let script = |name: &str, text: &str| -> Result<Recorded> {
            let file = mirror::write(&folder.join(name), text)?;
            fs::set_permissions(&file, Permissions::from_mode(0o755))
                .attempt(|| format!("make {name} a program"))?;
            Recorded::install(&folder.join(format!("{name}-recorded")), name, &file, recorder)
        };
        let python = format!("#!{}\n{}", interpreter.display(), include_str!("scripts/rotate.py"));
        let batches = Self {
            ours: Recorded::install(&folder.join("ours"), OURS, program, recorder)?,
            python: script(PYTHON, &python)?,
            shell: script(SHELL, include_str!("scripts/rotate.sh"))?,
            shell_batch: script(SHELL_BATCH, include_str!("scripts/batch.sh"))?,
            environment: configuration::environment(sandbox.access(), server.api()),
            folder: folder.to_owned(),
            program: program.to_owned(),
            count: 0,
        };
        batches.configure("bench/one", 1, 1, server, sandbox)?;
        batches.once(ONE_CONFIGURATION)?;
        Ok(batches)
    }

    pub(super) fn round(&mut self, server: &Server, sandbox: &Sandbox, results: &mut Results) -> Result {
        self.single(server, results)?;
        for (parallel, wall, cpu) in
            [(1, SEQUENCE_WALL, SEQUENCE_CPU), (PARALLEL, PARALLEL_WALL, PARALLEL_CPU)]
        {
            self.many(parallel, (wall, cpu), server, sandbox, results)?;
        }
        self.ours.run(OURS, &["--version"], &self.environment)?;
        results.add(VERSION_CPU, Subject::Ours, self.ours.take()?.cpu_ms);
        Ok(())
    }

    /// One rotation whose entry is there, by each; every one has to have written.
    fn single(&self, server: &Server, results: &mut Results) -> Result {
        for subject in [Subject::Ours, Subject::ShellScript, Subject::PythonScript] {
            let before = server.api().version(ONE);
            let version = before.to_string();
            let starts = match subject {
                Subject::ShellScript => {
                    self.shell.run(SHELL, &["user-1", "bench/one", &version], &self.environment)?;
                    self.shell.take()?
                }
                Subject::PythonScript => {
                    self.python.run(PYTHON, &["1", "1", "bench/one", &version], &self.environment)?;
                    self.python.take()?
                }
                _ => self.once(ONE_CONFIGURATION)?,
            };
            if server.api().version(ONE) != before + 1 {
                return Err(Error::unexpected(format!("the {} did not write once", subject.name())));
            }
            results.add(ONCE_CPU, subject, starts.cpu_ms);
            results.add(ONCE_WALL, subject, starts.wall_ms);
            results.add(ONCE_RSS, subject, mebibytes(starts.peak_rss_kib));
        }
        Ok(())
    }

    /// Two hundred first rotations by each, `once` and daemon.
    fn many(
        &mut self,
        parallel: u32,
        (wall, cpu): (Measure, Measure),
        server: &Server,
        sandbox: &Sandbox,
        results: &mut Results,
    ) -> Result {
        self.count += 1;
        let batch = self.count;
        let entries = |whose: &str| format!("bench/{whose}-{batch}");
        let (count, threads) = (MANY.to_string(), parallel.to_string());

        let file = self.configure(&entries("once"), MANY, parallel, server, sandbox)?;
        let ours = self.once(&file)?;
        self.shell_batch.run(
            SHELL_BATCH,
            &[&count, &threads, &entries("shell"), &self.folder.join(SHELL).display().to_string()],
            &self.environment,
        )?;
        let shell = self.shell_batch.take()?;
        self.python.run(PYTHON, &[&count, &threads, &entries("python"), "0"], &self.environment)?;
        let python = self.python.take()?;
        self.daemon(&entries("daemon"), parallel, server, sandbox, results)?;

        for whose in ["once", "shell", "python", "daemon"] {
            let found = server.api().count(&entries(whose));
            if found != MANY as usize {
                return Err(Error::unexpected(format!("{}: {found} entries, not {MANY}", entries(whose))));
            }
        }
        for (subject, starts) in
            [(Subject::Ours, ours), (Subject::ShellScript, shell), (Subject::PythonScript, python)]
        {
            results.add(wall, subject, starts.wall_ms / 1000.0);
            results.add(cpu, subject, starts.cpu_ms / f64::from(MANY));
            if parallel == PARALLEL {
                results.add(PARALLEL_RSS, subject, mebibytes(starts.peak_rss_kib));
            }
        }
        Ok(())
    }

    /// The daemon with rotations that have no entry yet, from its start to the end of the last run.
    fn daemon(
        &self,
        entries: &str,
        parallel: u32,
        server: &Server,
        sandbox: &Sandbox,
        results: &mut Results,
    ) -> Result {
        let file = self.folder.join(self.configure(entries, MANY, parallel, server, sandbox)?);
        let begun = Instant::now();
        let mut daemon = Daemon::start(&self.program, &file, &self.environment)?;
        daemon.wait_for(MANY.into(), PATIENCE)?;
        let took = begun.elapsed().as_secs_f64();
        if parallel == PARALLEL {
            results.add(DAEMON_PARALLEL_WALL, Subject::Ours, took);
            let memory = usage::memory(daemon.process())?;
            results.add(DAEMON_RSS, Subject::Ours, mebibytes(memory.peak_rss_kib));
        } else {
            results.add(DAEMON_SEQUENCE_WALL, Subject::Ours, took);
        }
        Ok(())
    }

    /// Writes a configuration and returns its name.
    fn configure(
        &self,
        entries: &str,
        rotations: u32,
        concurrency: u32,
        server: &Server,
        sandbox: &Sandbox,
    ) -> Result<String> {
        let rotations = Rotations::new(entries, rotations, concurrency);
        let text = rotations.text(sandbox.access(), server.api());
        let name = format!("{}.hcl", entries.replace('/', "-"));
        mirror::write(&self.folder.join(&name), &text)?;
        Ok(name)
    }

    fn once(&self, configuration: &str) -> Result<Starts> {
        let file = self.folder.join(configuration).display().to_string();
        self.ours.run(OURS, &["--config", &file, "once", "--force"], &self.environment)?;
        self.ours.take()
    }
}

const ONE_CONFIGURATION: &str = "bench-one.hcl";
const OURS: &str = "tokenferry";
const PYTHON: &str = "rotate.py";
const SHELL: &str = "rotate.sh";
const SHELL_BATCH: &str = "batch.sh";
