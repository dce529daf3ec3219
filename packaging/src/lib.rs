//! What users get of our programs: archives and checksums as provider registries take them, and filesystem mirrors as
//! Terraform and OpenTofu install from them. `cargo xtask dist` makes releases with this, tests install from what it made.

mod archive;
mod configuration;
mod elf;
mod mirror;
mod platform;
mod release;
mod sums;

pub use archive::{Member, write_archive};
pub use configuration::{dev_overrides, mirror_only, mirror_with_registry};
pub use elf::{Linkage, linkage};
pub use mirror::Mirror;
pub use platform::Platform;
pub use release::Release;
pub use sums::sums;
