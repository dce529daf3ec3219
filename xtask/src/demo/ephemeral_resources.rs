//! Second act: ephemeral resources, and the search for their values.

use super::act::Act;
use super::leaks::{self, Handover};
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::terminal::{Terminal, mask};

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Ephemeral resources: used, and gone");
    let act = Act::open(terminal, stage, "ephemeral-resources")?;
    act.plan_and_apply()?;
    show_use(terminal, stage)?;
    look_for_secrets(terminal, stage, &act)?;
    act.count_logins(2, "one in the plan, one in the apply")?;
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
    let text = format!("provisioner's request, as Zettelstore saw it: {used}");
    terminal.verdict(used.is_accepted(), &text);
    if used.is_accepted() { Ok(()) } else { Err(Error::Findings("the token was not accepted".into())) }
}

fn look_for_secrets(terminal: &Terminal, stage: &Stage, act: &Act<'_>) -> Result {
    let handover = Handover::read(&stage.handover())?;
    let mut records = leaks::plan(&act.plan_file())?;
    records.push(leaks::state(act.project().folder())?);

    let mut leaked = false;
    for (name, value) in handover.values() {
        let found = leaks::found_in(value, &records);
        let place = match found.as_slice() {
            [] => "given to the provisioner; in neither the state nor the plan file".to_owned(),
            places => format!("FOUND in {}", places.join(" and ")),
        };
        terminal.verdict(found.is_empty(), &format!("{name:<17} {}: {place}", mask(value)));
        leaked |= !found.is_empty();
    }
    if leaked { Err(Error::Findings("an ephemeral value was written down".into())) } else { Ok(()) }
}
