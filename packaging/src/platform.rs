//! Machines by the names that Terraform has for them.

use std::env::consts;
use std::fmt;

/// A kind of machine, such as `linux_amd64`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Platform {
    system: &'static str,
    processor: &'static str,
}

impl Platform {
    /// The one that this program was built for.
    pub fn here() -> Self {
        Self::named(consts::OS, consts::ARCH)
    }

    /// The one that Rust calls `target`, such as `x86_64-unknown-linux-gnu`; nothing for one that Terraform has no
    /// name for.
    pub fn of_target(target: &str) -> Option<Self> {
        let mut parts = target.split('-');
        let processor = known(&PROCESSORS, parts.next()?)?;
        let system = parts.find_map(|part| known(&SYSTEMS, part))?;
        Some(Self { system, processor })
    }

    fn named(system: &'static str, processor: &'static str) -> Self {
        Self {
            system: known(&SYSTEMS, system).unwrap_or(system),
            processor: known(&PROCESSORS, processor).unwrap_or(processor),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}_{}", self.system, self.processor)
    }
}

/// Rust's names and Terraform's.
const SYSTEMS: [(&str, &str); 4] =
    [("darwin", "darwin"), ("freebsd", "freebsd"), ("linux", "linux"), ("macos", "darwin")];
const PROCESSORS: [(&str, &str); 6] = [
    ("aarch64", "arm64"),
    ("arm", "arm"),
    ("armv7", "arm"),
    ("i686", "386"),
    ("x86", "386"),
    ("x86_64", "amd64"),
];

fn known(names: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    names.iter().find(|(rust, _)| *rust == name).map(|(_, terraform)| *terraform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_get_the_names_that_terraform_has_for_them() {
        let named = |target| Platform::of_target(target).map(|platform| platform.to_string());
        for (target, name) in [
            ("x86_64-unknown-linux-gnu", "linux_amd64"),
            ("x86_64-unknown-linux-musl", "linux_amd64"),
            ("aarch64-unknown-linux-gnu", "linux_arm64"),
            ("aarch64-apple-darwin", "darwin_arm64"),
            ("armv7-unknown-linux-gnueabihf", "linux_arm"),
        ] {
            assert_eq!(named(target).as_deref(), Some(name));
        }
        assert_eq!(named("wasm32-unknown-unknown"), None);
        assert_eq!(named("nonsense"), None);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn this_machine_has_its_name() {
        assert_eq!(Platform::here().to_string(), "linux_amd64");
    }
}
