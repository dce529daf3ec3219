//! `cargo xtask demo`: the provider at work, on one machine and with nothing to configure.

mod leaks;
mod leave;
mod stage;

use std::time::Instant;

use clap::Args;

use crate::cargo::{self, Program};
use crate::error::{Error, Result};
use crate::prerequisites::{self, Need};
use crate::terminal::{Look, Terminal, mask};
use crate::terraform::Terraform;
use leaks::Handover;
use stage::Stage;

/// Show the provider at work: real Terraform, simulated Zscaler and Zettelstore.
///
/// Builds provider and sandbox, starts the sandbox, and lets Terraform read one-time passwords and tokens, as data
/// sources and as ephemeral resources. Then looks for the ephemeral values in state and plan file, counts the
/// logins, and plans once more. Ends by itself and leaves nothing behind; secrets are shown as their first two
/// characters.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Leave the sandbox and the project folder for trying things by hand, and print where they are.
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    let start = Instant::now();
    prerequisites::check(&[Need::CCompiler, Need::Terraform])?;
    let terraform = Terraform::find()?;
    terminal.line(&format!("tokenferry with {} and simulated issuers", terraform.describe()));

    let built = terminal.long_step("provider and sandbox built (release)", || {
        cargo::build("release", &[Program::PROVIDER, Program::SANDBOX])
    })?;
    let stage = stage::set(terminal, &terraform, &built)?;
    plan_and_apply(terminal, &stage)?;
    look_for_secrets(terminal, &stage)?;
    count_logins(terminal, &stage)?;
    plan_again(terminal, &stage)?;

    terminal.line(&terminal.paint(Look::Bold, format!("\ndone in {:.1} s", start.elapsed().as_secs_f64())));
    if arguments.keep { leave::behind(terminal, stage) } else { Ok(()) }
}

fn plan_and_apply(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Read");
    let plan = terminal.step("terraform plan", || {
        stage.project.run(&["plan", "-no-color", &format!("-out={}", stage::PLAN)])
    })?;
    for line in plan.lines().filter(|line| is_worth_showing(line)) {
        terminal.detail(line.trim());
    }
    terminal.step("terraform apply", || stage.project.run(&["apply", "-no-color", stage::PLAN]))?;
    let shown = stage.project.run(&["state", "show", "-no-color", stage::DATA_SOURCE])?;
    for line in shown.lines() {
        terminal.detail(line);
    }
    Ok(())
}

/// Of a plan: what was read, what will happen, what comes out.
fn is_worth_showing(line: &str) -> bool {
    line.contains("omplete after")
        || line.starts_with("Plan:")
        || line.starts_with("  + ") && line.contains(" = ")
}

fn look_for_secrets(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Look for the secrets");
    let handover = Handover::read(&stage.handover())?;
    let written = leaks::state(stage.project.folder())?;
    let plan = leaks::plan(&stage.project.folder().join(stage::PLAN))?;

    let mut leaked = false;
    for (name, value) in handover.values() {
        let found = leaks::found_in(value, plan.iter().chain([&written]));
        leaked |= !found.is_empty();
        let place = if found.is_empty() {
            format!("in neither the state nor the plan file ({} members unpacked)", plan.len())
        } else {
            format!("FOUND in {}", found.join(", "))
        };
        terminal.verdict(found.is_empty(), &format!("ephemeral {name} {}: {place}", mask(value)));
    }
    let stored = leaks::stored(&written, stage::DATA_SOURCE, "otp")?;
    let note = "in the state in clear text, as its documentation says";
    terminal.line(&format!(
        "{} data source OTP {}: {note}",
        terminal.paint(Look::Warning, "!"),
        mask(&stored)
    ));
    if leaked { Err(Error::Findings("an ephemeral value was written down".into())) } else { Ok(()) }
}

fn count_logins(terminal: &Terminal, stage: &Stage) -> Result {
    let counters = stage.sandbox.counters()?;
    let (zscaler, zettelstore) = (counters.logins("zscaler"), counters.logins("zettelstore"));
    terminal.heading("Count the logins");
    // Plan and apply are processes of their own, and no process logs in twice.
    let good = (zscaler, zettelstore) == (2, 2);
    terminal.verdict(
        good,
        &format!("Zscaler {zscaler}, Zettelstore {zettelstore}: one each for plan and for apply"),
    );
    if good { Ok(()) } else { Err(Error::Findings("there should be 2 logins at each system".into())) }
}

fn plan_again(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Plan once more");
    let arguments = ["plan", "-no-color", "-detailed-exitcode"];
    terminal.step("terraform plan: nothing to change", || {
        let output = stage.project.output(&arguments)?;
        if output.status.success() { Ok(()) } else { Err(stage.project.failure(&arguments, &output)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_plan_only_reads_counts_and_outputs_are_shown() {
        let shown = |line| is_worth_showing(line);
        assert!(shown("ephemeral.tokenferry_zscaler_otp.a: Opening complete after 0s"));
        assert!(shown("data.tokenferry_zscaler_otp.a: Read complete after 0s"));
        assert!(shown("Plan: 1 to add, 0 to change, 0 to destroy."));
        assert!(shown("  + zscaler = \"auth-token\""));
        assert!(!shown("data.tokenferry_zscaler_otp.a: Reading..."));
        assert!(!shown("      + id = (known after apply)"));
    }
}
