//! ZetaSafe: a token for one client of one user, by user name and password.

mod call;
mod fields;
mod login;
mod refusal;

pub use fields::SYSTEM;
