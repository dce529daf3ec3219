//! First act: data sources.

use super::act::Act;
use super::leaks;
use super::stage::Stage;
use crate::error::Result;
use crate::terminal::{Look, Terminal, mask};

/// The data source whose state is shown.
const SHOWN: &str = "data.tokenferry_zscaler_otp.laptop";

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Data sources: simple, but stored");
    let act = Act::open(terminal, stage, "data-sources")?;
    act.plan_and_apply()?;
    for line in act.project().run(&["state", "show", "-no-color", SHOWN])?.lines() {
        terminal.detail(line);
    }
    let otp = leaks::stored(&leaks::state(act.project().folder())?, SHOWN, "otp")?;
    let warning = terminal.paint(Look::Warning, "!");
    let told = "in the state in clear text, as its documentation warns";
    terminal.line(&format!("{warning} Zscaler OTP {}: {told}", mask(&otp)));
    act.count_logins(1, "one in the plan, for all reads")?;
    act.plan_again()
}
