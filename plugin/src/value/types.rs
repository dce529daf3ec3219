//! Types of the configuration language, and their JSON form (`"string"`, `["map","string"]`, …).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use thiserror::Error;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// True or false.
    Bool,
    /// Anything; the value brings its own type.
    Dynamic,
    /// Ordered, all of one type.
    List(Box<Type>),
    /// Text keys, values all of one type.
    Map(Box<Type>),
    /// A number of any size.
    Number,
    /// Named attributes, each with its own type.
    Object(BTreeMap<String, Type>),
    /// Unordered, all of one type, none twice.
    Set(Box<Type>),
    /// Text.
    String,
    /// Ordered, each element with its own type.
    Tuple(Vec<Type>),
}

/// Text that is not the JSON form of a type.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a type of the configuration language")]
pub struct TypeError;

impl Type {
    /// A list of `element`.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// A map of `element`.
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// A set of `element`.
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// The JSON form that schemas and dynamic values carry.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool => json!("bool"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Number => json!("number"),
            Self::Object(attributes) => {
                let entries: serde_json::Map<_, _> =
                    attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
                json!(["object", entries])
            }
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::String => json!("string"),
            Self::Tuple(elements) => {
                json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()])
            }
        }
    }

    /// Reads the JSON form. A third element of `object` (optional attributes) is accepted and dropped.
    ///
    /// # Errors
    /// When the text is not JSON or names no type.
    pub fn from_json(text: &[u8]) -> Result<Self, TypeError> {
        // serde_json bounds the nesting at 128.
        Self::read(&serde_json::from_slice(text).map_err(|_| TypeError)?)
    }

    /// Whether `dynamic` occurs anywhere within.
    pub fn contains_dynamic(&self) -> bool {
        match self {
            Self::Dynamic => true,
            Self::List(element) | Self::Map(element) | Self::Set(element) => element.contains_dynamic(),
            Self::Object(attributes) => attributes.values().any(Self::contains_dynamic),
            Self::Tuple(elements) => elements.iter().any(Self::contains_dynamic),
            Self::Bool | Self::Number | Self::String => false,
        }
    }

    fn read(json: &Json) -> Result<Self, TypeError> {
        match json {
            Json::String(name) => Self::primitive(name),
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(kind), inner] | [Json::String(kind), inner, Json::Array(_)] => {
                    Self::compound(kind, inner)
                }
                _ => Err(TypeError),
            },
            _ => Err(TypeError),
        }
    }

    fn primitive(name: &str) -> Result<Self, TypeError> {
        Ok(match name {
            "bool" => Self::Bool,
            "dynamic" => Self::Dynamic,
            "number" => Self::Number,
            "string" => Self::String,
            _ => return Err(TypeError),
        })
    }

    fn compound(kind: &str, inner: &Json) -> Result<Self, TypeError> {
        Ok(match (kind, inner) {
            ("list", _) => Self::list(Self::read(inner)?),
            ("map", _) => Self::map(Self::read(inner)?),
            ("set", _) => Self::set(Self::read(inner)?),
            ("object", Json::Object(attributes)) => Self::Object(
                attributes
                    .iter()
                    .map(|(name, ty)| Ok((name.clone(), Self::read(ty)?)))
                    .collect::<Result<_, _>>()?,
            ),
            ("tuple", Json::Array(elements)) => {
                Self::Tuple(elements.iter().map(Self::read).collect::<Result<_, _>>()?)
            }
            _ => return Err(TypeError),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_its_json_form() {
        let object = Type::Object(BTreeMap::from([
            ("a".to_owned(), Type::Number),
            ("b".to_owned(), Type::Tuple(vec![Type::Bool, Type::set(Type::String)])),
            ("c".to_owned(), Type::map(Type::list(Type::Dynamic))),
        ]));
        let text = object.to_json().to_string();
        assert_eq!(
            text,
            r#"["object",{"a":"number","b":["tuple",["bool",["set","string"]]],"c":["map",["list","dynamic"]]}]"#
        );
        assert_eq!(Type::from_json(text.as_bytes()), Ok(object));
    }

    #[test]
    fn what_names_no_type_is_refused() {
        for text in ["", "5", "\"text\"", "[\"list\"]", "[\"object\",[]]", "[\"enum\",\"string\"]", "[1,2]"] {
            assert_eq!(Type::from_json(text.as_bytes()), Err(TypeError), "{text}");
        }
    }

    #[test]
    fn types_nested_beyond_reason_are_refused() {
        let text = format!("{}\"string\"{}", "[\"list\",".repeat(500), "]".repeat(500));
        assert_eq!(Type::from_json(text.as_bytes()), Err(TypeError));
    }
}
