//! Last act: Terraform reads what the rotator keeps fresh.

use super::act::Act;
use super::rotator::Scene;
use super::stage::Stage;
use crate::error::Result;
use crate::terminal::Terminal;

pub(super) fn play(terminal: &Terminal, stage: &Stage, scene: &Scene) -> Result {
    terminal.heading("The rotator's tokens in Terraform: no login at all");
    let url = scene.vault.url();
    let reader = [("VAULT_ADDR", url.as_str()), ("VAULT_TOKEN", scene.vault.reader_token())];
    let act = Act::open(terminal, stage, "rotated-tokens", &reader)?;
    act.plan_and_apply()?;
    let came = act.handed_over()?;
    act.show(&came, 0, "only OpenBao was asked")?;
    act.look_for_secrets(&came)
}
