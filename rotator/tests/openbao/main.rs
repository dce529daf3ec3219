//! Vault client and runner against a real OpenBao and the sandbox, by the public interface alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers included")]

mod bao;
mod credentials;
mod cutting;
mod engines;
mod jwt;
mod kept_in_vault;
mod logging;
mod namespaces;
mod ownership;
mod proxy;
mod publishing;
mod reading;
mod refreshing;
mod renaming;
mod session;
mod setting;
mod several;
mod standing;
