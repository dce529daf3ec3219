//! First act: data sources.

use super::act::Act;
use super::came;
use super::leaks;
use super::stage::Stage;
use crate::error::Result;
use crate::terminal::{Look, Terminal, mask};

/// The data source that is looked for in the state.
const SHOWN: &str = "data.tokenferry_zscaler_otp.laptop";

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Data sources: simple, but stored");
    let act = Act::open(terminal, stage, "data-sources", &[])?;
    act.plan_and_apply()?;
    let came = came::stored(&leaks::text(&act.project().folder().join("terraform.tfstate"))?)?;
    act.show(&came, 1, "one in the plan, for all reads")?;
    let otp = leaks::stored(&leaks::state(act.project().folder())?, SHOWN, "otp")?;
    let warning = terminal.paint(Look::Warning, "!");
    let told = "in the state in clear text, as its documentation warns";
    terminal.line(&format!("{warning} Zscaler OTP {}: {told}", mask(&otp)));
    act.plan_again()
}
