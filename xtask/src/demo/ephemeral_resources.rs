//! Second act: ephemeral resources, and the search for their values.

use super::act::Act;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::terminal::Terminal;

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Ephemeral resources: used, and gone");
    let act = Act::open(terminal, stage, "ephemeral-resources", &[])?;
    act.plan_and_apply()?;
    let came = act.handed_over()?;
    act.show(&came, 2, "one in the plan, one in the apply")?;
    show_use(terminal, stage)?;
    act.look_for_secrets(&came)?;
    act.plan_again()
}

/// Terraform hides what a provisioner says as soon as it is given an ephemeral value, so the other side has to tell:
/// the sandbox has a log of requests.
fn show_use(terminal: &Terminal, stage: &Stage) -> Result {
    let requests = stage.sandbox.requests()?;
    let used = requests.iter().rfind(|request| request.asks_whether_a_token_is_good());
    let Some(used) = used else {
        return Err(Error::unexpected("the provisioner's request has not arrived at the sandbox"));
    };
    terminal.verdict(used.is_accepted(), "the provisioner's request, as Zettelstore saw it:");
    terminal.detail(&used.to_string());
    if used.is_accepted() { Ok(()) } else { Err(Error::Findings("the token was not accepted".into())) }
}
