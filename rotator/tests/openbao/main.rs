//! Vault client and runner against a real OpenBao and the sandbox, by the public interface alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers included")]

#[path = "../../../tests/src/authority.rs"]
#[expect(unreachable_pub, reason = "the whole-program tests have it, too")]
mod authority;
mod bao;
mod certificate;
mod credentials;
mod cutting;
mod engines;
mod jwt;
mod kept_in_vault;
mod logging;
mod logins;
mod namespaces;
mod ownership;
mod proxy;
mod publishing;
mod reading;
mod refreshing;
mod renaming;
mod replicas;
mod session;
mod setting;
mod several;
mod standing;
mod succession;
#[path = "../../../tests/src/token_review.rs"]
#[expect(unreachable_pub, reason = "the whole-program tests have it, too")]
mod token_review;
mod wrapped;
