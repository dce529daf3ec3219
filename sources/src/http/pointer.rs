//! JSON Pointers (RFC 6901), followed through an answer without keeping the rest of it.

use std::fmt;

use secrecy::SecretString;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The way to one value of a JSON text.
pub(super) struct Pointer(Vec<String>);

/// What stands where a pointer leads.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// An object, a list or null.
    NoText,
    /// A text, a number, true or false.
    Text(SecretString),
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(rest) = text.strip_prefix('/') else {
            return if text.is_empty() {
                Ok(Pointer(Vec::new()))
            } else {
                Err("it must begin with `/`, as in \"/token\"")
            };
        };
        rest.split('/').map(unescaped).collect::<Option<_>>().map(Pointer).ok_or(
            "it has a `~` that is followed by neither 0 nor 1; write `~0` for `~`, and `~1` for `/` within a name",
        )
    }

    /// Follows the way; `None` if the text is not JSON.
    pub(super) fn find(&self, json: &[u8]) -> Option<Found> {
        let mut parser = serde_json::Deserializer::from_slice(json);
        let found = Step(&self.0).deserialize(&mut parser).ok()?;
        parser.end().ok()?;
        Some(found)
    }
}

fn unescaped(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.try_fold(first, |text, piece| match piece.strip_prefix('0') {
        Some(rest) => Some(format!("{text}~{rest}")),
        None => piece.strip_prefix('1').map(|rest| format!("{text}/{rest}")),
    })
}

/// The rest of the way from here.
#[derive(Clone, Copy)]
struct Step<'a>(&'a [String]);

impl Step<'_> {
    fn leaf(self, text: impl FnOnce() -> SecretString) -> Found {
        if self.0.is_empty() { Found::Text(text()) } else { Found::Nothing }
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Found, E> {
        Ok(self.leaf(|| flag.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Found, E> {
        Ok(self.leaf(|| number.to_string().into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Found, E> {
        Ok(self.leaf(|| number.to_string().into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Found, E> {
        Ok(self.leaf(|| number.to_string().into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(self.leaf(|| text.into()))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(if self.0.is_empty() { Found::NoText } else { Found::Nothing })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found, A::Error> {
        let mut found = if self.0.is_empty() { Found::NoText } else { Found::Nothing };
        while let Some(name) = members.next_key::<String>()? {
            match self.0.split_first() {
                // Of members of the same name the last one counts, as almost everywhere.
                Some((wanted, rest)) if *wanted == name => found = members.next_value_seed(Step(rest))?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        let Some((wanted, rest)) = self.0.split_first() else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Found::NoText);
        };
        let mut found = Found::Nothing;
        for index in 0usize.. {
            let here = index.to_string() == *wanted;
            let more = if here {
                items.next_element_seed(Step(rest))?.map(|item| found = item).is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn find(json: &str, pointer: &str) -> String {
        match Pointer::parse(pointer).unwrap().find(json.as_bytes()) {
            None => "not JSON".to_owned(),
            Some(Found::Nothing) => "nothing".to_owned(),
            Some(Found::NoText) => "no text".to_owned(),
            Some(Found::Text(text)) => text.expose_secret().to_owned(),
        }
    }

    /// The document and the pointers of RFC 6901, section 5, where they lead to a number.
    #[test]
    fn the_examples_of_the_rfc_are_followed() {
        let document =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let cases = [
            ("/foo/0", "bar"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("/foo", "no text"),
            ("", "no text"),
        ];
        for (pointer, expected) in cases {
            assert_eq!(find(document, pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn texts_numbers_and_flags_are_found_and_nothing_else() {
        let document =
            r#"{"a":{"b":[null,true,-5,3600,1.5,"x",{"c":"deep"}]},"~1":"tilde","n":null,"d":1,"d":2}"#;
        let cases = [
            ("/a/b/0", "no text"),
            ("/a/b/1", "true"),
            ("/a/b/2", "-5"),
            ("/a/b/3", "3600"),
            ("/a/b/4", "1.5"),
            ("/a/b/5", "x"),
            ("/a/b/6/c", "deep"),
            ("/~01", "tilde"),
            ("/n", "no text"),
            ("/d", "2"),
            ("/a", "no text"),
            ("/x", "nothing"),
            ("/n/x", "nothing"),
            ("/d/0", "nothing"),
            ("/a/b/7", "nothing"),
            ("/a/b/-", "nothing"),
            ("/a/b/01", "nothing"),
            ("/a/b/5/0", "nothing"),
        ];
        for (pointer, expected) in cases {
            assert_eq!(find(document, pointer), expected, "{pointer}");
        }
        assert_eq!(find("\"alone\"", ""), "alone");
        for json in ["", "<html>", "{\"a\":1", "{} x"] {
            assert_eq!(find(json, "/a"), "not JSON", "{json}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["a", "a/b", "#/a", "/a~", "/~2", "/a~b"] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
    }
}
