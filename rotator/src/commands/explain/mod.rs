//! `tokenferry explain`.

mod answer;
mod asked;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;

use self::answer::Answer;
use super::destinations;
use super::{CommandError, Exit, asks_vault, load, note_unread, replicas, show};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::explain::{Known, Moment, Verdict, judge};
use crate::proof::{Claim, Proof, outage_budget, prove};
use crate::rotation::{Destination, Rotation};
use crate::run::{RotationId, Standing};
use crate::runner::{Detail, Objection};
use crate::scheduler::{Held, Plan, Reckoning};

pub(super) async fn execute(cli: &Cli, arguments: &cli::Explain) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let id = app.find(&arguments.rotation)?;
    let Some(rotation) = app.rotation(id) else { return Ok(Exit::Unexpected) };
    let now = app.clock.now();
    let moment =
        arguments.at.as_deref().map(|text| Moment::parse(text, &rotation.schedule, now)).transpose()?;
    let asks = asks_vault(cli, &app, arguments.offline);
    let found = if asks { look(&app, id).await } else { Found::default() };
    let is_shared =
        if arguments.offline { Exit::Fine } else { replicas::tell_whether_any_leads(cli, &app).await };
    if let Some(error) = &found.error {
        note_unread(cli, &app.vault, error);
    }
    let facts = Facts::new(&app, id, Arc::clone(rotation), found, moment, now);
    match arguments.output {
        Output::Json => show(Output::Json, &Answer::from(&facts), "")?,
        Output::Table => show(Output::Table, &(), &facts)?,
    }
    Ok(if facts.found.error.is_some() { Exit::Failed } else { is_shared })
}

/// What was found in Vault.
#[derive(Default)]
struct Found {
    standing: Option<Standing>,
    /// Others that share a rate or a login with it.
    others: BTreeMap<RotationId, Standing>,
    details: Vec<(Destination, Result<Detail, VaultError>)>,
    error: Option<VaultError>,
}

impl Found {
    /// What stands in the way of every run, if that is so at all destinations.
    fn barrier(&self) -> Option<&Objection> {
        let details = self.details.iter().map(|(_, detail)| detail.as_ref().ok());
        let mut objections = details.map(|detail| detail?.objection.as_ref());
        let first = objections.next()??;
        objections.all(|objection| objection.is_some()).then_some(first)
    }

    /// What stands in the way at some destination.
    fn hindrance(&self) -> Option<String> {
        self.details.iter().find_map(|(_, detail)| match detail {
            Ok(detail) => detail.objection.as_ref().map(|objection| objection.what.clone()),
            Err(error) => Some(error.to_string()),
        })
    }
}

async fn look(app: &App, id: RotationId) -> Found {
    let Reading { mut found, error } = app.read_with_neighbours(BTreeSet::from([id])).await;
    let (standing, others) = (found.remove(&id), found);
    let details = if error.is_none() { app.runner.details(id).await } else { Vec::new() };
    Found { standing, others, details, error }
}

/// Everything that there is to say.
struct Facts {
    rotation: Arc<Rotation>,
    now: Timestamp,
    found: Found,
    reckoning: Option<Reckoning>,
    /// What it waits for on purpose.
    held: Option<Held>,
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
        let mut known = found.others.clone();
        known.extend(found.standing.clone().map(|standing| (id, standing)));
        let scheduler = app.scheduler_after(&known, now);
        let reckoning = scheduler.reckoning(id, now);
        // The scheduler does not believe everything that stands there.
        let living = reckoning.as_ref().and_then(|reckoning| reckoning.living);
        let place = id.0 as usize;
        let seen = |index| living.as_ref().filter(|_| index == place);
        let mut claims = Claim::of_all(&app.config.rotations, seen, now);
        let claim = claims.swap_remove(place);
        let asked = moment.map(|moment| (moment, verdict(&rotation, &found, &claim, moment, now)));
        let held = destinations::held(
            scheduler.held(id, now),
            scheduler.next(id).is_some() && found.hindrance().is_some(),
        );
        let held_until = held.and_then(|held| held.until);
        Facts {
            budget: living.and_then(|living| outage_budget(&living, rotation.reader_lag, held_until, now)),
            held,
            proof: prove(&claim, now),
            rotation,
            now,
            found,
            reckoning,
            asked,
        }
    }
}

fn verdict(rotation: &Rotation, found: &Found, claim: &Claim, moment: Moment, now: Timestamp) -> Verdict {
    let read = found.details.iter().filter_map(|(_, detail)| detail.as_ref().ok());
    let history = read.map(|detail| detail.history.as_slice());
    let known = Known {
        plan: Plan::from(rotation),
        standing: found.standing.as_ref(),
        // All destinations are written in one go.
        history: history.max_by_key(|history| history.len()).unwrap_or_default(),
        life: claim.life.map(|life| life.duration),
    };
    judge(&known, moment.at, now)
}
