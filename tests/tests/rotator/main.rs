//! The rotator as its users meet it, with real OpenBao; and the harness that starts OpenBao for it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod commands;
mod deploying;
mod doctor;
mod explaining;
mod harness;
mod holding;
mod killing;
mod logs;
mod metrics;
mod named_readers;
mod ownership;
mod page;
mod partly;
mod pictures;
mod policy;
mod postgres;
mod readers;
mod redirects;
mod refusals;
mod reloading;
mod replicas;
mod rotating;
mod scheduling;
mod shells;
mod site;
mod stopping;
mod systemd;
mod telling;
mod terminals;
mod two_processes;
mod validating;
mod vault_login;
mod vault_methods;
mod vault_outages;
mod verifying;
