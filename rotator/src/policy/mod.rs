//! The least policy: what Vault has to allow for a configuration, and nothing more.

mod needs;
mod pattern;
mod reach;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use tokenferry_vault::{KvPath, KvVersion};

use self::needs::Needs;
pub use self::reach::Reach;
use crate::rotation::Rotation;

/// What some program has to be allowed. Its text is HCL, as `bao policy write` and `vault policy write` take it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Who needs it.
    pub program: Program,
    /// The namespace that it belongs to: that of the login.
    pub namespace: Option<String>,
    /// In the order in which they are written: by group, then by path. No path comes twice.
    pub rules: Vec<Rule>,
}

/// Who needs a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// Those who use the tokens.
    Reader,
    /// This one.
    Rotator,
}

/// One path with what is done there.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// The path as policies have it; it may match more than what is asked for, and then there is a remark.
    pub path: String,
    /// What is done there.
    pub capabilities: BTreeSet<&'static str>,
    /// What for.
    pub group: Group,
    /// What needs it, in words.
    pub needed_by: BTreeSet<String>,
    /// What else should be known.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remarks: BTreeSet<String>,
    /// The path as it is asked for, seen from the namespace of the login.
    #[serde(skip)]
    pub request: String,
    /// The path that is asked for instead if the mount is of the other version of KV, which nobody told.
    #[serde(skip)]
    pub or: Option<String>,
}

/// What paths are for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Where tokens are written, or read.
    Destinations,
    /// What sources log in with.
    Secrets,
    /// What sources refresh tokens with.
    Sessions,
    /// The rotator's own login.
    OwnToken,
}

/// What is known of mounts, by namespace and name: which version of KV they are. Those of destinations are of version 2.
pub type Versions = BTreeMap<(Option<Arc<str>>, Arc<str>), KvVersion>;

/// What the version of a mount is known by.
pub fn place(at: &KvPath) -> (Option<Arc<str>>, Arc<str>) {
    (at.namespace.clone(), Arc::clone(&at.mount))
}

/// What the rotator needs for these rotations.
pub fn of_rotator<'a>(
    rotations: impl Iterator<Item = &'a Arc<Rotation>>,
    versions: &Versions,
    reach: Reach<'_>,
) -> Policy {
    let mut needs = Needs::new(reach);
    for rotation in rotations {
        for destination in &rotation.destinations {
            needs.write_tokens(rotation, &destination.entry);
        }
        let source = &rotation.source;
        for (field, kept) in source.in_vault() {
            needs.read_secret(source, field, &kept.entry, versions.get(&place(&kept.entry)).copied());
        }
        if let Some(session) = &source.session {
            needs.keep_session(source, session);
        }
    }
    needs.keep_token_alive();
    needs.policy(Program::Rotator)
}

/// What those need who read the tokens of these rotations.
pub fn of_readers<'a>(rotations: impl Iterator<Item = &'a Arc<Rotation>>, reach: Reach<'_>) -> Policy {
    let mut needs = Needs::new(reach);
    for rotation in rotations {
        for destination in &rotation.destinations {
            needs.read_tokens(rotation, &destination.entry);
        }
    }
    needs.policy(Program::Reader)
}
