//! The flat JSON objects that systems answer, read so that their texts stay secret.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The members of a JSON object.
#[derive(Debug)]
pub(crate) struct Fields(BTreeMap<String, Leaf>);

impl Fields {
    /// Reads a JSON object. The parser's own words could repeat parts of the text and are dropped.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, NotAnObject> {
        serde_json::from_slice(body).map(Fields).map_err(|_| NotAnObject)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&SecretString> {
        match self.0.get(name) {
            Some(Leaf::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Leaf::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn into_texts(self) -> impl Iterator<Item = (String, SecretString)> {
        self.0.into_iter().filter_map(|(name, leaf)| match leaf {
            Leaf::Text(text) => Some((name, text)),
            Leaf::Number(_) | Leaf::Other => None,
        })
    }
}

/// The body is not a JSON object.
#[derive(Debug)]
pub(crate) struct NotAnObject;

#[derive(Debug)]
enum Leaf {
    Number(f64),
    Other,
    Text(SecretString),
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

#[expect(clippy::cast_precision_loss, reason = "the numbers are seconds, far below 2^53")]
impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Leaf, E> {
        Ok(Leaf::Text(text.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Leaf, E> {
        Ok(Leaf::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Leaf, E> {
        Ok(Leaf::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Leaf, E> {
        Ok(Leaf::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Leaf, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Leaf, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn members_of_any_type_are_tolerated() {
        let fields =
            Fields::parse(br#" {"a":"x","b":null,"c":[1,{}],"d":{"e":1},"f":true,"g":-2,"h":1.5} "#).unwrap();
        assert_eq!(fields.text("a").unwrap().expose_secret(), "x");
        assert!(["b", "c", "d", "f", "g"].iter().all(|name| fields.text(name).is_none()));
        assert_eq!(
            (fields.number("g"), fields.number("h"), fields.number("a")),
            (Some(-2.0), Some(1.5), None)
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "\"x\"", "404 Not Found", "{\"a\":1", "{\"a\":1} x"] {
            assert!(Fields::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn debug_hides_the_texts() {
        let fields = Fields::parse(br#"{"jwtToken":"hunter2"}"#).unwrap();
        assert!(!format!("{fields:?}").contains("hunter2"));
    }
}
