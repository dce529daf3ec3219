//! The words of the configuration language. Only these can be shown of a file that cannot be parsed, and only these can
//! have been meant by a word that is none.

use std::sync::LazyLock;

use tokenferry_sources::{Field, FieldKind, HTTP_FIELDS, SYSTEMS};

/// A kind of block: its name, and what the names in its header are.
pub(super) struct Kind<const N: usize> {
    pub(super) name: &'static str,
    pub(super) labels: [&'static str; N],
}

pub(super) const AUTH: Kind<1> = Kind { name: "auth", labels: ["METHOD"] };
pub(super) const CLUSTER: Kind<0> = Kind { name: "cluster", labels: [] };
pub(super) const DESTINATION: Kind<0> = Kind { name: "destination", labels: [] };
pub(super) const ROTATION: Kind<1> = Kind { name: "rotation", labels: ["NAME"] };
pub(super) const SESSION: Kind<0> = Kind { name: "session", labels: [] };
pub(super) const SOURCE: Kind<2> = Kind { name: "source", labels: ["SYSTEM", "NAME"] };
pub(super) const VAULT: Kind<0> = Kind { name: "vault", labels: [] };

impl<const N: usize> Kind<N> {
    /// How the first line of such a block looks.
    pub(super) fn header(&self) -> String {
        header(self.name, &self.labels)
    }

    const fn any(&self) -> (&str, &[&str]) {
        (self.name, &self.labels)
    }
}

/// What the names in the header of such a block are, if there is such a block.
pub(super) fn labels_of(kind: &str) -> Option<&'static [&'static str]> {
    let written = KINDS.iter().find(|(name, _)| *name == kind).map(|(_, labels)| *labels);
    // What is an attribute elsewhere may be one here.
    let may_be_attribute = || ATTRIBUTES.contains(&kind);
    let is_described = || field(kind).is_some_and(|field| matches!(field.kind, FieldKind::Blocks(_)));
    written.or_else(|| (is_described() && !may_be_attribute()).then_some(&[][..]))
}

/// How the first line of such a block looks.
pub(super) fn header(kind: &str, labels: &[&str]) -> String {
    let labels = labels.iter().map(|label| format!("\"{label}\""));
    let words: Vec<String> = [kind.to_owned()].into_iter().chain(labels).collect();
    words.join(" ") + " { … }"
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let kinds = KINDS.iter().map(|(name, _)| *name);
    ATTRIBUTES.iter().chain(SECRETS).copied().chain(kinds).chain(FIELDS.iter().map(|field| field.name))
}

pub(super) fn is_known(word: &str) -> bool {
    all().any(|known| known == word)
}

/// Whether this is the name of a secret, which stands in no file.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name) || FIELDS.iter().any(|field| field.name == name && field.kind.is_secret())
}

/// A field of that name.
pub(super) fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().copied().find(|field| field.name == name)
}

/// The described fields, with those that stand within others.
static FIELDS: LazyLock<Vec<&'static Field>> = LazyLock::new(|| {
    let mut fields: Vec<&'static Field> = described().collect();
    let mut read = 0;
    while let Some(field) = fields.get(read).copied() {
        fields.extend(field.kind.inner());
        read += 1;
    }
    fields
});

#[cfg(not(test))]
fn described() -> impl Iterator<Item = &'static Field> {
    SYSTEMS.iter().flat_map(|system| system.all_fields()).chain(HTTP_FIELDS)
}

#[cfg(test)]
fn described() -> impl Iterator<Item = &'static Field> {
    let made_up = super::tests::structures::FIELDS;
    SYSTEMS.iter().flat_map(|system| system.all_fields()).chain(HTTP_FIELDS).chain(made_up)
}

const KINDS: &[(&str, &[&str])] =
    &[AUTH.any(), CLUSTER.any(), DESTINATION.any(), ROTATION.any(), SESSION.any(), SOURCE.any(), VAULT.any()];

/// Attributes beyond the fields of the systems. The reader sees to it that none is forgotten here.
const ATTRIBUTES: &[&str] = &[
    "address",
    "addresses",
    "adopt",
    "allow_http",
    "allow_plaintext",
    "allowed_hosts",
    "cert_file",
    "concurrency",
    "enabled",
    "env",
    "field",
    "fields",
    "file",
    "grace_period",
    "heartbeat_interval",
    "heartbeat_limit",
    "key_file",
    "listen",
    "mount",
    "name",
    "namespace",
    "page",
    "path",
    "rate",
    "reader",
    "reader_lag",
    "renew_before",
    "replica",
    "role",
    "role_id",
    "schedule",
    "spread",
    "survive_outage",
    "time_zone",
    "use_refresh_token",
    "verify",
    "wrapped",
];
const SECRETS: &[&str] = &["database_url", "jwt", "secret_id", "token"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_as_many_names_as_its_kind() {
        let names = |kind| labels_of(kind).map(<[&str]>::len);
        assert_eq!(["vault", "auth", "source", "username"].map(names), [Some(0), Some(1), Some(2), None]);
        assert_eq!(SOURCE.header(), "source \"SYSTEM\" \"NAME\" { … }");
        assert_eq!(VAULT.header(), "vault { … }");
    }

    #[test]
    fn secrets_are_known_by_name() {
        assert!(["password", "secret_key", "secret_id", "token"].into_iter().all(is_secret));
        assert!(!["username", "role_id", "path"].into_iter().any(is_secret));
    }
}
