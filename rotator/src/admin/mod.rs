//! The daemon, seen from outside: `/metrics`, `/healthz`, `/readyz`, and `/`, a page for people.
//!
//! Nothing can be changed or started here, and nothing secret is shown: no user, no text of a system, no path of a
//! secret; of a failure only its class. What is told is asked of the daemon when somebody wants to know it; if the
//! daemon does not answer, that is what is told.

mod answer;
mod body;
mod guests;
mod health;
mod host;
mod listener;
mod metrics;
mod page;
mod patient;
mod seats;
mod server;
mod usage;

pub use health::{Reason, reasons};
pub use listener::{ListenError, listener};
pub use server::{Admin, serve};
