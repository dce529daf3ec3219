//! Values as MessagePack, the encoding that hosts send.
//!
//! Objects are maps with every attribute. Any extension type means *unknown*: code 0 is the plain one, code 12
//! carries refinements, and more may come.

use std::collections::BTreeMap;

use rmp::Marker;
use rmp::encode as write;
use zeroize::Zeroizing;

use super::wire::{MAX_DEPTH, WireError};
use super::{Number, Type, Value};
use crate::path::AttributePath;

/// Reads MessagePack as a value of type `ty`. Bytes after the value are ignored, as Terraform does.
pub(super) fn decode(bytes: &[u8], ty: &Type) -> Result<Value, WireError> {
    Reader { rest: bytes, depth: 0 }.value(ty, &AttributePath::root())
}

/// Writes a value of type `ty`.
pub(super) fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::new();
    write_value(&mut out, value, ty, &AttributePath::root())?;
    Ok(out)
}

/// What a value of type `ty` has to be, in words.
pub(super) fn expectation(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a bool is required",
        Type::Dynamic => "a value with its type is required",
        Type::List(_) => "a list is required",
        Type::Map(_) => "a map is required",
        Type::Number => "a number is required",
        Type::Object(_) => "an object is required",
        Type::Set(_) => "a set is required",
        Type::String => "a string is required",
        Type::Tuple(_) => "a tuple of the right length is required",
    }
}

const TRUNCATED: &str = "the value is truncated";

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

#[cfg(test)]
mod tests {
    use super::*;

    fn object(attributes: &[(&str, Type)]) -> Type {
        Type::Object(attributes.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect())
    }

    #[test]
    fn every_kind_of_value_survives_the_wire_unchanged() {
        let ty = object(&[
            ("b", Type::Bool),
            ("d", Type::Dynamic),
            ("l", Type::list(Type::String)),
            ("m", Type::map(Type::Number)),
            ("s", Type::set(Type::Number)),
            ("t", Type::Tuple(vec![Type::String, Type::Bool])),
            ("u", Type::String),
        ]);
        let value = Value::Map(BTreeMap::from([
            ("b".to_owned(), Value::Bool(true)),
            (
                "d".to_owned(),
                Value::Dynamic(Box::new((Type::list(Type::Bool), Value::List(vec![Value::Bool(false)])))),
            ),
            ("l".to_owned(), Value::List(vec![Value::string("cafe\u{301}"), Value::Null])),
            (
                "m".to_owned(),
                Value::Map(BTreeMap::from([("k".to_owned(), Value::Number(Number::Decimal("0.1".into())))])),
            ),
            (
                "s".to_owned(),
                Value::List(vec![
                    Value::Number(Number::Integer(i64::MIN)),
                    Value::Number(Number::Float(5.5)),
                ]),
            ),
            ("t".to_owned(), Value::List(vec![Value::string(""), Value::Null])),
            ("u".to_owned(), Value::Unknown),
        ]));
        let bytes = encode(&value, &ty).unwrap();
        assert_eq!(decode(&bytes, &ty).unwrap(), value);
    }

    #[test]
    fn any_extension_is_unknown_whatever_its_code_and_payload() {
        let refined = [&[0xc7, 12, 12, 0x82, 0x01, 0xc2, 0x02, 0xa7][..], b"http://"].concat();
        for bytes in [
            &[0xd4, 0, 0][..],
            &[0xd4, 99, 7],
            &[0xd8, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        ] {
            assert_eq!(decode(bytes, &Type::String).unwrap(), Value::Unknown);
        }
        assert_eq!(refined.len(), 3 + 12, "payload length as declared");
        assert_eq!(decode(&refined, &Type::String).unwrap(), Value::Unknown);
        assert_eq!(decode(&refined, &object(&[("a", Type::Bool)])).unwrap(), Value::Unknown);
    }

    #[test]
    fn a_number_may_come_as_integer_float_or_decimal_text() {
        let forms: [(&[u8], Number); 6] = [
            (&[5], Number::Integer(5)),
            (&[0xff], Number::Integer(-1)),
            (&[0xcd, 1, 0], Number::Integer(256)),
            (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Number::Unsigned(u64::MAX)),
            (&[0xcb, 0x40, 0x16, 0, 0, 0, 0, 0, 0], Number::Float(5.5)),
            (b"\xa31e3", Number::Decimal("1e3".into())),
        ];
        for (bytes, number) in forms {
            assert_eq!(decode(bytes, &Type::Number).unwrap(), Value::Number(number));
        }
        assert_eq!(decode(b"\xa3abc", &Type::Number).unwrap_err().problem, "a number is required");
    }

    #[test]
    fn a_missing_attribute_is_null_and_a_surplus_one_an_error() {
        let ty = object(&[("a", Type::String), ("b", Type::String)]);
        let decoded = decode(b"\x81\xa1a\xa1x", &ty).unwrap();
        assert_eq!(
            decoded,
            Value::Map(BTreeMap::from(
                [("a".to_owned(), Value::string("x")), ("b".to_owned(), Value::Null),]
            ))
        );
        let error = decode(b"\x81\xa1z\xa1x", &ty).unwrap_err();
        assert_eq!((error.path.to_string().as_str(), error.problem), ("z", "there is no such attribute"));
    }

    #[test]
    fn every_truncation_is_an_error_and_never_a_panic() {
        let ty = object(&[("a", Type::list(Type::String)), ("b", Type::map(Type::Number))]);
        let value = Value::Map(BTreeMap::from([
            ("a".to_owned(), Value::List(vec![Value::string("text"), Value::Unknown])),
            (
                "b".to_owned(),
                Value::Map(BTreeMap::from([("k".to_owned(), Value::Number(Number::Float(1.5)))])),
            ),
        ]));
        let bytes = encode(&value, &ty).unwrap();
        for length in 0..bytes.len() {
            let error = decode(&bytes[..length], &ty).unwrap_err();
            assert_eq!(error.problem, TRUNCATED, "at {length}");
        }
    }

    #[test]
    fn a_declared_length_beyond_the_message_allocates_nothing() {
        for bytes in [[0xdd, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff]] {
            let ty = if bytes[0] == 0xdd { Type::list(Type::String) } else { Type::String };
            assert_eq!(decode(&bytes, &ty).unwrap_err().problem, TRUNCATED);
        }
    }

    #[test]
    fn dynamic_values_nested_without_end_are_refused() {
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            bytes.extend([0x92, 0xc4, 9]);
            bytes.extend(b"\"dynamic\"");
        }
        assert_eq!(decode(&bytes, &Type::Dynamic).unwrap_err().problem, "the value is nested too deep");
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        let ty = object(&[("l", Type::list(Type::Bool))]);
        let error = decode(b"\x81\xa1l\x92\xc3\xa1x", &ty).unwrap_err();
        assert_eq!((error.path.to_string().as_str(), error.problem), ("l[1]", "a bool is required"));
        assert_eq!(decode(b"\x90", &ty).unwrap_err().problem, "an object is required");
        assert_eq!(encode(&Value::Bool(true), &Type::String).unwrap_err().problem, "a string is required");
    }

    #[test]
    fn random_bytes_never_panic() {
        let ty = object(&[("a", Type::Dynamic), ("b", Type::map(Type::list(Type::Number)))]);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(0..40)).map(|_| random.u8(..)).collect();
            drop(decode(&bytes, &ty));
            drop(decode(&bytes, &Type::Dynamic));
        }
    }
}
