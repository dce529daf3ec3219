//! What stands in the destinations, how the last runs ended, and whether readers can hold a dead token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokenferry_sources::{Timestamp, rfc3339};
use tokenferry_vault::VaultError;

use super::finding::{Check, Finding, Group, counted};
use super::vault::Login;
use super::{Patient, Report, mounts};
use crate::app::Reading;
use crate::meaning::{Meaning, meaning};
use crate::proof::{Claim, Verdict, human, prove};
use crate::rotation::{Destination, Rotation};
use crate::run::{Living, PastFailure, RotationId, Standing};
use crate::runner::{Objection, Seen};
use crate::scheduler::{HeldBy, Scheduler};
use crate::spared;

pub(super) async fn examine(patient: &Patient<'_>, login: Login) -> Report {
    let now = patient.app.clock.now();
    if login != Login::Works {
        let mut findings = Vec::from_iter(unseen(patient, login));
        let readers_at_risk = !findings.is_empty();
        findings.extend(doubts(patient));
        findings.extend(proofs(patient, &BTreeMap::new(), now));
        return Report { findings, readers_at_risk };
    }
    let mut findings = destinations(patient).await;
    findings.extend(doubts(patient));
    let ids: BTreeSet<RotationId> = patient.rotations.iter().map(|(id, _)| *id).collect();
    let Reading { found, .. } = patient.app.read_with_neighbours(ids).await;
    let scheduler = patient.app.scheduler_after(&found, now);
    for (id, rotation) in &patient.rotations {
        let standing = found.get(id);
        findings.extend(standing.and_then(|standing| last_run(rotation, *id, standing, &scheduler, now)));
    }
    findings.extend(proofs(patient, &found, now));
    let lives = |id: &RotationId| {
        let living = found.get(id).and_then(|standing| standing.living);
        living.is_some_and(|living| living.expires_at.is_none_or(|end| end > now))
    };
    let readers_at_risk = !patient.rotations.iter().all(|(id, rotation)| !rotation.enabled || lives(id));
    Report { findings, readers_at_risk }
}

/// Where nobody looked, nobody may take it for fine, unless that is what was asked for.
fn unseen(patient: &Patient<'_>, login: Login) -> Option<Finding> {
    let number: usize = patient.rotations.iter().map(|(_, rotation)| rotation.destinations.len()).sum();
    let subject = counted(number, "destination");
    if patient.offline {
        let found = "not looked at: nobody can tell what readers find";
        let advice =
            "Leave `--offline` away, or ask the running rotator by its page and /metrics (`listen`).";
        let unseen = Finding::warning(Group::Rotations, Check::Destination, subject, found, advice);
        return (number > 0).then_some(unseen);
    }
    let found = "not looked at, since Vault cannot be asked: nobody can tell what readers find";
    let advice = if login == Login::Spared {
        format!("{} Where nobody need look, as in a pipeline: `doctor --offline`.", spared::ADVICE)
    } else {
        "See to Vault first.".to_owned()
    };
    let unseen = Finding::problem(Group::Rotations, Check::Destination, subject, found, advice);
    (number > 0).then_some(unseen)
}

/// Paths that nobody means.
fn doubts<'a>(patient: &'a Patient<'_>) -> impl Iterator<Item = Finding> + 'a {
    let all = patient.rotations.iter();
    let all = all.flat_map(|(_, rotation)| rotation.destinations.iter().map(move |at| (rotation, at)));
    all.filter_map(|(rotation, at)| {
        let (found, advice) = at.doubt()?;
        let subject = named(rotation, &at.to_string());
        Some(Finding::warning(Group::Rotations, Check::Destination, subject, found, advice))
    })
}

/// Looks at all destinations. What is to blame for many of them is said once.
async fn destinations(patient: &Patient<'_>) -> Vec<Finding> {
    let numbered = |(id, rotation): &(RotationId, &'_ Arc<Rotation>)| {
        let (id, rotation) = (*id, Arc::clone(rotation));
        (0..rotation.destinations.len()).map(move |index| (id, Arc::clone(&rotation), index))
    };
    let all: Vec<_> = patient.rotations.iter().flat_map(numbered).collect();
    patient.progress.expect(all.len());
    let looks = all.into_iter().map(|(id, rotation, index)| async move {
        let looked = look(patient, id, &rotation, index).await;
        patient.progress.step();
        looked
    });
    let mut looks = stream::iter(looks).buffered(patient.app.config.concurrency.max(1));
    let (mut findings, mut common) = (Vec::new(), Common::default());
    while let Some(looked) = looks.next().await {
        match looked {
            Ok(finding) => findings.push(finding),
            Err((at, error)) => common.add(&at, error),
        }
    }
    findings.extend(common.findings());
    findings
}

