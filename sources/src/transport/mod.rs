//! How requests are made: one lazy client per configuration, bounded in time and size, patient with limits.

mod ca;
mod client;
mod exchange;
mod failure;
mod link_local;
mod message;
mod redirect;
mod settings;
mod user_agent;
mod wait;

pub use ca::certificates;
pub use client::{Calls, HttpClient};
pub(crate) use settings::positive;
pub use settings::{HTTP_FIELDS, HttpSettings};
pub use user_agent::user_agent;

pub(crate) use exchange::send;
pub(crate) use link_local::is_link_local;
pub(crate) use message::{Answer, Body, Patience, Request, is_token, secret_header_value};

#[cfg(test)]
mod tests;
