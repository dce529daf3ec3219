//! Replicas in one process, each with connections of its own, and a real PostgreSQL between them.

#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod anew;
mod changes;
mod database;
mod losses;
mod mistakes;
mod replica;
mod sharing;
mod shown;
mod unwritable;
mod vault;
mod way;
mod world;
