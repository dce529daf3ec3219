//! Replicas of one configuration that share the work through PostgreSQL.
//!
//! [`Cluster`] is a [`Dispatch`](crate::dispatch::Dispatch): scheduler and runner know nothing of it. Without a
//! `cluster` block nothing here runs; without the feature `cluster` only what is configured and shown is left.

mod settings;
mod view;

#[cfg(feature = "cluster")]
mod awaited;
#[cfg(feature = "cluster")]
mod database;
#[cfg(feature = "cluster")]
mod engine;
#[cfg(feature = "cluster")]
mod error;
#[cfg(feature = "cluster")]
mod guarded;
#[cfg(feature = "cluster")]
mod health;
#[cfg(feature = "cluster")]
mod look;
#[cfg(feature = "cluster")]
mod migrations;
#[cfg(feature = "cluster")]
mod office;
#[cfg(feature = "cluster")]
mod queue;
#[cfg(feature = "cluster")]
mod reach;
#[cfg(feature = "cluster")]
mod registry;
#[cfg(feature = "cluster")]
mod rights;
#[cfg(feature = "cluster")]
mod session;
#[cfg(feature = "cluster")]
mod url;
#[cfg(feature = "cluster")]
mod wire;
#[cfg(feature = "cluster")]
mod worker;

pub use settings::{Settings, TimeRule};
pub use view::{DeadLetter, Replica, View};

#[cfg(feature = "cluster")]
pub use database::{CONNECTIONS, Database, Examination, Room};
#[cfg(feature = "cluster")]
pub use engine::Cluster;
#[cfg(feature = "cluster")]
pub use error::{BadCertificate, Cause, DatabaseError, LEAST_VERSION};
#[cfg(feature = "cluster")]
pub use guarded::Guarded;
#[cfg(feature = "cluster")]
pub use url::UrlFault;
