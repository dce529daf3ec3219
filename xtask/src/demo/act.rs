//! What both acts do: plan, apply, show what came and what it cost, plan once more.

use std::path::PathBuf;

use super::came::{self, Came};
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::sandbox::Counters;
use crate::terminal::Terminal;
use crate::terraform::Project;

/// The plan file's name.
const PLAN: &str = "demo.tfplan";

/// One example on the stage.
#[derive(Debug)]
pub(super) struct Act<'stage> {
    terminal: &'stage Terminal,
    stage: &'stage Stage,
    project: Project,
    before: Counters,
}

impl<'stage> Act<'stage> {
    /// Prepares the example `examples/demo/NAME` with `init`.
    pub(super) fn open(terminal: &'stage Terminal, stage: &'stage Stage, name: &str) -> Result<Self> {
        let project = stage.project(name)?;
        let act = Self { terminal, stage, project, before: stage.sandbox.counters()? };
        act.step("init", || act.project.run(&["init", "-no-color"]))?;
        Ok(act)
    }

    /// A step named after what is run.
    fn step<T>(&self, subcommand: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.terminal.step(&format!("{} {subcommand}", self.stage.terraform.name()), work)
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    pub(super) fn plan_file(&self) -> PathBuf {
        self.project.folder().join(PLAN)
    }

    /// Plans into a file, and applies that file.
    pub(super) fn plan_and_apply(&self) -> Result {
        let out = format!("-out={PLAN}");
        self.step("plan", || self.project.run(&["plan", "-no-color", &out]))?;
        self.step("apply", || self.project.run(&["apply", "-no-color", PLAN]))?;
        Ok(())
    }

    /// Shows what came, and checks how many logins each issuer has counted since the act began.
    pub(super) fn show(&self, came: &[Came], expected: u64, reason: &str) -> Result {
        let now = self.stage.sandbox.counters()?;
        let logins = |system: &str| now.logins(system) - self.before.logins(system);
        for line in came::table(came, logins) {
            self.terminal.detail(&line);
        }
        let good =
            came.iter().filter_map(|one| one.counted.as_deref()).all(|system| logins(system) == expected);
        self.terminal.verdict(good, &format!("logins counted by each system: {expected} ({reason})"));
        if good {
            return Ok(());
        }
        Err(Error::Findings(format!("each system should have counted {expected}: {reason}")))
    }

    /// Plans again and expects no change.
    pub(super) fn plan_again(&self) -> Result {
        let arguments = ["plan", "-no-color", "-detailed-exitcode"];
        self.step("plan, once more: no changes", || {
            let output = self.project.output(&arguments)?;
            if output.status.success() { Ok(()) } else { Err(self.project.failure(&arguments, &output)) }
        })
    }
}
