//! Readers that many people use, and how long each of them takes to notice a new token if nobody configured it otherwise.

use std::time::Duration;

/// A kind of reader.
#[derive(Debug, Eq, PartialEq)]
pub struct Reader {
    /// What users write.
    pub name: &'static str,
    /// How long it takes to notice at most.
    pub lag: Duration,
    /// Which setting of it that is, with its default.
    pub why: &'static str,
}

impl Reader {
    /// The one that users mean by this name.
    pub fn named(name: &str) -> Option<&'static Reader> {
        READERS.iter().find(|reader| reader.name == name)
    }

    const fn new(name: &'static str, lag: u64, why: &'static str) -> Self {
        Reader { name, lag: Duration::from_secs(lag), why }
    }
}

/// All of them, by name. Those that end with `-volume` write a Secret of Kubernetes that is mounted into a pod: the
/// kubelet looks after it each minute, and its pods take turns.
pub const READERS: &[Reader] = &[
    Reader::new("bao-agent", 5 * MINUTE, "static_secret_render_interval is 5m"),
    Reader::new("consul-template", 5 * MINUTE, "default_lease_duration is 5m"),
    Reader::new("csi", 2 * MINUTE + KUBELET, "rotation-poll-interval is 2m, and the kubelet asks within 90s"),
    Reader::new("external-secrets", 60 * MINUTE, "refreshInterval is 1h"),
    Reader::new(
        "external-secrets-volume",
        60 * MINUTE + KUBELET,
        "refreshInterval is 1h, and the kubelet follows within 90s",
    ),
    Reader::new("vault-agent", 5 * MINUTE, "static_secret_render_interval is 5m"),
    Reader::new("vault-secrets-operator", MINUTE, "without refreshAfter it looks every 60s"),
    Reader::new(
        "vault-secrets-operator-volume",
        MINUTE + KUBELET,
        "without refreshAfter it looks every 60s, and the kubelet follows within 90s",
    ),
];

const MINUTE: u64 = 60;
const KUBELET: u64 = 90;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_found_by_its_name_and_a_mounted_one_is_slower() {
        let lag = |name: &str| Reader::named(name).map(|reader| reader.lag.as_secs());
        assert_eq!(
            (lag("vault-agent"), lag("bao-agent"), lag("external-secrets")),
            (Some(300), Some(300), Some(3600))
        );
        for reader in READERS.iter().filter(|reader| reader.name.ends_with("-volume")) {
            assert_eq!(
                lag(reader.name.trim_end_matches("-volume")),
                Some(reader.lag.as_secs() - 90),
                "{}",
                reader.name
            );
        }
        assert_eq!(lag("Vault-Agent"), None);
    }

    #[test]
    fn every_reader_stands_in_the_documentation() {
        let page = include_str!("../../docs/rotator/commands.md");
        for reader in READERS {
            assert!(page.contains(&format!("`{}`", reader.name)), "{} is missing", reader.name);
        }
    }

    #[test]
    fn readers_stand_in_the_order_of_their_names() {
        assert!(READERS.is_sorted_by_key(|reader| reader.name));
    }
}
