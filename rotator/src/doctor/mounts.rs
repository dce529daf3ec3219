//! Where entries are: what kind of engine, and what it does with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokenferry_vault::{Keeping, KvPath, KvVersion, Mount};

use super::Patient;
use super::finding::{Check, Finding, Group};
use super::vault::of_error;
use crate::policy::Versions;

/// What is mounted, and of which version of KV. Vault tells it to those who may do anything below a mount; for others
/// what comes of reading tells.
pub(super) async fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Versions) {
    let rotations = patient.rotations.iter().map(|(_, rotation)| *rotation);
    let destinations = rotations.clone().flat_map(|rotation| &rotation.destinations).map(|at| &at.entry);
    let written: BTreeSet<&Arc<str>> = destinations.clone().map(|entry| &entry.mount).collect();
    let secrets = patient.sources().into_iter().flat_map(|source| source.in_vault());
    let entries = destinations.chain(secrets.map(|(_, kept)| &kept.entry));
    let mounts: BTreeMap<&Arc<str>, &KvPath> = entries.map(|entry| (&entry.mount, entry)).collect();
    let (mut findings, mut versions) = (Vec::new(), BTreeMap::new());
    for (mount, entry) in mounts {
        let found = match patient.app.vault.mount(entry).await {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error) => {
                findings.push(of_error(Check::Mount, mount, &error));
                continue;
            }
        };
        versions.extend(found.kv_version().map(|version| (Arc::clone(mount), version)));
        if written.contains(mount) {
            findings.extend(judge(patient, entry, &found).await);
        }
    }
    (findings, versions)
}

async fn judge(patient: &Patient<'_>, entry: &KvPath, found: &Mount) -> Vec<Finding> {
    let mount = &entry.mount;
    let problem = |what: String, advice: &str| {
        vec![Finding::problem(Group::Vault, Check::Mount, format!("mount {mount}"), what, advice)]
    };
    match found.kv_version() {
        Some(KvVersion::V2) => {}
        Some(KvVersion::V1) => {
            let advice = "Upgrade it (`bao kv enable-versioning` or `vault kv enable-versioning`), or choose another \
                          mount: tokens are written with check-and-set, which version 1 does not have.";
            return problem("KV version 1".to_owned(), advice);
        }
        None => {
            let advice = "Check `mount`: it must be a KV secrets engine of version 2.";
            return problem(format!("an engine of the kind {}, which is not KV", found.kind), advice);
        }
    }
    match patient.app.vault.keeping_of_mount(entry).await {
        Ok(keeping) => vec![kept(mount, keeping.as_ref())],
        Err(error) => vec![of_error(Check::Mount, mount, &error)],
    }
}

/// Few may see how a mount is configured, and the rotator does not need to.
fn kept(mount: &str, keeping: Option<&Keeping>) -> Finding {
    let subject = format!("mount {mount}");
    let Some(keeping) = keeping else {
        return Finding::ok(Group::Vault, Check::Mount, subject, "KV version 2");
    };
    if let Some(after) = keeping.vanishing() {
        let found =
            format!("KV version 2, which deletes each version after {after} (`delete_version_after`)");
        let advice = "Entries vanish then, unless they are rotated more often: set it to 0s for this mount, or for the \
                      entries of the rotator.";
        return Finding::warning(Group::Vault, Check::Mount, subject, found, advice);
    }
    let versions = match keeping.max_versions {
        0 => "10 versions are kept".to_owned(),
        number => format!("{number} versions are kept"),
    };
    let cas = if keeping.cas_required { ", writes must name the version they replace" } else { "" };
    Finding::ok(Group::Vault, Check::Mount, subject, format!("KV version 2, {versions}{cas}"))
}
