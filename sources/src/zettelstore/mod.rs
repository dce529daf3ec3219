//! Zettelstore: login by HTTP Basic or form, refresh by way of the old token.

mod answer;
mod fields;
mod login;
mod sexpr;

pub use fields::SYSTEM;

#[cfg(test)]
mod tests;
