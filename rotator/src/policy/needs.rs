//! What is needed, collected by path.

use std::collections::BTreeMap;

use tokenferry_vault::{KvPath, KvVersion};

use super::pattern::Pattern;
use super::{Group, Rule};
use crate::rotation::Rotation;
use crate::source::Source;

/// Rules in their order, each path once.
#[derive(Default)]
pub(super) struct Needs(BTreeMap<(Group, String), Rule>);

impl Needs {
    pub(super) fn rules(self) -> Vec<Rule> {
        self.0.into_values().collect()
    }

    /// A token is written with check-and-set, and read after a start. Whose entry it is, and what failed, is noted
    /// beside it: what is not there yet is created by that, too.
    pub(super) fn write_tokens(&mut self, rotation: &Rotation, at: &KvPath) {
        let name = &rotation.name;
        let by = format!("rotation {name:?}: the token");
        self.need(Group::Destinations, data(at), &["create", "read", "update"], by);
        let by = format!("rotation {name:?}: whose entry it is, and what failed last");
        self.need(Group::Destinations, metadata(at), &["create", "read", "update"], by);
    }

    pub(super) fn read_tokens(&mut self, rotation: &Rotation, at: &KvPath) {
        self.need(Group::Destinations, data(at), &["read"], format!("rotation {:?}", rotation.name));
    }

    /// Where Vault does not tell which version of KV a mount is, it may be either.
    pub(super) fn read_secret(
        &mut self,
        source: &Source,
        field: &str,
        at: &KvPath,
        version: Option<KvVersion>,
    ) {
        let by = || format!("source {:?}: {field}", source.name);
        let mut paths = Vec::new();
        if version != Some(KvVersion::V1) {
            paths.push(data(at));
        }
        if version != Some(KvVersion::V2) {
            paths.push(at.to_string());
        }
        for path in paths {
            let rule = self.need(Group::Secrets, path, &["read"], by());
            if version.is_none() {
                rule.remarks.insert(format!(
                    "{data} is for KV version 2, {at} for version 1: remove the one that {mount} is not; nobody told \
                     which it is",
                    data = data(at),
                    mount = at.mount,
                ));
            }
        }
    }

    pub(super) fn keep_token_alive(&mut self) {
        for (path, capability, by) in OWN_TOKEN {
            self.need(Group::OwnToken, path.to_owned(), &[capability], by.to_owned());
        }
    }

    fn need(
        &mut self,
        group: Group,
        request: String,
        capabilities: &[&'static str],
        by: String,
    ) -> &mut Rule {
        let Pattern { path, remark } = Pattern::of(&request);
        let rule = self.0.entry((group, path.clone())).or_insert_with(|| Rule {
            path,
            capabilities: capabilities.iter().copied().collect(),
            group,
            needed_by: [].into(),
            remarks: remark.map(str::to_owned).into_iter().collect(),
            request,
        });
        rule.needed_by.insert(by);
        rule
    }
}

/// Where KV v2 has the data of an entry.
fn data(KvPath { mount, path, .. }: &KvPath) -> String {
    format!("{mount}/data/{path}")
}

/// Where KV v2 has what belongs to all versions of an entry.
fn metadata(KvPath { mount, path, .. }: &KvPath) -> String {
    format!("{mount}/metadata/{path}")
}

const OWN_TOKEN: [(&str, &str, &str); 2] = [
    ("auth/token/lookup-self", "read", "how long the token of the rotator lives, and whether it does"),
    ("auth/token/renew-self", "update", "to keep it alive"),
];
