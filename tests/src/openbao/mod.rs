//! Real OpenBao (or Vault) on a free loopback port: in memory, or on disk for tests that kill and restart it.

mod access;
mod api;
mod audit;
mod entry;
mod server;

pub use access::{AppRole, rotator_policy};
pub use api::{Answer, Api};
pub use audit::Audited;
pub use entry::{Entry, Version};
pub use server::OpenBao;
