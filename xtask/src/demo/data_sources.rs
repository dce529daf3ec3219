//! First act: data sources.

use serde_json::Value;

use super::act::Act;
use super::came;
use super::leaks;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::terminal::{Look, Terminal, mask};

/// Data sources that are looked for in the state.
const OTP: &str = "data.tokenferry_zscaler_otp.laptop";
const DEVICES: &str = "data.tokenferry_zscaler_devices.all";

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Data sources: simple, but stored");
    let act = Act::open(terminal, stage, "data-sources", &[])?;
    act.plan_and_apply()?;
    let came = came::stored(&leaks::text(&act.project().folder().join("terraform.tfstate"))?)?;
    act.show(&came, 1, "one in the plan, for all reads")?;
    let stored = leaks::state(act.project().folder())?;
    let otp = leaks::stored(&stored, OTP, "otp")?;
    let otp = otp.as_str().unwrap_or_default();
    show_devices(terminal, &leaks::stored(&stored, DEVICES, "devices")?, otp)?;
    let warning = terminal.paint(Look::Warning, "!");
    let told = "in the state in clear text, as its documentation warns";
    terminal.line(&format!("{warning} Zscaler OTP {}: {told}", mask(otp)));
    act.plan_again()
}

/// The list has the device of that one-time password, but not the password.
fn show_devices(terminal: &Terminal, devices: &Value, otp: &str) -> Result {
    let count = devices.as_array().map_or(0, Vec::len);
    let good = count > 0 && !devices.to_string().contains(otp);
    terminal.verdict(good, &format!("Zscaler devices: {count} listed, without their passwords"));
    if good { Ok(()) } else { Err(Error::Findings("the devices should be listed, and no password".into())) }
}
