//! The Terraform projects that are measured.

use std::path::Path;

use crate::error::Result;
use crate::mirror;
use crate::sandbox::Access;
use crate::terraform::{Project, Terraform};

/// As many reads as the second of the two plans has.
pub(super) const MANY: u32 = 100;

/// A provider as a configuration names it.
const REQUIRED: &str =
    "terraform {\n  required_providers {\n    NAME = {\n      source = \"SOURCE\"\n    }\n  }\n}\n";

/// A project that needs no provider at all.
pub(super) fn without_provider(terraform: &Terraform, folder: &Path) -> Result<Project> {
    project(terraform, folder, "output \"answer\" {\n  value = 42\n}\n")
}

/// A project that names a provider and does nothing with it: enough for its schema.
pub(super) fn schema_only(terraform: &Terraform, folder: &Path, name: &str, source: &str) -> Result<Project> {
    project(terraform, folder, &required(name, source))
}

/// A project that reads the one-time passwords of `count` devices, each once.
pub(super) fn reads(terraform: &Terraform, folder: &Path, access: &Access, count: u32) -> Result<Project> {
    let zscaler = &access.zscaler;
    let settings = format!(
        "provider \"tokenferry\" {{\n  zscaler = {{\n    base_url   = {:?}\n    api_key    = {:?}\n    secret_key = {:?}\n  }}\n}}\n",
        zscaler.base_url, zscaler.api_key, zscaler.secret_key
    );
    let data = format!(
        "data \"tokenferry_zscaler_otp\" \"device\" {{\n  count = {count}\n  udid  = format({DEVICE:?}, count.index)\n}}\n"
    );
    project(terraform, folder, &[required("tokenferry", "tokenferry/tokenferry"), settings, data].concat())
}

/// Device ids for Terraform's `format`, all different.
const DEVICE: &str = "%08X-0000-1111-2222-333344445555:501";

fn required(name: &str, source: &str) -> String {
    REQUIRED.replace("NAME", name).replace("SOURCE", source)
}

fn project(terraform: &Terraform, folder: &Path, configuration: &str) -> Result<Project> {
    mirror::make_folder(folder)?;
    mirror::write(&folder.join("main.tf"), configuration)?;
    Ok(Project::new(terraform, folder))
}
