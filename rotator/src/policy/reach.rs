//! Namespaces. A policy belongs to the namespace of the login. From there it reaches those within, whose paths begin with
//! their names, and no others.

use tokenferry_vault::{ROOT, VaultSettings};

/// Where the login is, and where entries are that name no namespace.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    login: Option<&'a str>,
    entries: Option<&'a str>,
}

impl<'a> Reach<'a> {
    /// As it is configured.
    pub fn of(settings: &'a VaultSettings) -> Self {
        let entries = settings.namespace.as_deref();
        Reach { login: settings.auth_namespace.as_deref().or(entries), entries }
    }

    /// The namespace that policies belong to.
    pub(super) fn home(&self) -> Option<String> {
        self.login.map(steps).filter(|home| !home.is_empty()).map(str::to_owned)
    }

    /// What paths of a namespace begin with, as seen from the login; `None` if it cannot be reached.
    pub fn prefix(&self, namespace: Option<&str>) -> Option<String> {
        let namespace = steps(namespace.or(self.entries).unwrap_or_default());
        let home = steps(self.login.unwrap_or_default());
        if namespace == home {
            return Some(String::new());
        }
        let within =
            if home.is_empty() { namespace } else { namespace.strip_prefix(home)?.strip_prefix('/')? };
        Some(format!("{within}/"))
    }
}

/// A namespace without slashes at its ends; nothing for the one that holds all others.
fn steps(namespace: &str) -> &str {
    let steps = namespace.trim_matches('/');
    if steps == ROOT { "" } else { steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reaches_its_namespace_and_those_within() {
        let cases = [
            ((None, None), None, Some("")),
            ((None, None), Some("team"), Some("team/")),
            ((Some("root"), Some("team")), None, Some("team/")),
            ((Some("team"), Some("team")), Some("root"), None),
            ((Some("team"), Some("team")), None, Some("")),
            ((Some("team/"), Some("team/")), Some("team"), Some("")),
            ((Some("team"), Some("team")), Some("team/a/b"), Some("a/b/")),
            ((Some("team"), Some("team")), Some("teams"), None),
            ((Some("team"), Some("team")), Some("other"), None),
        ];
        for ((login, entries), namespace, expected) in cases {
            let prefix = Reach { login, entries }.prefix(namespace);
            assert_eq!(prefix.as_deref(), expected, "{login:?} {entries:?} {namespace:?}");
        }
    }
}
