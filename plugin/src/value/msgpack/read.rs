//! Reading.

use std::collections::BTreeMap;

use rmp::Marker;
use zeroize::Zeroizing;

use super::expectation;
use crate::path::AttributePath;
use crate::value::wire::{MAX_DEPTH, WireError};
use crate::value::{Number, Type, Value};

/// Reads MessagePack as a value of type `ty`. Bytes after the value are ignored, as Terraform does.
pub(in crate::value) fn decode(bytes: &[u8], ty: &Type) -> Result<Value, WireError> {
    Reader { rest: bytes, depth: 0 }.value(ty, &AttributePath::root())
}

pub(super) const TRUNCATED: &str = "the value is truncated";

/// What is left to read.
struct Reader<'a> {
    rest: &'a [u8],
    /// How many values contain the one at hand. Not the path's length: dynamic values add no step.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, ty: &Type, path: &AttributePath) -> Result<Value, WireError> {
        if self.depth == MAX_DEPTH {
            return Err(WireError::new(path, "the value is nested too deep"));
        }
        self.depth += 1;
        let value = self.value_within(ty, path);
        self.depth -= 1;
        value
    }

    fn value_within(&mut self, ty: &Type, path: &AttributePath) -> Result<Value, WireError> {
        let marker = self.marker(path)?;
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        if let Some(length) = self.extension_length(marker, path)? {
            self.take(1, path)?;
            self.take(length, path)?;
            return Ok(Value::Unknown);
        }
        match ty {
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                _ => Err(WireError::new(path, expectation(ty))),
            },
            Type::Dynamic => self.dynamic(marker, path),
            Type::List(element) | Type::Set(element) => {
                let length = self.array_length(marker, ty, path)?;
                self.items(length, |_| Some(element.as_ref()), path)
            }
            Type::Map(element) => self.map(marker, element, path),
            Type::Number => self.number(marker, path),
            Type::Object(attributes) => self.object(marker, attributes, path),
            Type::String => Ok(Value::String(Zeroizing::new(self.text(marker, path)?.to_owned()))),
            Type::Tuple(elements) => {
                let length = self.array_length(marker, ty, path)?;
                if length != elements.len() {
                    return Err(WireError::new(path, expectation(ty)));
                }
                self.items(length, |index| elements.get(index), path)
            }
        }
    }

    fn items<'t>(
        &mut self,
        length: usize,
        element: impl Fn(usize) -> Option<&'t Type>,
        path: &AttributePath,
    ) -> Result<Value, WireError> {
        // The length may be false: room is made for a few, and for more when they are there.
        let mut items = Vec::with_capacity(length.min(64));
        for index in 0..length {
            let path = path.index(index);
            let ty = element(index).ok_or_else(|| WireError::new(&path, TRUNCATED))?;
            items.push(self.value(ty, &path)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, marker: Marker, element: &Type, path: &AttributePath) -> Result<Value, WireError> {
        let length = self.map_length(marker, path, "a map is required")?;
        let mut entries = BTreeMap::new();
        for _ in 0..length {
            let key = self.key(path)?;
            let value = self.value(element, &path.key(&key))?;
            entries.insert(key, value);
        }
        Ok(Value::Map(entries))
    }

    fn object(
        &mut self,
        marker: Marker,
        attributes: &BTreeMap<String, Type>,
        path: &AttributePath,
    ) -> Result<Value, WireError> {
        let length = self.map_length(marker, path, "an object is required")?;
        let mut entries = BTreeMap::new();
        for _ in 0..length {
            let name = self.key(path)?;
            let path = path.attribute(&name);
            let ty =
                attributes.get(&name).ok_or_else(|| WireError::new(&path, "there is no such attribute"))?;
            let value = self.value(ty, &path)?;
            entries.insert(name, value);
        }
        for name in attributes.keys() {
            entries.entry(name.clone()).or_insert(Value::Null);
        }
        Ok(Value::Map(entries))
    }

    fn dynamic(&mut self, marker: Marker, path: &AttributePath) -> Result<Value, WireError> {
        if self.array_length(marker, &Type::Dynamic, path)? != 2 {
            return Err(WireError::new(path, expectation(&Type::Dynamic)));
        }
        let type_marker = self.marker(path)?;
        let ty = Type::from_json(self.text(type_marker, path)?.as_bytes())
            .map_err(|_| WireError::new(path, "the type of a dynamic value is not a type"))?;
        let value = self.value(&ty, path)?;
        Ok(Value::Dynamic(Box::new((ty, value))))
    }

    fn number(&mut self, marker: Marker, path: &AttributePath) -> Result<Value, WireError> {
        let number = match marker {
            Marker::FixPos(value) => Number::Integer(i64::from(value)),
            Marker::FixNeg(value) => Number::Integer(i64::from(value)),
            Marker::U8 => Number::Integer(i64::from(u8::from_be_bytes(self.array(path)?))),
            Marker::U16 => Number::Integer(i64::from(u16::from_be_bytes(self.array(path)?))),
            Marker::U32 => Number::Integer(i64::from(u32::from_be_bytes(self.array(path)?))),
            Marker::U64 => {
                let value = u64::from_be_bytes(self.array(path)?);
                i64::try_from(value).map_or(Number::Unsigned(value), Number::Integer)
            }
            Marker::I8 => Number::Integer(i64::from(i8::from_be_bytes(self.array(path)?))),
            Marker::I16 => Number::Integer(i64::from(i16::from_be_bytes(self.array(path)?))),
            Marker::I32 => Number::Integer(i64::from(i32::from_be_bytes(self.array(path)?))),
            Marker::I64 => Number::Integer(i64::from_be_bytes(self.array(path)?)),
            Marker::F32 => Number::Float(f64::from(f32::from_be_bytes(self.array(path)?))),
            Marker::F64 => Number::Float(f64::from_be_bytes(self.array(path)?)),
            _ => {
                let problem = || WireError::new(path, expectation(&Type::Number));
                let text = self.text(marker, path).map_err(|_| problem())?;
                Number::from_decimal(text).ok_or_else(problem)?
            }
        };
        Ok(Value::Number(number))
    }

    fn key(&mut self, path: &AttributePath) -> Result<String, WireError> {
        let marker = self.marker(path)?;
        Ok(self.text(marker, path)?.to_owned())
    }

    /// Text; binary data is accepted for it, as Terraform does.
    fn text(&mut self, marker: Marker, path: &AttributePath) -> Result<&'a str, WireError> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 | Marker::Bin8 => usize::from(u8::from_be_bytes(self.array(path)?)),
            Marker::Str16 | Marker::Bin16 => usize::from(u16::from_be_bytes(self.array(path)?)),
            Marker::Str32 | Marker::Bin32 => self.length32(path)?,
            _ => return Err(WireError::new(path, expectation(&Type::String))),
        };
        std::str::from_utf8(self.take(length, path)?)
            .map_err(|_| WireError::new(path, "the string is not valid UTF-8"))
    }

    fn array_length(&mut self, marker: Marker, ty: &Type, path: &AttributePath) -> Result<usize, WireError> {
        match marker {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => Ok(usize::from(u16::from_be_bytes(self.array(path)?))),
            Marker::Array32 => self.length32(path),
            _ => Err(WireError::new(path, expectation(ty))),
        }
    }

    fn map_length(
        &mut self,
        marker: Marker,
        path: &AttributePath,
        expected: &'static str,
    ) -> Result<usize, WireError> {
        match marker {
            Marker::FixMap(length) => Ok(usize::from(length)),
            Marker::Map16 => Ok(usize::from(u16::from_be_bytes(self.array(path)?))),
            Marker::Map32 => self.length32(path),
            _ => Err(WireError::new(path, expected)),
        }
    }

    /// The payload's length, if `marker` starts an extension.
    fn extension_length(&mut self, marker: Marker, path: &AttributePath) -> Result<Option<usize>, WireError> {
        Ok(Some(match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => usize::from(u8::from_be_bytes(self.array(path)?)),
            Marker::Ext16 => usize::from(u16::from_be_bytes(self.array(path)?)),
            Marker::Ext32 => self.length32(path)?,
            _ => return Ok(None),
        }))
    }

    fn length32(&mut self, path: &AttributePath) -> Result<usize, WireError> {
        usize::try_from(u32::from_be_bytes(self.array(path)?)).map_err(|_| WireError::new(path, TRUNCATED))
    }

    fn marker(&mut self, path: &AttributePath) -> Result<Marker, WireError> {
        let [byte] = self.array(path)?;
        Ok(Marker::from_u8(byte))
    }

    fn array<const N: usize>(&mut self, path: &AttributePath) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| WireError::new(path, TRUNCATED))?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, length: usize, path: &AttributePath) -> Result<&'a [u8], WireError> {
        let (head, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| WireError::new(path, TRUNCATED))?;
        self.rest = rest;
        Ok(head)
    }
}