/// What is wrong with a mount, with a namespace, with policies or with Vault itself, and how many destinations it is
/// wrong for.
#[derive(Default)]
struct Common(BTreeMap<(&'static str, String), (VaultError, usize)>);

impl Common {
    fn add(&mut self, at: &Destination, error: VaultError) {
        let subject = match error {
            VaultError::Forbidden { .. } => "policies".to_owned(),
            _ if error.concerns_all() => "Vault".to_owned(),
            _ => mounts::subject(&at.entry),
        };
        self.0.entry((error.class(), subject)).or_insert((error, 0)).1 += 1;
    }

    fn findings(self) -> impl Iterator<Item = Finding> {
        self.0.into_iter().map(|((_, subject), (error, number))| {
            let found = format!("{error} ({})", counted(number, "destination"));
            let check = match error {
                VaultError::Forbidden { .. } => Check::Capability,
                _ => Check::Mount,
            };
            Finding::problem(Group::Vault, check, subject, found, error.advice())
        })
    }
}

/// Looks at one. An error is one that others have, too.
async fn look(
    patient: &Patient<'_>,
    id: RotationId,
    rotation: &Rotation,
    index: usize,
) -> Result<Finding, (Destination, VaultError)> {
    let Some(at) = rotation.destinations.get(index) else {
        return Ok(problem(rotation, "", "it is gone", ""));
    };
    let subject = at.to_string();
    match patient.app.runner.see(id, index).await {
        Ok(seen) => Ok(judge(rotation, &subject, &seen, patient.app.clock.now())),
        Err(error) if is_common(&error) => Err((at.clone(), error)),
        Err(error) => Ok(problem(rotation, &subject, &error.to_string(), &error.advice())),
    }
}

fn is_common(error: &VaultError) -> bool {
    use VaultError as E;
    error.concerns_all() || matches!(error, E::Forbidden { .. } | E::MissingMount { .. } | E::NotKv2 { .. })
}

fn judge(rotation: &Rotation, subject: &str, seen: &Seen, now: Timestamp) -> Finding {
    if let Some(Objection { what, advice, .. }) = &seen.objection {
        return problem(rotation, subject, what, advice);
    }
    let version = seen.version;
    let name = &rotation.name;
    let living = match (seen.is_live, seen.living) {
        (false, _) if version == 0 => {
            return ok(rotation, subject, "nothing there yet; the first run writes it");
        }
        (false, _) => {
            let found = format!("version {version} was deleted: readers find nothing");
            return problem(
                rotation,
                subject,
                &found,
                &format!("Have it written anew: `tokenferry once --force {name}`."),
            );
        }
        (true, None) => {
            let found = "somebody else's entry, which the next run takes over (`adopt = true`)";
            return ok(rotation, subject, found);
        }
        (true, Some(living)) => living,
    };
    let Some(end) = living.expires_at else {
        return ok(rotation, subject, &format!("version {version}, nobody knows when its token ends"));
    };
    if end <= now {
        let found = format!(
            "the token in version {version} is over for {}: readers hold a dead one",
            since(end, now)
        );
        let advice = "See that `tokenferry run` is running, and what the last run says.";
        return problem(rotation, subject, &found, advice);
    }
    if seen.vanishes {
        let left = since(now, end);
        let found =
            format!("version {version} vanishes in {left}, before its token ends, by `delete_version_after`");
        let advice =
            "Set it to 0s for this entry or its mount: the token is replaced more often than it had to be.";
        return Finding::warning(
            Group::Rotations,
            Check::Destination,
            named(rotation, subject),
            found,
            advice,
        );
    }
    ok(rotation, subject, &format!("version {version}, its token lives {} more", since(now, end)))
}

fn since(begin: Timestamp, end: Timestamp) -> String {
    human(Duration::from_secs((end - begin).to_std().unwrap_or_default().as_secs()))
}

fn named(rotation: &Rotation, subject: &str) -> String {
    format!("{}: {subject}", rotation.name)
}

fn ok(rotation: &Rotation, subject: &str, found: &str) -> Finding {
    Finding::ok(Group::Rotations, Check::Destination, named(rotation, subject), found)
}

fn problem(rotation: &Rotation, subject: &str, found: &str, advice: &str) -> Finding {
    Finding::problem(Group::Rotations, Check::Destination, named(rotation, subject), found, advice)
}

/// How the last run failed, if it did.
fn last_run(
    rotation: &Rotation,
    id: RotationId,
    standing: &Standing,
    scheduler: &Scheduler,
    now: Timestamp,
) -> Option<Finding> {
    let Some(failure) = &standing.failure else { return held_with_others(rotation, id, scheduler, now) };
    let Meaning { means, advice } = meaning(failure.class.name());
    let times =
        if failure.count == 1 { "once".to_owned() } else { format!("{} times in a row", failure.count) };
    let readers = match standing.living {
        Some(Living { expires_at: Some(end), .. }) if end > now => {
            format!("readers' token lives {} more", since(now, end))
        }
        Some(Living { expires_at: None, .. }) => "nobody knows when readers' token ends".to_owned(),
        _ => "readers have no living token".to_owned(),
    };
    let found = format!(
        "failed {times}, last at {}, class {}, because {means}; {readers}{}",
        rfc3339(failure.at),
        failure.class,
        next_try(failure, scheduler.next(id).map(|next| next.at))
    );
    Some(Finding::problem(Group::Rotations, Check::LastRun, &*rotation.name, found, advice))
}

/// Whether its login was refused to another rotation.
fn held_with_others(
    rotation: &Rotation,
    id: RotationId,
    scheduler: &Scheduler,
    now: Timestamp,
) -> Option<Finding> {
    let held = scheduler.held(id, now).filter(|held| held.by == HeldBy::Breaker)?;
    let until = held.until.map_or_else(String::new, |until| format!(" before {}", rfc3339(until)));
    let found = format!("its login was refused to another rotation, and is not sent for this one{until}");
    let advice = "Look at the rotation that was refused: a changed login is tried at once for both.";
    Some(Finding::problem(Group::Rotations, Check::LastRun, &*rotation.name, found, advice))
}

fn next_try(failure: &PastFailure, at: Option<Timestamp>) -> String {
    let Some(at) = at.map(rfc3339) else { return String::new() };
    match (failure.login_changed, failure.refusals) {
        (true, _) => "; the login was changed since, and is tried next".to_owned(),
        (false, 0) => format!("; tried again at {at}"),
        (false, _) => format!("; the same login is held until {at}, lest the account be locked"),
    }
}

/// What is proven of each rotation that is run, given what stands in Vault.
fn proofs(patient: &Patient<'_>, found: &BTreeMap<RotationId, Standing>, now: Timestamp) -> Vec<Finding> {
    let seen = |index: usize| {
        let standing = found.get(&RotationId(index.try_into().ok()?));
        standing.and_then(|standing| standing.living.as_ref())
    };
    let claims = Claim::of_all(&patient.app.config.rotations, seen, now);
    let run = patient.rotations.iter().filter(|(_, rotation)| rotation.enabled);
    run.filter_map(|(id, rotation)| Some(proof(rotation, claims.get(id.0 as usize)?, now))).collect()
}

fn proof(rotation: &Rotation, claim: &Claim, now: Timestamp) -> Finding {
    let proof = prove(claim, now);
    let text = proof.to_string();
    let (found, more) = text.split_once('\n').unwrap_or((&text, ""));
    let more = more.replace('\n', "; ");
    let name = &*rotation.name;
    match proof.verdict {
        Verdict::Proven { .. } if more.is_empty() => Finding::ok(Group::Rotations, Check::Proof, name, found),
        Verdict::Proven { .. } => {
            Finding::ok(Group::Rotations, Check::Proof, name, format!("{found}; {more}"))
        }
        Verdict::NotProvable { .. } => {
            let advice = "See `tokenferry validate`.";
            Finding::warning(Group::Rotations, Check::Proof, name, found, advice)
        }
        Verdict::NotCarried | Verdict::Refused { .. } => {
            Finding::problem(Group::Rotations, Check::Proof, name, found, more)
        }
    }
}
