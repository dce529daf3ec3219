//! Any HTTP service that gives a token: one request or a chain of them, or OAuth 2 client credentials.

mod chain;
mod fields;
mod issue;
mod json;
mod names;
mod notes;
mod oauth2;
mod plan;
mod pointer;
mod reading;
mod request;
mod request_fields;
mod service;
mod take;
mod target;
mod template;
mod trial;

pub use fields::SYSTEM;

#[cfg(test)]
mod tests;
