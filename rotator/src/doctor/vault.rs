//! Vault itself: reached, ready, our login, and how long it lasts.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use tokenferry_sources::rfc3339;
use tokenferry_vault::{Health, TokenFacts, VaultAuth, VaultError};

use super::Patient;
use super::finding::{Check, Finding, Group, State};
use super::probe::{Server, probe};
use super::servers::judge;
use crate::proof::human;
use crate::spared::{self, is_spared};

/// Whether there is a login that anything else can be asked with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Login {
    Fails,
    /// It would take from the rotator what can be used only once, or is not wanted.
    Spared,
    Works,
}

/// What was found, and whether there is a login.
pub(super) async fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Login) {
    let mut findings = nodes(patient).await;
    if findings.first().is_some_and(|finding| finding.state == State::Problem) {
        return (findings, Login::Fails);
    }
    let vault = &patient.app.vault;
    let node = vault.address();
    let (health, ready) = match vault.health().await {
        Ok(health) => (feels(node, &health), health.initialized && !health.sealed),
        Err(error) => (of_error(Check::Health, node, &error), false),
    };
    findings.push(health);
    if !ready {
        return (findings, Login::Fails);
    }
    if patient.offline {
        let (found, advice) = ("not tried, as `--offline` wants it", "Leave `--offline` away to try it.");
        findings.push(Finding::warning(Group::Vault, Check::Login, "login", found, advice));
        return (findings, Login::Spared);
    }
    if is_spared(&patient.app.config.vault.auth) {
        findings.push(Finding::warning(Group::Vault, Check::Login, "login", spared::WHY, spared::ADVICE));
        return (findings, Login::Spared);
    }
    let login = match vault.token_facts().await {
        Ok(None) if is_dead(patient).await => {
            let found = "Vault does not take the token: it is over, or was revoked";
            findings.push(Finding::problem(Group::Vault, Check::Login, "login", found, DEAD));
            Login::Fails
        }
        Ok(facts) => {
            findings.extend(works(patient, facts.as_ref()));
            Login::Works
        }
        Err(error) => {
            findings.push(of_error(Check::Login, "login", &error));
            Login::Fails
        }
    };
    (findings, login)
}

/// Whether a token that may not look itself up may do nothing else either.
async fn is_dead(patient: &Patient<'_>) -> bool {
    let vault = &patient.app.vault;
    if !matches!(vault.capabilities(&["sys/seal".to_owned()]).await, Ok(None)) {
        return false;
    }
    let mut entries = patient.rotations.iter().flat_map(|(_, rotation)| &rotation.destinations);
    let Some(first) = entries.next() else { return false };
    matches!(vault.read_entry(&first.entry).await, Err(VaultError::Forbidden { .. }))
}

/// The one that is asked first, then those that it may send us to, of which one that is away is no problem yet.
async fn nodes(patient: &Patient<'_>) -> Vec<Finding> {
    let (settings, clock) = (&patient.app.config.vault, &*patient.app.clock);
    patient.progress.expect(settings.addresses.len());
    let probes = settings.addresses.iter().enumerate().map(|(index, root)| async move {
        let server = Server { root: root.clone(), ca_cert_file: settings.ca_cert_file.clone() };
        let answer = probe(&server, settings.timeout, clock).await;
        patient.progress.step();
        let mut judged = judge(Group::Vault, &server, None, answer, clock.now());
        for finding in judged.iter_mut().filter(|finding| index > 0 && finding.state == State::Problem) {
            finding.state = State::Warning;
        }
        judged
    });
    join_all(probes).await.into_iter().flatten().collect()
}

fn feels(address: &str, health: &Health) -> Finding {
    let Health { initialized, sealed, standby, version } = health;
    let problem = |what: &str, advice| {
        let found = format!("version {version}, {what}");
        Finding::problem(Group::Vault, Check::Health, address, found, advice)
    };
    match (initialized, sealed) {
        (false, _) => {
            problem("not initialised", "Initialise it: `bao operator init` or `vault operator init`.")
        }
        (true, true) => problem("sealed", "Unseal it: `bao operator unseal` or `vault operator unseal`."),
        (true, false) => {
            let role = if *standby { "standby, another node does the work" } else { "active" };
            Finding::ok(Group::Vault, Check::Health, address, format!("version {version}, unsealed, {role}"))
        }
    }
}

