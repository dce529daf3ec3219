//! Rules about dependencies: what must not be in the tree, and which Rust the tree needs.

use std::collections::BTreeSet;

use super::Findings;
use crate::cargo;
use crate::error::Result;
use crate::process;

/// Crates that must not come in, not even through a dependency's default features, and why.
const KEPT_OUT: [(&str, &str); 3] = [
    ("aws-lc-rs", "costs 30 ms of CPU at each start; take the feature of the dependency that uses ring"),
    ("native-tls", "is a second TLS library; take the feature of the dependency that uses rustls"),
    ("openssl-sys", "needs OpenSSL on every machine; take the feature of the dependency that uses rustls"),
];

/// None of [`KEPT_OUT`] is in the tree of any crate of the workspace, for any target and with any feature.
pub(super) fn kept_out() -> Result<Findings> {
    let whole = ["tree", "--locked", "--workspace", "--all-features", "--target", "all"];
    let arguments = [whole.as_slice(), &["--prefix", "none", "--format", "{p}"]].concat();
    let tree = process::stdout(&mut cargo::command(&arguments))?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let found = KEPT_OUT.iter().filter(|(name, _)| names.contains(name));
    let problems = found.map(|(name, why)| {
        format!("{name} {why}\n      who brings it: cargo tree --workspace --target all -i {name}")
    });
    Ok(Findings { problems: problems.collect(), ..Findings::default() })
}

/// The workspace asks for no older Rust than its dependencies do.
pub(super) fn rust_version() -> Result<Findings> {
    let packages = cargo::metadata()?.packages;
    let (ours, theirs): (Vec<_>, Vec<_>) = packages.iter().partition(|package| package.source.is_none());
    let stated = ours.iter().filter_map(|package| package.rust_version.as_deref()).map(parse).min();
    let Some(stated) = stated else {
        let problem = "no crate of the workspace states a rust-version: set it in [workspace.package]";
        return Ok(Findings { problems: vec![problem.to_owned()], ..Findings::default() });
    };
    let newer = theirs.iter().filter_map(|package| {
        let needed = package.rust_version.as_deref()?;
        (parse(needed) > stated).then(|| {
            format!(
                "{} {} needs Rust {needed}: raise rust-version in Cargo.toml",
                package.name, package.version
            )
        })
    });
    Ok(Findings { problems: newer.collect(), ..Findings::default() })
}

/// A version as numbers; a missing part counts as 0.
fn parse(version: &str) -> [u64; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_with_missing_parts_as_zero() {
        assert!(parse("1.88") < parse("1.88.1"));
        assert!(parse("1.9") < parse("1.88"));
        assert_eq!(parse("1.88"), parse("1.88.0"));
    }
}
