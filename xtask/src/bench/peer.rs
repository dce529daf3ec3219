//! A provider in Go to compare with: small, protocol 6, and to be had as a Python package.

use std::path::{Path, PathBuf};

use tokenferry_packaging::Platform;

use crate::error::Result;
use crate::package::Package;

/// The provider's file name, which Terraform wants.
pub(super) const FILE: &str = "terraform-provider-workato";

/// Pinned: another version would be another measure. One wheel holds the programs for all platforms.
const PACKAGE: Package = Package {
    name: "workato-terraform-provider",
    version: "0.16.0",
    hashes: &["c3c972be81b9e8e51bf96ceeac09ab4e0a09c98ea45352e53ffb6ff8b2457949"],
    file: FILE,
};

/// Name and version for the report.
pub(super) fn describe() -> String {
    format!("{} {}", PACKAGE.name, PACKAGE.version)
}

/// The provider's program, fetched once into `tools`.
pub(super) fn fetch(tools: &Path) -> Result<PathBuf> {
    PACKAGE.fetch(tools, &format!("/{}/{FILE}_v{}", Platform::here(), PACKAGE.version))
}
