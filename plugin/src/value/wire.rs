//! The protocol's `DynamicValue`: MessagePack or JSON, read and written by type.

use tfplugin_proto::tfplugin6 as pb;
use thiserror::Error;
use zeroize::Zeroize;

use super::{Type, Value, json, msgpack};
use crate::path::AttributePath;

/// How deep values may nest. Terraform's own configurations stay far below.
pub(super) const MAX_DEPTH: usize = 64;

/// Why a value cannot be read or written, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{problem}")]
pub struct WireError {
    /// Where in the value.
    pub path: AttributePath,
    /// What is wrong; never contains the value.
    pub problem: &'static str,
}

impl WireError {
    pub(super) fn new(path: &AttributePath, problem: &'static str) -> Self {
        Self { path: path.clone(), problem }
    }
}

/// Reads a value of type `ty`. An empty message means null.
///
/// The encoded bytes are wiped: they may hold secrets.
///
/// # Errors
/// When the bytes are damaged, nest too deep, or do not fit the type. Nothing is allocated on the word of a
/// length that the message does not have.
pub(crate) fn decode(message: Option<pb::DynamicValue>, ty: &Type) -> Result<Value, WireError> {
    let Some(mut message) = message else { return Ok(Value::Null) };
    let decoded = if !message.msgpack.is_empty() {
        msgpack::decode(&message.msgpack, ty)
    } else if !message.json.is_empty() {
        json::decode(&message.json, ty)
    } else {
        Ok(Value::Null)
    };
    message.msgpack.zeroize();
    message.json.zeroize();
    decoded
}

/// Writes a value of type `ty` as MessagePack.
///
/// # Errors
/// When the value does not fit the type.
pub(crate) fn encode(value: &Value, ty: &Type) -> Result<pb::DynamicValue, WireError> {
    Ok(pb::DynamicValue { msgpack: msgpack::encode(value, ty)?, json: Vec::new() })
}
