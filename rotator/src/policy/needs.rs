//! What is needed, collected by path.

use std::collections::BTreeMap;

use tokenferry_vault::{KvPath, KvVersion};

use super::pattern::Pattern;
use super::{Group, Policy, Program, Reach, Rule};
use crate::rotation::Rotation;
use crate::source::Source;

/// Rules in their order, each path once.
pub(super) struct Needs<'a> {
    reach: Reach<'a>,
    rules: BTreeMap<(Group, String), Rule>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(reach: Reach<'a>) -> Self {
        Needs { reach, rules: BTreeMap::new() }
    }

    pub(super) fn policy(self, program: Program) -> Policy {
        Policy { program, namespace: self.reach.home(), rules: self.rules.into_values().collect() }
    }

    /// A token is written with check-and-set, and read after a start. Whose entry it is, and what failed, is noted
    /// beside it: what is not there yet is created by that, too.
    pub(super) fn write_tokens(&mut self, rotation: &Rotation, at: &KvPath) {
        let name = &rotation.name;
        let by = format!("rotation {name:?}: the token");
        self.need_at(Group::Destinations, at, &data(at), &["create", "read", "update"], by);
        let by = format!("rotation {name:?}: whose entry it is, and what failed last");
        self.need_at(Group::Destinations, at, &metadata(at), &["create", "read", "update"], by);
    }

    pub(super) fn read_tokens(&mut self, rotation: &Rotation, at: &KvPath) {
        self.need_at(Group::Destinations, at, &data(at), &["read"], format!("rotation {:?}", rotation.name));
    }

    /// The mark follows the first data, so it never creates anything.
    pub(super) fn keep_session(&mut self, source: &Source, at: &KvPath) {
        let name = &source.name;
        let by = format!("source {name:?}: the refresh token");
        self.need_at(Group::Sessions, at, &data(at), &["create", "read", "update"], by);
        let by = format!("source {name:?}: whose session it is");
        self.need_at(Group::Sessions, at, &metadata(at), &["read", "update"], by);
    }

    /// Where Vault does not tell which version of KV a mount is, it may be either.
    pub(super) fn read_secret(
        &mut self,
        source: &Source,
        field: &str,
        at: &KvPath,
        version: Option<KvVersion>,
    ) {
        let by = format!("source {:?}: {field}", source.name);
        let (of_v1, of_v2) = (format!("{}/{}", at.mount, at.path), data(at));
        match version {
            Some(KvVersion::V1) => drop(self.need_at(Group::Secrets, at, &of_v1, &["read"], by)),
            Some(KvVersion::V2) => drop(self.need_at(Group::Secrets, at, &of_v2, &["read"], by)),
            None => {
                let remark = format!(
                    "{of_v2} is for KV version 2, {of_v1} for version 1: remove the one that {} is not; nobody told \
                     which it is",
                    at.mount
                );
                let requests = [&of_v1, &of_v2].map(|path| {
                    let rule = self.need_at(Group::Secrets, at, path, &["read"], by.clone());
                    rule.remarks.insert(remark.clone());
                    (rule.group, rule.path.clone(), rule.request.clone())
                });
                let [(group, first, of_first), (_, second, of_second)] = requests;
                for (path, other) in [(first, of_second), (second, of_first)] {
                    self.rules.entry((group, path)).and_modify(|rule| rule.or = Some(other));
                }
            }
        }
    }

    pub(super) fn keep_token_alive(&mut self) {
        for (path, capability, by) in OWN_TOKEN {
            self.need(Group::OwnToken, path.to_owned(), &[capability], by.to_owned());
        }
    }

    fn need_at(
        &mut self,
        group: Group,
        at: &KvPath,
        path: &str,
        capabilities: &[&'static str],
        by: String,
    ) -> &mut Rule {
        let prefix = self.reach.prefix(at.namespace.as_deref());
        let is_reached = prefix.is_some();
        let rule = self.need(group, prefix.unwrap_or_default() + path, capabilities, by);
        if let Some(namespace) = at.namespace.as_deref().filter(|_| !is_reached) {
            rule.remarks.insert(format!("the namespace {namespace} {OUT_OF_REACH}"));
        }
        rule
    }

    fn need(
        &mut self,
        group: Group,
        request: String,
        capabilities: &[&'static str],
        by: String,
    ) -> &mut Rule {
        let Pattern { path, remark } = Pattern::of(&request);
        let rule = self.rules.entry((group, path.clone())).or_insert_with(|| Rule {
            path,
            capabilities: capabilities.iter().copied().collect(),
            group,
            needed_by: [].into(),
            remarks: remark.map(str::to_owned).into_iter().collect(),
            request,
            or: None,
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
const OUT_OF_REACH: &str = "is not within that of the login, so no policy of the login can reach it";
