//! Values of the configuration language, and their encodings on the wire.
//!
//! [`Value`] has no type of its own: encoding and decoding are driven by a [`Type`], as in the protocol.

mod json;
mod msgpack;
mod number;
mod types;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

pub use self::number::{Number, NumberError};
pub use self::types::{Type, TypeError};
pub use self::wire::WireError;
pub(crate) use self::wire::{decode, encode};

/// A value as a host sends it or expects it.
///
/// Text is wiped when dropped, and `Debug` shows only what kind of value it is: any text may be a secret.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A value that brings its own type, where the schema says `dynamic`.
    Dynamic(Box<(Type, Value)>),
    /// A list, set or tuple, in the order on the wire.
    List(Vec<Value>),
    /// A map, an object, or the body of a block.
    Map(BTreeMap<String, Value>),
    /// Not set.
    Null,
    /// A number in the form in which it came.
    Number(Number),
    /// Text, in Unicode normal form C when it comes from a host.
    String(Zeroizing<String>),
    /// Not known before apply. Refinements are dropped.
    Unknown,
}

/// Attributes by name: a configuration, a state, or the result of an ephemeral resource.
pub type Object = BTreeMap<String, Value>;

impl Value {
    /// Text.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// Text, or null.
    pub fn optional_string(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, Self::string)
    }

    /// A whole number.
    pub fn whole(number: u64) -> Self {
        Self::Number(match i64::try_from(number) {
            Ok(number) => Number::Integer(number),
            Err(_) => Number::Decimal(number.to_string()),
        })
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this value and everything in it is known.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
            Self::List(items) => items.iter().all(Self::is_wholly_known),
            Self::Map(entries) => entries.values().all(Self::is_wholly_known),
            Self::Bool(_) | Self::Null | Self::Number(_) | Self::String(_) => true,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Dynamic(inner) => f.debug_tuple("Dynamic").field(&inner.0).field(&inner.1).finish(),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Map(entries) => f.debug_map().entries(entries).finish(),
            Self::Null => f.write_str("Null"),
            Self::Number(_) => f.write_str("Number(..)"),
            Self::String(_) => f.write_str("String(..)"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_text_and_no_number() {
        let value = Value::Map(BTreeMap::from([
            ("a".to_owned(), Value::string("planted-secret")),
            ("b".to_owned(), Value::List(vec![Value::Number(Number::Integer(424_242))])),
        ]));
        let shown = format!("{value:?} {value:#?}");
        assert!(!shown.contains("planted") && !shown.contains("424242"), "{shown}");
    }

    #[test]
    fn one_unknown_inside_makes_the_whole_not_wholly_known() {
        let deep = Value::List(vec![Value::Map(BTreeMap::from([("x".to_owned(), Value::Unknown)]))]);
        assert!(!deep.is_wholly_known());
        assert!(Value::List(vec![Value::Null]).is_wholly_known());
    }
}
