//! What our token may do in Vault, against what is needed.

use std::collections::{BTreeMap, BTreeSet};

use tokenferry_vault::Capabilities;

use super::Patient;
use super::finding::{Check, Finding, Group, State, counted};
use super::vault::{Login, of_error};
use super::{mounts, over};
use crate::policy::{self, Policy, Reach, Rule, of_rotator};

pub(super) async fn examine(patient: &Patient<'_>, login: Login) -> Vec<Finding> {
    if login != Login::Works {
        return Vec::new();
    }
    let (mut findings, versions) = mounts::examine(patient).await;
    let policy = of_rotator(
        patient.rotations.iter().map(|(_, rotation)| *rotation),
        &versions,
        Reach::of(&patient.app.config.vault),
    );
    let probes = over::probes(patient);
    let needed = policy.rules.iter().map(|rule| rule.request.clone());
    let paths: BTreeSet<String> = needed.chain(probes.iter().map(|probe| probe.path.clone())).collect();
    let paths: Vec<String> = paths.into_iter().collect();
    match patient.app.vault.capabilities(&paths).await {
        Ok(Some(allowed)) => {
            findings.extend(missing(&policy, &allowed));
            findings.extend(over::examine(&policy, &probes, &allowed));
        }
        Ok(None) => findings.push(unasked()),
        Err(error) => findings.push(of_error(Check::Capability, "capabilities", &error)),
    }
    findings
}

fn unasked() -> Finding {
    Finding::warning(
        Group::Vault,
        Check::Capability,
        "capabilities",
        "the token may not ask what it may do, so neither what it lacks nor what it has too much can be told",
        "Leave it the policy `default`, or allow `update` on sys/capabilities-self for as long as you look.",
    )
}

/// What is needed and not allowed.
fn missing(policy: &Policy, allowed: &Capabilities) -> Vec<Finding> {
    let lacking: BTreeMap<&str, Vec<&str>> = policy
        .rules
        .iter()
        .map(|rule| (&*rule.request, lacks(rule, allowed.get(&rule.request))))
        .filter(|(_, lacks)| !lacks.is_empty())
        .collect();
    let lacking_rules = policy.rules.iter().filter(|rule| lacking.contains_key(&*rule.request));
    // Where nobody tells which version of KV a mount is, one of two paths is enough.
    let lacking_rules: Vec<&Rule> = lacking_rules
        .filter(|rule| rule.or.as_ref().is_none_or(|other| lacking.contains_key(&**other)))
        .collect();
    let (own, needed): (Vec<&Rule>, Vec<&Rule>) =
        lacking_rules.into_iter().partition(|rule| rule.group == policy::Group::OwnToken);
    let one = |rule: &Rule| lacking_one(rule, &lacking[&*rule.request]);
    let mut findings: Vec<Finding> = match needed.len() {
        0..=MOST_NAMED => needed.into_iter().map(one).collect(),
        _ => vec![lacking_many(&needed)],
    };
    findings.extend(own.into_iter().map(one));
    if findings.iter().any(|finding| finding.state == State::Problem) {
        return findings;
    }
    let all =
        format!("allows all that is needed at {}", counted(policy.rules.len() - findings.len(), "path"));
    let good = Finding::ok(Group::Vault, Check::Capability, "policies", all);
    [good].into_iter().chain(findings).collect()
}

fn lacks<'a>(rule: &'a Rule, allowed: Option<&BTreeSet<String>>) -> Vec<&'a str> {
    let has = |name: &str| allowed.is_some_and(|allowed| allowed.contains(name) || allowed.contains("root"));
    rule.capabilities.iter().copied().filter(|name| !has(name)).collect()
}

fn lacking_one(rule: &Rule, lacks: &[&str]) -> Finding {
    let found = format!("the token lacks {}, for {}", lacks.join(", "), some(&rule.needed_by));
    let advice = format!("Add to its policy, as `tokenferry policy` prints it: {rule}");
    // Without these the rotator logs in again where it could have renewed, or asked.
    let state = if rule.group == policy::Group::OwnToken { State::Warning } else { State::Problem };
    Finding { state, ..Finding::problem(Group::Vault, Check::Capability, &rule.request, found, advice) }
}

/// Then it is most likely one from before the configuration was changed.
fn lacking_many(rules: &[&Rule]) -> Finding {
    let first = rules.iter().take(MOST_NAMED).map(|rule| &*rule.request).collect::<Vec<_>>().join(", ");
    let (all, more) = (rules.len(), rules.len() - MOST_NAMED);
    let found = format!("the token lacks what is needed at {all} paths: {first} and {more} more");
    let advice = "Write its policy anew: `tokenferry policy | bao policy write NAME -`.";
    Finding::problem(Group::Vault, Check::Capability, "policies", found, advice)
}

fn some(names: &BTreeSet<String>) -> String {
    let first = names.first().map(String::as_str).unwrap_or_default();
    match names.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}

/// More are told together.
const MOST_NAMED: usize = 3;
