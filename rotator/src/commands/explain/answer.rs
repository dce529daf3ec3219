//! The answer for machines: all numbers, and the sentences.

use chrono::TimeDelta;
use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};
use tokenferry_vault::VaultError;

use super::Facts;
use super::asked::Asked;
use super::text::{decided_by, headline};
use crate::commands::state::State;
use crate::meaning::meaning;
use crate::rotation::RenewBefore;
use crate::run::Class;
use crate::runner::Detail;
use crate::schedule::Schedule;
use crate::scheduler::{Next, Obstacle, Reckoning};

/// Everything that there is to say about a rotation.
#[derive(Serialize)]
pub(super) struct Answer {
    rotation: String,
    source: String,
    now: String,
    summary: String,
    state: &'static str,
    at_risk: bool,
    destinations: Vec<Destination>,
    next_run: Option<Run>,
    decided_by: &'static str,
    /// What stands in the way of a run, as the scheduler names it, and until when.
    waits_for: Option<&'static str>,
    waits_until: Option<String>,
    schedule: Ticks,
    expiry: Option<Expiry>,
    failure: Option<Failure>,
    readers: Readers,
    proof: Proven,
    outage_budget_seconds: Option<i64>,
    survive_outage_seconds: u64,
    asked: Option<Asked>,
    error: Option<String>,
}

#[derive(Default, Serialize)]
struct Destination {
    #[serde(rename = "destination")]
    entry: String,
    version: Option<u64>,
    issued_at: Option<String>,
    expires_at: Option<String>,
    life_seconds: Option<i64>,
    life_left_seconds: Option<i64>,
    written_at: Option<String>,
    writer: Option<String>,
    serial: Option<u64>,
    occurrence: Option<String>,
    /// What keeps it from being read or written, and what to do about it.
    failure_class: Option<String>,
    error: Option<String>,
    advice: Option<String>,
}

/// A run to come.
#[derive(Serialize)]
pub(super) struct Run {
    at: String,
    local: String,
    in_seconds: i64,
    reason: &'static str,
    occurrence: String,
}

#[derive(Serialize)]
struct Ticks {
    expression: String,
    time_zone: &'static str,
    next_tick: Option<String>,
    next_tick_local: Option<String>,
    spread_seconds: u64,
    offset_seconds: Option<u64>,
    begins_at: Option<String>,
}

#[derive(Serialize)]
struct Expiry {
    life_seconds: u64,
    renew_before: String,
    renew_before_seconds: u64,
    planned_at: String,
    offset_seconds: u64,
    begins_at: String,
}

#[derive(Serialize)]
struct Failure {
    class: String,
    meaning: &'static str,
    advice: &'static str,
    at: String,
    count: u32,
    until: String,
    lifted_by: &'static str,
    login_changed: bool,
    force_helps: bool,
}

#[derive(Serialize)]
struct Readers {
    reader: Option<&'static str>,
    lag_seconds: u64,
    why: Option<&'static str>,
}

#[derive(Serialize)]
struct Proven {
    verdict: &'static str,
    outage_budget_seconds: Option<i64>,
    explanation: String,
}

impl From<&Facts> for Answer {
    fn from(facts: &Facts) -> Self {
        let Facts { rotation, now, found, reckoning, proof, .. } = facts;
        let reckoning = reckoning.as_ref();
        Answer {
            rotation: rotation.name.to_string(),
            source: rotation.source.name.to_string(),
            now: rfc3339(*now),
            summary: headline(facts),
            state: state(facts).name(),
            at_risk: state(facts).is_alive() && facts.budget.is_some_and(|budget| budget < TimeDelta::zero()),
            destinations: found
                .details
                .iter()
                .map(|(at, detail)| destination(at.to_string(), detail, *now))
                .collect(),
            next_run: reckoning
                .and_then(|reckoning| reckoning.next)
                .map(|next| Run::new(&next, &rotation.schedule, *now)),
            decided_by: decided_by(facts),
            waits_for: facts.held.map(|held| held.by.name()),
            waits_until: facts.held.and_then(|held| held.until).map(rfc3339),
            schedule: ticks(facts),
            expiry: reckoning.and_then(|reckoning| expiry(reckoning, rotation.renew_before)),
            failure: reckoning
                .and_then(|reckoning| reckoning.obstacle.as_ref())
                .map(|obstacle| failure(obstacle, facts)),
            readers: Readers {
                reader: rotation.reader.map(|reader| reader.name),
                lag_seconds: rotation.reader_lag.as_secs(),
                why: rotation.reader.map(|reader| reader.why),
            },
            proof: Proven {
                verdict: proof.verdict.name(),
                outage_budget_seconds: proof.verdict.outage_budget().map(|budget| budget.num_seconds()),
                explanation: proof.to_string(),
            },
            outage_budget_seconds: facts.budget.map(|budget| budget.num_seconds()),
            survive_outage_seconds: rotation.survive_outage.as_secs(),
            asked: Asked::of(facts),
            error: found.error.as_ref().map(ToString::to_string),
        }
    }
}

