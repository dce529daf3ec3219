//! What both acts do: plan, apply, count the logins, plan once more.

use std::path::PathBuf;

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

    /// Plans into a file, shows what is worth it, and applies that file.
    pub(super) fn plan_and_apply(&self) -> Result {
        let out = format!("-out={PLAN}");
        let plan = self.step("plan", || self.project.run(&["plan", "-no-color", &out]))?;
        for line in plan.lines().filter(|line| is_worth_showing(line)) {
            self.terminal.detail(line.trim());
        }
        self.step("apply", || self.project.run(&["apply", "-no-color", PLAN]))?;
        Ok(())
    }

    /// Checks how many logins each issuer has counted since the act began.
    pub(super) fn count_logins(&self, expected: u64, reason: &str) -> Result {
        let now = self.stage.sandbox.counters()?;
        let since = |system| now.logins(system) - self.before.logins(system);
        let (zscaler, zettelstore) = (since("zscaler"), since("zettelstore"));
        let good = (zscaler, zettelstore) == (expected, expected);
        let text = format!("logins counted: Zscaler {zscaler}, Zettelstore {zettelstore} ({reason})");
        self.terminal.verdict(good, &text);
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

/// Of a plan: what was read, what will happen, what comes out.
fn is_worth_showing(line: &str) -> bool {
    let read = line.contains("Read complete") || line.contains("Opening complete");
    let output = line.starts_with("  + ") && line.contains(" = ");
    read || output || line.starts_with("Plan:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_plan_only_reads_counts_and_outputs_are_shown() {
        for shown in [
            "ephemeral.tokenferry_zscaler_otp.a: Opening complete after 0s",
            "data.tokenferry_zscaler_otp.a: Read complete after 0s",
            "Plan: 1 to add, 0 to change, 0 to destroy.",
            "  + zscaler_token_sent_as = \"auth-token: …\"",
        ] {
            assert!(is_worth_showing(shown), "{shown}");
        }
        for hidden in ["data.tokenferry_zscaler_otp.a: Reading...", "      + id = (known after apply)"] {
            assert!(!is_worth_showing(hidden), "{hidden}");
        }
    }
}
