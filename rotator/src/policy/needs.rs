//! What is needed, collected by path.

use std::collections::BTreeMap;

use tokenferry_vault::{KvPath, KvVersion};

use super::pattern::Pattern;
use super::{Group, Policy, Program, Reach, Rule};
use crate::rotation::Rotation;
use crate::source::Source;

/// Rules by their paths.
pub(super) struct Needs<'a> {
    reach: Reach<'a>,
    rules: BTreeMap<String, Rule>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(reach: Reach<'a>) -> Self {
        Needs { reach, rules: BTreeMap::new() }
    }

    pub(super) fn policy(self, program: Program) -> Policy {
        let mut rules: Vec<Rule> = self.rules.into_values().collect();
        rules.sort_by_key(|rule| rule.group);
        Policy { program, namespace: self.reach.home(), rules }
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
                    (rule.path.clone(), rule.request.clone())
                });
                let [(first, of_first), (second, of_second)] = requests;
                for (path, other) in [(first, of_second), (second, of_first)] {
                    self.rules.entry(path).and_modify(|rule| rule.or = Some(other));
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
        let rule = self.rules.entry(path.clone()).or_insert_with(|| Rule {
            path,
            capabilities: [].into(),
            group,
            needed_by: [].into(),
            remarks: remark.map(str::to_owned).into_iter().collect(),
            request,
            or: None,
        });
        // One pattern may cover several paths, each with needs of its own.
        rule.capabilities.extend(capabilities);
        rule.group = rule.group.min(group);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::policy::{Versions, of_rotator};

    fn config() -> Config {
        let text = "vault {\n address = \"https://vault.example\"\n}\n\
                    source \"zettelstore\" \"one\" {\n username = \"anna\"\n password = { vault = { mount = \"kv\", \
                    path = \"{{one}}\", field = \"p\" } }\n}\n\
                    rotation \"one\" {\n source = \"zettelstore.one\"\n schedule = \"@hourly\"\n destination {\n \
                    mount = \"kv\"\n path = \"{{two}}\"\n }\n}\n";
        Config::parse(vec![("test.hcl".into(), text.to_owned())], &BTreeMap::new()).unwrap()
    }

    #[test]
    fn a_pattern_that_covers_several_needs_comes_once_with_all_that_they_need() {
        let config = config();
        let policy = of_rotator(config.rotations.iter(), &Versions::new(), Reach::of(&config.vault));
        let rules: Vec<&Rule> = policy.rules.iter().filter(|rule| rule.path == "kv/data/+").collect();
        let [rule] = rules[..] else { panic!("{rules:?}") };
        assert_eq!(rule.capabilities, ["create", "read", "update"].into());
        assert_eq!((rule.group, rule.needed_by.len()), (Group::Destinations, 2));
    }

    #[test]
    fn what_comes_later_adds_what_it_needs() {
        let vault = config().vault;
        let mut needs = Needs::new(Reach::of(&vault));
        needs.need(Group::Sessions, "kv/data/{{a}}".to_owned(), &["read"], "a".to_owned());
        needs.need(Group::Secrets, "kv/data/{{b}}".to_owned(), &["update"], "b".to_owned());
        let rules = needs.policy(Program::Rotator).rules;
        assert_eq!(rules.len(), 1);
        assert_eq!((&rules[0].capabilities, rules[0].group), (&["read", "update"].into(), Group::Secrets));
    }
}