impl Run {
    pub(super) fn new(next: &Next, schedule: &Schedule, now: Timestamp) -> Self {
        Run {
            at: rfc3339(next.at),
            local: schedule.local(next.at),
            in_seconds: (next.at - now).num_seconds(),
            reason: next.reason.name(),
            occurrence: rfc3339(next.occurrence),
        }
    }
}

fn state(Facts { rotation, now, found, .. }: &Facts) -> State {
    let is_reached =
        |detail: &Result<Detail, VaultError>| detail.as_ref().is_ok_and(|detail| detail.objection.is_none());
    match State::of(found.standing.as_ref(), *now) {
        _ if !rotation.enabled => State::Disabled,
        State::Missing if found.details.iter().any(|(_, detail)| has_ended(detail)) => State::Dead,
        State::Fine if !found.details.iter().all(|(_, detail)| is_reached(detail)) => State::Failing,
        state => state,
    }
}

fn has_ended(detail: &Result<Detail, VaultError>) -> bool {
    detail.as_ref().is_ok_and(|detail| detail.ended_at.is_some())
}

fn destination(entry: String, detail: &Result<Detail, VaultError>, now: Timestamp) -> Destination {
    let detail = match detail {
        Ok(detail) => detail,
        Err(error) => {
            let (class, advice) = (error.class().to_owned(), error.advice());
            let (failure_class, advice) = (Some(class), Some(advice));
            return Destination {
                entry,
                failure_class,
                error: Some(error.to_string()),
                advice,
                ..Destination::default()
            };
        }
    };
    let objection = detail.objection.as_ref();
    let (living, origin) = (detail.living, detail.origin.as_ref());
    let ends = detail.ended_at.or(living.and_then(|living| living.expires_at));
    let ended = detail.ended_at.map(|_| Class::ENDED_BY_REFRESH.to_string());
    Destination {
        entry,
        version: living.map(|living| living.version),
        issued_at: living.map(|living| rfc3339(living.issued_at)),
        expires_at: ends.map(rfc3339),
        life_seconds: living.zip(ends).map(|(living, end)| (end - living.issued_at).num_seconds()),
        life_left_seconds: ends.map(|end| (end - now).num_seconds()),
        written_at: detail.written_at().map(rfc3339),
        writer: origin.map(|origin| origin.writer.clone()),
        serial: origin.map(|origin| origin.serial),
        occurrence: origin.map(|origin| rfc3339(origin.occurrence)),
        failure_class: objection.map(|objection| objection.class.to_string()).or(ended),
        error: objection.map(|objection| objection.what.clone()),
        advice: objection.map(|objection| objection.advice.clone()),
    }
}

fn ticks(facts: &Facts) -> Ticks {
    let Facts { rotation, reckoning, .. } = facts;
    let tick = reckoning.as_ref().map(|reckoning| reckoning.tick);
    Ticks {
        expression: rotation.schedule.expression().to_owned(),
        time_zone: rotation.schedule.time_zone(),
        next_tick: tick.map(|tick| rfc3339(tick.occurrence)),
        next_tick_local: tick.map(|tick| rotation.schedule.local(tick.occurrence)),
        spread_seconds: rotation.spread.as_secs(),
        offset_seconds: reckoning.as_ref().map(|reckoning| reckoning.offset.as_secs()),
        begins_at: tick.map(|tick| rfc3339(tick.at)),
    }
}

fn expiry(reckoning: &Reckoning, renew_before: RenewBefore) -> Option<Expiry> {
    let renewal = reckoning.renewal?;
    Some(Expiry {
        life_seconds: renewal.life.as_secs(),
        renew_before: renew_before.to_string(),
        renew_before_seconds: renewal.renew_before.as_secs(),
        planned_at: rfc3339(renewal.next.occurrence),
        offset_seconds: renewal.offset.as_secs(),
        begins_at: rfc3339(renewal.next.at),
    })
}

fn failure(obstacle: &Obstacle, facts: &Facts) -> Failure {
    let past = facts.found.standing.as_ref().and_then(|standing| standing.failure.as_ref());
    Failure {
        class: obstacle.class.to_string(),
        meaning: meaning(obstacle.class.name()).means,
        advice: meaning(obstacle.class.name()).advice,
        at: rfc3339(obstacle.at),
        count: obstacle.count,
        until: rfc3339(obstacle.until),
        lifted_by: obstacle.lift.name(),
        login_changed: past.is_some_and(|past| past.login_changed),
        force_helps: obstacle.force_helps,
    }
}
