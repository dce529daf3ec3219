//! Writing.

use std::collections::BTreeMap;

use rmp::encode as write;

use super::expectation;
use crate::path::AttributePath;
use crate::value::wire::WireError;
use crate::value::{Number, Type, Value};

/// Writes a value of type `ty`.
pub(in crate::value) fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::new();
    write_value(&mut out, value, ty, &AttributePath::root())?;
    Ok(out)
}

fn write_value(out: &mut Vec<u8>, value: &Value, ty: &Type, path: &AttributePath) -> Result<(), WireError> {
    let mismatch = || WireError::new(path, expectation(ty));
    match (ty, value) {
        (_, Value::Null) => put(write::write_nil(out), path),
        (_, Value::Unknown) => {
            out.extend([0xd4, 0x00, 0x00]);
            Ok(())
        }
        (Type::Bool, Value::Bool(value)) => put(write::write_bool(out, *value), path),
        (Type::Number, Value::Number(number)) => write_number(out, number, path),
        (Type::String, Value::String(text)) => put(write::write_str(out, text), path),
        (Type::Dynamic, Value::Dynamic(inner)) => {
            put(write::write_array_len(out, 2), path)?;
            put(write::write_bin(out, inner.0.to_json().to_string().as_bytes()), path)?;
            write_value(out, &inner.1, &inner.0, path)
        }
        (Type::List(element) | Type::Set(element), Value::List(items)) => {
            put(write::write_array_len(out, wire_length(items.len(), path)?), path)?;
            let mut numbered = items.iter().enumerate();
            numbered.try_for_each(|(index, item)| write_value(out, item, element, &path.index(index)))
        }
        (Type::Tuple(types), Value::List(items)) if types.len() == items.len() => {
            put(write::write_array_len(out, wire_length(items.len(), path)?), path)?;
            let mut pairs = items.iter().zip(types).enumerate();
            pairs.try_for_each(|(index, (item, ty))| write_value(out, item, ty, &path.index(index)))
        }
        (Type::Map(element), Value::Map(entries)) => {
            put(write::write_map_len(out, wire_length(entries.len(), path)?), path)?;
            entries.iter().try_for_each(|(key, item)| {
                put(write::write_str(out, key), path)?;
                write_value(out, item, element, &path.key(key))
            })
        }
        (Type::Object(attributes), Value::Map(entries)) => write_object(out, attributes, entries, path),
        _ => Err(mismatch()),
    }
}

fn write_object(
    out: &mut Vec<u8>,
    attributes: &BTreeMap<String, Type>,
    entries: &BTreeMap<String, Value>,
    path: &AttributePath,
) -> Result<(), WireError> {
    if let Some(surplus) = entries.keys().find(|name| !attributes.contains_key(*name)) {
        return Err(WireError::new(&path.attribute(surplus), "there is no such attribute"));
    }
    put(write::write_map_len(out, wire_length(attributes.len(), path)?), path)?;
    attributes.iter().try_for_each(|(name, ty)| {
        put(write::write_str(out, name), path)?;
        write_value(out, entries.get(name).unwrap_or(&Value::Null), ty, &path.attribute(name))
    })
}

fn write_number(out: &mut Vec<u8>, number: &Number, path: &AttributePath) -> Result<(), WireError> {
    match number {
        Number::Integer(value) => put(write::write_sint(out, *value), path),
        Number::Unsigned(value) => put(write::write_uint(out, *value), path),
        Number::Float(value) => put(write::write_f64(out, *value), path),
        Number::Decimal(text) => put(write::write_str(out, text), path),
    }
}

fn wire_length(length: usize, path: &AttributePath) -> Result<u32, WireError> {
    u32::try_from(length).map_err(|_| WireError::new(path, "the value has too many elements"))
}

/// Writing to memory cannot fail; the error type of the encoder says otherwise.
fn put<T, E>(written: Result<T, E>, path: &AttributePath) -> Result<(), WireError> {
    written.map(|_| ()).map_err(|_| WireError::new(path, "the value cannot be encoded"))
}
