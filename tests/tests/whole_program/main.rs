//! The programs as users and Terraform meet them. Names that begin with `case` carry the number of a
//! conformance case of the plugin protocol.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod certificates;
mod configuration;
mod data_sources;
mod entries;
mod ephemeral;
mod handshake;
mod http_token;
mod installing;
mod lifetime;
mod limits;
mod logging;
mod other_calls;
mod prefer_rotated;
mod reattach;
mod revoke_on_close;
mod rotated_token;
mod sharing;
mod terraform_basics;
mod terraform_ephemeral;
mod terraform_interrupt;
mod totp;
#[cfg(test)]
mod zscaler;
