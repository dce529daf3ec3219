//! Real PostgreSQL on a free loopback port, with passwords that must not be seen anywhere: for tests that crash and
//! restart it, or one server for all tests of a program.

mod database;
mod folder;
mod server;
mod shared;

pub use database::{Database, psql};
pub use server::Postgres;
pub use shared::Shared;
