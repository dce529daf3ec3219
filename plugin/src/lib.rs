//! Terraform's plugin protocol 6 for provider authors.
//!
//! An author implements [`Provider`], [`DataSource`], [`EphemeralResource`], [`Function`] and [`Action`]: schemas, and
//! work with typed configurations. [`serve`] does the rest: the handshake with Terraform or OpenTofu, mutual TLS, values,
//! diagnostics, logs, stopping. This crate knows nothing of tokens.

mod action;
mod config;
mod description;
mod diagnostic;
mod function;
mod handle;
mod path;
mod provider;
mod schema;
mod server;
mod value;

pub use self::action::{Action, ActionHandle, Progress};
pub use self::config::{ConfigReader, FromConfig, Setting, sentence};
pub use self::description::Description;
pub use self::diagnostic::{Diagnostic, Diagnostics, Severity};
pub use self::function::{Function, FunctionError, Parameter, Signature};
pub use self::handle::{DataSourceHandle, EphemeralResourceHandle};
pub use self::path::AttributePath;
pub use self::provider::{Answer, DataSource, EphemeralResource, Host, Opened, Provider, Renewed};
pub use self::schema::{Attribute, AttributeKind, NestedBlock, Nesting, Presence, Schema, SchemaUse};
pub use self::server::{About, serve};
pub use self::value::{Number, NumberError, Object, Type, TypeError, Value, WireError};