pub(super) fn of_error(check: Check, subject: &str, error: &VaultError) -> Finding {
    Finding::problem(Group::Vault, check, subject, error.to_string(), error.advice())
}

fn works(patient: &Patient<'_>, facts: Option<&TokenFacts>) -> Vec<Finding> {
    let auth = &patient.app.config.vault.auth;
    let Some(facts) = facts else {
        let found = "the token may not look itself up, or is over";
        return vec![Finding::warning(Group::Vault, Check::Login, "login", found, LOOK_UP)];
    };
    let policies: Vec<&str> = facts.policies.iter().map(String::as_str).collect();
    let found = format!("works; a {} token with the policies {}", facts.kind, policies.join(", "));
    let mut findings = vec![Finding::ok(Group::Vault, Check::Login, "login", found)];
    findings.push(match last(facts, auth, patient.app.clock.now()) {
        Ok(found) => Finding::ok(Group::Vault, Check::Token, "token", found),
        Err((found, advice)) => Finding::warning(Group::Vault, Check::Token, "token", found, advice),
    });
    if facts.num_uses > 0 {
        let found = format!("it is good for {} requests only", facts.num_uses);
        let advice = "Have it made without `num_uses` (of an AppRole: `token_num_uses = 0`): the rotator goes on asking.";
        findings.push(Finding::problem(Group::Vault, Check::Token, "token", found, advice));
    }
    findings
}

/// How long the token lasts; or, as an error, why it will be over one day with nobody to replace it.
fn last(
    facts: &TokenFacts,
    auth: &VaultAuth,
    now: tokenferry_sources::Timestamp,
) -> Result<String, (String, &'static str)> {
    if facts.ttl == 0 {
        return Ok("does not end".to_owned());
    }
    let left = human(Duration::from_secs(facts.ttl));
    let renewable = if facts.renewable { "renewable" } else { "not renewable" };
    if !matches!(auth, VaultAuth::Token(_)) {
        return Ok(format!("lives {left} more, {renewable}; when it ends there is a new login"));
    }
    match (facts.renewable, facts.period, end(facts, now)) {
        (false, ..) => Err((format!("it ends in {left} and cannot be renewed; nobody replaces it"), LASTING)),
        (true, 1.., _) => Ok(format!("lives {left} more, and is renewed in periods without end")),
        (true, 0, Some(end)) => {
            Err((format!("it ends at {end} however often it is renewed; nobody replaces it"), LASTING))
        }
        (true, 0, None) => {
            let found = format!(
                "lives {left} more, and can be renewed no further than the greatest life that its mount allows (32 days \
                 unless configured); nobody replaces it then"
            );
            Err((found, LASTING))
        }
    }
}

fn end(facts: &TokenFacts, now: tokenferry_sources::Timestamp) -> Option<String> {
    let longest = i64::try_from(facts.explicit_max_ttl).ok().filter(|longest| *longest > 0)?;
    let end = DateTime::from_timestamp(facts.creation_time, 0)?
        .checked_add_signed(TimeDelta::try_seconds(longest)?)?;
    Some(rfc3339(end)).filter(|_| end > now - TimeDelta::days(1))
}

const LASTING: &str = "Let the rotator log in by itself (`auth \"approle\"` or another), or give it a periodic token \
                       (`bao token create -period=1h …`).";
const DEAD: &str = "Put a new one where `token` refers to (else VAULT_TOKEN, or the file ~/.vault-token).";
const LOOK_UP: &str = "If it is over, put a new one in its place. Else allow `read` on auth/token/lookup-self, as \
                       `tokenferry policy` prints it: without, the rotator cannot tell a policy from a dead token.";
