//! Values as they travel: MessagePack with every extension type kept, so that a test can send what
//! Terraform sends for a value that is not known yet, and can see what comes back.

use std::collections::BTreeMap;

use rmp::Marker;
use rmp::decode::{self, Bytes};
use rmp::encode;
use tfplugin_proto::tfplugin6::DynamicValue;

/// One value of the configuration language, untyped.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not set.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text; Terraform also sends numbers without an exact binary form as text.
    Text(String),
    /// A list, set or tuple.
    List(Vec<Value>),
    /// An object or map.
    Object(BTreeMap<String, Value>),
    /// Not known yet: an extension code and its payload.
    Unknown(i8, Vec<u8>),
}

impl Value {
    /// What Terraform sends for a value that it knows nothing about.
    pub fn unknown() -> Self {
        Self::Unknown(0, vec![0])
    }

    /// What Terraform sends for a text that is not null and begins with `prefix`.
    pub fn unknown_with_prefix(prefix: &str) -> Self {
        let mut payload = Vec::new();
        encode::write_map_len(&mut payload, 2).unwrap();
        encode::write_pfix(&mut payload, 1).unwrap();
        encode::write_bool(&mut payload, false).unwrap();
        encode::write_pfix(&mut payload, 2).unwrap();
        encode::write_str(&mut payload, prefix).unwrap();
        Self::Unknown(12, payload)
    }

    /// The member `name` of an object; null for everything else.
    pub fn member(&self, name: &str) -> &Value {
        match self {
            Self::Object(members) => members.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The names of an object's members.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Object(members) => members.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether an unknown stands anywhere in it.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown(..) => true,
            Self::List(items) => items.iter().any(Self::has_unknown),
            Self::Object(members) => members.values().any(Self::has_unknown),
            _ => false,
        }
    }

    /// The bytes for the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// The protocol's message for it.
    pub fn dynamic(&self) -> DynamicValue {
        DynamicValue { msgpack: self.encode(), json: Vec::new() }
    }

    /// Reads a protocol message; both parts empty means null.
    ///
    /// # Errors
    ///
    /// The first thing in the bytes that is not a value.
    pub fn from_dynamic(value: &DynamicValue) -> Result<Self, String> {
        if !value.msgpack.is_empty() {
            let mut bytes = Bytes::new(&value.msgpack);
            let decoded = read(&mut bytes)?;
            return match bytes.remaining_slice().len() {
                0 => Ok(decoded),
                rest => Err(format!("{rest} bytes after the value")),
            };
        }
        if value.json.is_empty() {
            return Ok(Self::Null);
        }
        serde_json::from_slice(&value.json).map(|json| from_json(&json)).map_err(|error| error.to_string())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Null => encode::write_nil(bytes).unwrap(),
            Self::Bool(value) => encode::write_bool(bytes, *value).unwrap(),
            Self::Int(value) => drop(encode::write_sint(bytes, *value).unwrap()),
            Self::Float(value) => encode::write_f64(bytes, *value).unwrap(),
            Self::Text(text) => encode::write_str(bytes, text).unwrap(),
            Self::List(items) => {
                encode::write_array_len(bytes, u32::try_from(items.len()).unwrap()).unwrap();
                for item in items {
                    item.write(bytes);
                }
            }
            Self::Object(members) => {
                encode::write_map_len(bytes, u32::try_from(members.len()).unwrap()).unwrap();
                for (name, member) in members {
                    encode::write_str(bytes, name).unwrap();
                    member.write(bytes);
                }
            }
            Self::Unknown(code, payload) => {
                encode::write_ext_meta(bytes, u32::try_from(payload.len()).unwrap(), *code).unwrap();
                bytes.extend_from_slice(payload);
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// What a configuration says, for tests that write it as JSON.
impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        from_json(json)
    }
}

/// An object of the given members; what a schema has besides them is filled in when it is sent.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Int)
        }
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
    }
}

fn read(bytes: &mut Bytes<'_>) -> Result<Value, String> {
    let marker =
        bytes.remaining_slice().first().copied().map(Marker::from_u8).ok_or("the value ends early")?;
    Ok(match marker {
        Marker::Null => {
            decode::read_nil(bytes).map_err(wrong)?;
            Value::Null
        }
        Marker::True | Marker::False => Value::Bool(decode::read_bool(bytes).map_err(wrong)?),
        Marker::F32 => Value::Float(f64::from(decode::read_f32(bytes).map_err(wrong)?)),
        Marker::F64 => Value::Float(decode::read_f64(bytes).map_err(wrong)?),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = decode::read_str_len(bytes).map_err(wrong)?;
            Value::Text(String::from_utf8(take(bytes, length)?).map_err(wrong)?)
        }
        // The type of a dynamic value comes so.
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = decode::read_bin_len(bytes).map_err(wrong)?;
            Value::Text(String::from_utf8(take(bytes, length)?).map_err(wrong)?)
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            let length = decode::read_array_len(bytes).map_err(wrong)?;
            Value::List((0..length).map(|_| read(bytes)).collect::<Result<_, _>>()?)
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            let length = decode::read_map_len(bytes).map_err(wrong)?;
            Value::Object((0..length).map(|_| read_member(bytes)).collect::<Result<_, _>>()?)
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => {
            let meta = decode::read_ext_meta(bytes).map_err(wrong)?;
            Value::Unknown(meta.typeid, take(bytes, meta.size)?)
        }
        _ => Value::Int(decode::read_int(bytes).map_err(wrong)?),
    })
}

fn read_member(bytes: &mut Bytes<'_>) -> Result<(String, Value), String> {
    match read(bytes)? {
        Value::Text(name) => Ok((name, read(bytes)?)),
        other => Err(format!("{other:?} as the name of a member")),
    }
}

fn take(bytes: &mut Bytes<'_>, length: u32) -> Result<Vec<u8>, String> {
    let rest = bytes.remaining_slice();
    let length = usize::try_from(length).map_err(wrong)?;
    let (taken, rest) = rest.split_at_checked(length).ok_or("the value ends early")?;
    *bytes = Bytes::new(rest);
    Ok(taken.to_vec())
}

fn wrong(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_survives_a_round_trip() {
        let value = object([
            ("null", Value::Null),
            ("flag", true.into()),
            ("number", Value::Int(-70_000)),
            ("fraction", Value::Float(5.5)),
            ("text", "grüße".into()),
            ("list", Value::List(vec![Value::Null, "a".into()])),
            ("unknown", Value::unknown()),
            ("refined", Value::unknown_with_prefix("http://")),
        ]);
        assert_eq!(Value::from_dynamic(&value.dynamic()), Ok(value.clone()));
        assert!(value.has_unknown());
    }

    #[test]
    fn unknowns_look_as_terraform_sends_them() {
        assert_eq!(Value::unknown().encode(), [0xd4, 0, 0]);
        let Value::Unknown(12, payload) = Value::unknown_with_prefix("http://") else {
            panic!("not code 12")
        };
        assert_eq!(payload, b"\x82\x01\xc2\x02\xa7http://");
    }

    #[test]
    fn bytes_after_the_value_are_noticed() {
        let mut bytes = Value::Bool(true).encode();
        bytes.push(0xc0);
        assert!(Value::from_dynamic(&DynamicValue { msgpack: bytes, json: Vec::new() }).is_err());
    }
}
