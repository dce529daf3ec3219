//! Zenoti: an access token by user name, password and app, or an API key that is passed on.

mod answer;
mod device;
mod fields;
mod key;
mod login;
mod refusal;
mod time;

pub use fields::SYSTEM;
