//! Replicas of one configuration that share the work through PostgreSQL.
//!
//! [`Cluster`] is a [`Dispatch`](crate::dispatch::Dispatch): scheduler and runner know nothing of it. Without a
//! `cluster` block nothing here runs; without the feature `cluster` only what is configured and shown is left.

mod settings;
mod view;

#[cfg(feature = "cluster")]
mod database;
#[cfg(feature = "cluster")]
mod engine;
#[cfg(feature = "cluster")]
mod error;
#[cfg(feature = "cluster")]
mod migrations;

pub use settings::{Settings, TimeRule};
pub use view::{DeadLetter, Replica, View};

#[cfg(feature = "cluster")]
pub use database::{CONNECTIONS, Database, Examination};
#[cfg(feature = "cluster")]
pub use engine::Cluster;
#[cfg(feature = "cluster")]
pub use error::{Cause, DatabaseError};
