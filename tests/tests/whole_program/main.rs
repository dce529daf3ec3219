//! The programs as users and Terraform meet them. Names that begin with `case` carry the number of a
//! conformance case of the plugin protocol.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod actions;
mod bad_input;
mod certificates;
mod configuration;
mod data_sources;
mod documentation;
mod entries;
mod ephemeral;
mod functions;
mod handshake;
mod http_token;
mod installing;
mod lifetime;
mod limits;
mod logging;
mod many;
mod other_calls;
mod prefer_rotated;
mod reattach;
mod released;
mod revoke_on_close;
mod rotated_token;
mod sharing;
mod terraform_basics;
mod terraform_ephemeral;
mod terraform_functions;
mod terraform_interrupt;
mod terraform_released;
mod totp;
mod unknowns;
mod user_agent;
mod validation;
#[cfg(test)]
mod zscaler;
