//! `tokenferry explain`.

mod answer;
mod asked;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;

use self::answer::Answer;
use super::{CommandError, Exit, load, note_unread, show};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::explain::{Known, Moment, Verdict, judge};
use crate::proof::{Claim, Proof, outage_budget, prove};
use crate::rotation::Rotation;
use crate::run::{RotationId, Standing};
use crate::runner::Detail;
use crate::scheduler::{Plan, Reckoning};

pub(super) async fn execute(cli: &Cli, arguments: &cli::Explain) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let id = app.find(&arguments.rotation)?;
    let Some(rotation) = app.rotation(id) else { return Ok(Exit::Unexpected) };
    let now = app.clock.now();
    let moment =
        arguments.at.as_deref().map(|text| Moment::parse(text, &rotation.schedule, now)).transpose()?;
    let found = if arguments.offline { Found::default() } else { look(&app, id).await };
    if let Some(error) = &found.error {
        note_unread(cli, error);
    }
    let facts = Facts::new(&app, id, Arc::clone(rotation), found, moment, now);
    match arguments.output {
        Output::Json => show(Output::Json, &Answer::from(&facts), "")?,
        Output::Table => show(Output::Table, &(), &facts)?,
    }
    Ok(if facts.found.error.is_some() { Exit::Failed } else { Exit::Fine })
}

/// What was found in Vault.
#[derive(Default)]
struct Found {
    standing: Option<Standing>,
    details: Vec<Result<Detail, VaultError>>,
    error: Option<VaultError>,
}

async fn look(app: &App, id: RotationId) -> Found {
    let Reading { mut found, error } = app.read(BTreeSet::from([id])).await;
    let details = if error.is_none() { app.runner.details(id).await } else { Vec::new() };
    Found { standing: found.remove(&id), details, error }
}

/// Everything that there is to say.
struct Facts {
    rotation: Arc<Rotation>,
    now: Timestamp,
    found: Found,
    reckoning: Option<Reckoning>,
    proof: Proof,
    /// How long nothing may work from now on.
    budget: Option<TimeDelta>,
    asked: Option<(Moment, Verdict)>,
}

impl Facts {
    fn new(
        app: &App,
        id: RotationId,
        rotation: Arc<Rotation>,
        found: Found,
        moment: Option<Moment>,
        now: Timestamp,
    ) -> Self {
        let standing = found.standing.clone();
        let scheduler =
            app.scheduler_after(&standing.into_iter().map(|standing| (id, standing)).collect(), now);
        let reckoning = scheduler.reckoning(id, now);
        // The scheduler does not believe everything that stands there.
        let living = reckoning.as_ref().and_then(|reckoning| reckoning.living);
        let claim = Claim::of(&rotation, living.as_ref());
        let asked = moment.map(|moment| (moment, verdict(&rotation, &found, &claim, moment, now)));
        Facts {
            budget: living.and_then(|living| outage_budget(&living, rotation.reader_lag, now)),
            proof: prove(&claim, now),
            rotation,
            now,
            found,
            reckoning,
            asked,
        }
    }

    /// What was read of the destinations that could be read.
    fn details(&self) -> impl Iterator<Item = &Detail> {
        self.found.details.iter().flatten()
    }
}

fn verdict(rotation: &Rotation, found: &Found, claim: &Claim, moment: Moment, now: Timestamp) -> Verdict {
    let history = found.details.iter().flatten().map(|detail| detail.history.as_slice());
    let known = Known {
        plan: Plan::from(rotation),
        standing: found.standing.as_ref(),
        // All destinations are written in one go.
        history: history.max_by_key(|history| history.len()).unwrap_or_default(),
        life: claim.life.map(|life| life.duration),
    };
    judge(&known, moment.at, now)
}
