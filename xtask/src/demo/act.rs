//! What all acts of Terraform do: plan, apply, show what came and what it cost, plan once more.

use super::came::{self, Came};
use super::leaks;
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
    /// Prepares the example `examples/demo/NAME` with `init`, with these variables besides those that all have.
    pub(super) fn open(
        terminal: &'stage Terminal,
        stage: &'stage Stage,
        name: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let mut project = stage.project(name)?;
        for (name, value) in variables {
            project.set(name, value);
        }
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

    /// Plans into a file, and applies that file.
    pub(super) fn plan_and_apply(&self) -> Result {
        let out = format!("-out={PLAN}");
        self.step("plan", || self.project.run(&["plan", "-no-color", &out]))?;
        self.step("apply", || self.project.run(&["apply", "-no-color", PLAN]))?;
        Ok(())
    }

    /// Shows what came, and checks how many logins each issuer has counted for each credential since the act began.
    pub(super) fn show(&self, came: &[Came], expected: u64, reason: &str) -> Result {
        let now = self.stage.sandbox.counters()?;
        let logins = |system: &str| now.logins(system) - self.before.logins(system);
        for line in came::table(came, logins) {
            self.terminal.detail(&line);
        }
        let right = |system| logins(system) == expected * came::credentials(came, system);
        let good = came.iter().filter_map(|one| one.counted.as_deref()).all(right);
        self.terminal.verdict(good, &format!("logins counted: {expected} for each credential ({reason})"));
        if good {
            return Ok(());
        }
        Err(Error::Findings(format!("each credential should have cost {expected} logins: {reason}")))
    }

    /// What the example gave into other hands.
    pub(super) fn handed_over(&self) -> Result<Vec<Came>> {
        came::read(&leaks::text(&self.stage.handover())?)
    }

    /// Looks for what came in the state and in the plan file, in every form in which a secret may be written down.
    pub(super) fn look_for_secrets(&self, came: &[Came]) -> Result {
        let mut records = leaks::plan(&self.project.folder().join(PLAN))?;
        records.push(leaks::state(self.project.folder())?);
        let secrets: Vec<_> = came.iter().filter_map(Came::secret).collect();
        let found = leaks::find(&secrets, &records)?;
        for leak in &found {
            self.terminal.verdict(false, leak);
        }
        if found.is_empty() {
            let text = format!("{} of these values: in neither the state nor the plan file", secrets.len());
            self.terminal.verdict(true, &text);
            return Ok(());
        }
        Err(Error::Findings("an ephemeral value was written down".into()))
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
