//! Second act: ephemeral resources, and the search for their values.

use super::act::Act;
use super::came::{self, Came};
use super::leaks;
use super::stage::Stage;
use crate::error::{Error, Result};
use crate::terminal::Terminal;

pub(super) fn play(terminal: &Terminal, stage: &Stage) -> Result {
    terminal.heading("Ephemeral resources: used, and gone");
    let act = Act::open(terminal, stage, "ephemeral-resources")?;
    act.plan_and_apply()?;
    let came = came::read(&leaks::text(&stage.handover())?)?;
    act.show(&came, 2, "one in the plan, one in the apply")?;
    show_use(terminal, stage)?;
    look_for_secrets(terminal, &came, &act)?;
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

/// In the state and in the plan file, in every form in which a secret may be written down.
fn look_for_secrets(terminal: &Terminal, came: &[Came], act: &Act<'_>) -> Result {
    let mut records = leaks::plan(&act.plan_file())?;
    records.push(leaks::state(act.project().folder())?);
    let secrets: Vec<_> = came.iter().filter_map(Came::secret).collect();
    let found = leaks::find(&secrets, &records)?;
    for leak in &found {
        terminal.verdict(false, leak);
    }
    if found.is_empty() {
        let text = format!("{} of these values: in neither the state nor the plan file", secrets.len());
        terminal.verdict(true, &text);
        return Ok(());
    }
    Err(Error::Findings("an ephemeral value was written down".into()))
}
