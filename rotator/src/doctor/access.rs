//! What our token may do in Vault, against what is needed.

use std::collections::{BTreeMap, BTreeSet};

use tokenferry_vault::{Capabilities, KvVersion};

use super::Patient;
use super::finding::{Check, Finding, Group, State, counted};
use super::vault::of_error;
use super::{mounts, over};
use crate::policy::{self, Policy, Rule, Versions, of_rotator};

pub(super) async fn examine(patient: &Patient<'_>, vault_is_usable: bool) -> Vec<Finding> {
    if !vault_is_usable {
        return Vec::new();
    }
    let (mut findings, versions) = mounts::examine(patient).await;
    let policy = of_rotator(patient.rotations.iter().map(|(_, rotation)| *rotation), &versions);
    let probes = over::probes(patient);
    let needed = policy.rules.iter().map(|rule| rule.request.clone());
    let paths: BTreeSet<String> = needed.chain(probes.iter().map(|probe| probe.path.clone())).collect();
    let paths: Vec<String> = paths.into_iter().collect();
    match patient.app.vault.capabilities(&paths).await {
        Ok(Some(allowed)) => {
            findings.extend(missing(&policy, &allowed, &versions));
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
fn missing(policy: &Policy, allowed: &Capabilities, versions: &Versions) -> Vec<Finding> {
    let lacking: BTreeMap<&str, Vec<&str>> = policy
        .rules
        .iter()
        .map(|rule| (&*rule.request, lacks(rule, allowed.get(&rule.request))))
        .filter(|(_, lacks)| !lacks.is_empty())
        .collect();
    let lacking_rules = policy.rules.iter().filter(|rule| lacking.contains_key(&*rule.request));
    let findings: Vec<Finding> = lacking_rules
        .filter(|rule| !is_other_version(rule, policy, &lacking, versions))
        .map(|rule| lacking_one(rule, &lacking[&*rule.request]))
        .collect();
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

/// Where nobody tells which version of KV a mount is, one of two paths is enough.
fn is_other_version(
    rule: &Rule,
    policy: &Policy,
    lacking: &BTreeMap<&str, Vec<&str>>,
    versions: &BTreeMap<std::sync::Arc<str>, KvVersion>,
) -> bool {
    if rule.group != policy::Group::Secrets {
        return false;
    }
    let is_known = versions.keys().any(|mount| rule.request.starts_with(&format!("{mount}/")));
    let is_pair = |other: &&Rule| other.request != rule.request && other.remarks == rule.remarks;
    !is_known && policy.rules.iter().filter(is_pair).any(|other| !lacking.contains_key(&*other.request))
}

fn lacking_one(rule: &Rule, lacks: &[&str]) -> Finding {
    let found = format!("the token lacks {}, for {}", lacks.join(", "), some(&rule.needed_by));
    let advice = format!("Add to its policy, as `tokenferry policy` prints it: {rule}");
    // Without these the rotator logs in again where it could have renewed, or asked.
    let state = if rule.group == policy::Group::OwnToken { State::Warning } else { State::Problem };
    Finding { state, ..Finding::problem(Group::Vault, Check::Capability, &rule.request, found, advice) }
}

fn some(names: &BTreeSet<String>) -> String {
    let first = names.first().map(String::as_str).unwrap_or_default();
    match names.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}
