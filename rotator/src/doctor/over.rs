//! What our token may do in Vault and never needs.

use std::collections::{BTreeMap, BTreeSet};

use tokenferry_vault::{Capabilities, KvPath, VaultAuth};

use super::Patient;
use super::finding::{Check, Finding, Group};
use crate::policy::{Policy, Reach};

/// Something that is never needed.
pub(super) struct Probe {
    pub(super) path: String,
    what: &'static str,
}

/// Paths that a token for this configuration has no business at.
pub(super) fn probes(patient: &Patient<'_>) -> Vec<Probe> {
    let mut probes: Vec<Probe> =
        EVERYWHERE.iter().map(|(path, what)| Probe { path: (*path).to_owned(), what }).collect();
    if let Some(path) = role(&patient.app.config.vault.auth) {
        probes.push(Probe { path, what: "change who may log in" });
    }
    let mut folders = BTreeSet::new();
    let reach = Reach::of(&patient.app.config.vault);
    for destination in patient.rotations.iter().flat_map(|(_, rotation)| &rotation.destinations) {
        let KvPath { namespace, mount, path } = &destination.entry;
        let Some(prefix) = reach.prefix(namespace.as_deref()) else { continue };
        let mount = format!("{prefix}{mount}");
        for (kind, what) in OF_ENTRIES {
            probes.push(Probe { path: format!("{mount}/{kind}/{path}"), what });
        }
        let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        for kind in ["data", "metadata"] {
            let path = format!("{mount}/{kind}/{folder}{STRANGE}");
            if folders.insert(path.clone()) {
                probes.push(Probe { path, what: BESIDE });
            }
        }
    }
    probes
}

/// Where the method of the login keeps who may log in.
fn role(auth: &VaultAuth) -> Option<String> {
    let (mount, kind) = match auth {
        VaultAuth::AppRole { mount, .. }
        | VaultAuth::Jwt { mount, .. }
        | VaultAuth::Kubernetes { mount, .. }
        | VaultAuth::WrappedAppRole { mount, .. } => (mount, "role"),
        VaultAuth::Cert { mount, .. } => (mount, "certs"),
        VaultAuth::Userpass { mount, .. } => (mount, "users"),
        VaultAuth::Token(_) => return None,
    };
    Some(format!("auth/{mount}/{kind}/{STRANGE}"))
}

/// What is allowed beyond what is needed, one warning for each kind.
pub(super) fn examine(policy: &Policy, probes: &[Probe], allowed: &Capabilities) -> Vec<Finding> {
    if allowed.values().any(|names| names.contains("root")) {
        let found = "it is a root token, which may do everything";
        return vec![over("token", found.to_owned(), LEAST)];
    }
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for rule in &policy.rules {
        let names = allowed.get(&rule.request).into_iter().flatten();
        let more: Vec<&str> = names
            .map(String::as_str)
            .filter(|name| *name != "deny" && !rule.capabilities.contains(name))
            .collect();
        if !more.is_empty() {
            kinds
                .entry(format!("{} where that is not needed", more.join(", ")))
                .or_default()
                .push(&rule.request);
        }
    }
    for probe in probes {
        let is_allowed = |names: &BTreeSet<String>| names.iter().any(|name| name != "deny");
        if allowed.get(&probe.path).is_some_and(is_allowed) {
            kinds.entry(probe.what.to_owned()).or_default().push(&probe.path);
        }
    }
    if kinds.is_empty() {
        return vec![Finding::ok(Group::Vault, Check::Privilege, "privileges", "no more than is needed")];
    }
    kinds.into_iter().map(|(what, paths)| over("privileges", told(&what, &paths), LEAST)).collect()
}

fn over(subject: &str, found: String, advice: &str) -> Finding {
    Finding::warning(Group::Vault, Check::Privilege, subject, found, advice)
}

fn told(what: &str, paths: &[&str]) -> String {
    // Nothing is called as what was asked for.
    let shown = paths.iter().take(MOST_NAMED).map(|path| path.replace(STRANGE, "*"));
    let first = shown.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(MOST_NAMED) {
        0 => format!("the token may {what}: {first}"),
        more => format!("the token may {what}: {first} and {more} more"),
    }
}

/// A name that nobody gives to anything.
const STRANGE: &str = "tokenferry-doctor-asks-only";
const BESIDE: &str = "write or read beside its destinations";
const MOST_NAMED: usize = 3;
const LEAST: &str = "Give it no more than `tokenferry policy` prints.";

/// What needs to be asked only once.
const EVERYWHERE: [(&str, &str); 8] = [
    ("auth/token/create", "make tokens"),
    ("auth/token/create-orphan", "make tokens"),
    ("sys/auth/tokenferry-doctor-asks-only", "change how to log in"),
    ("sys/mounts", "see all mounts"),
    ("sys/mounts/tokenferry-doctor-asks-only", "change mounts"),
    ("sys/policies/acl/tokenferry-doctor-asks-only", "change policies"),
    ("sys/raw/tokenferry-doctor-asks-only", "read the storage itself"),
    ("sys/seal", "seal Vault"),
];

/// What KV v2 can do with an entry beyond reading and writing.
const OF_ENTRIES: [(&str, &str); 3] = [
    ("delete", "delete versions"),
    ("destroy", "destroy versions"),
    ("undelete", "bring deleted versions back"),
];
