//! The harness of the whole-program tests: the provider as a raw protocol client sees it, real Terraform in a
//! directory of its own, the rotator with real OpenBao, a sandbox with planted secrets, and a search for them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a harness fails its test")]

pub mod authority;
pub mod binaries;
pub mod browser;
pub mod calls;
pub mod connection;
pub mod http;
pub mod issuer;
pub mod launch;
pub mod leak;
pub mod openbao;
pub mod outcome;
pub mod plugin;
pub mod postgres;
pub mod process;
pub mod recorder;
pub mod reply;
pub mod rotator;
pub mod schema;
pub mod service;
pub mod strangers;
pub mod terminal;
pub mod terraform;
pub mod tls;
pub mod token_review;
pub mod value;
