//! The JSON objects that systems answer, read so that their texts stay secret.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Reads a JSON object. The parser's own words could repeat parts of the text and are dropped.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, NotAnObject> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(NotAnObject),
        }
    }

    /// The same members, all names in lower case. Of two that become one, a null counts less.
    pub(crate) fn in_lower_case(self) -> Self {
        let mut fields = Fields::default();
        for (name, value) in self.0 {
            let name = name.to_lowercase();
            if !matches!(value, Value::Null) || fields.is_null(&name) {
                fields.0.insert(name, value.in_lower_case());
            }
        }
        fields
    }

    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether a member is missing or null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        matches!(self.0.get(name), None | Some(Value::Null))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Fields> {
        match self.0.get(name) {
            Some(Value::Object(fields)) => Some(fields),
            _ => None,
        }
    }

    /// The objects of a list.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = &Fields> {
        self.list(name).iter().filter_map(|value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&SecretString> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &SecretString> {
        self.list(name).iter().filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    pub(crate) fn into_texts(self) -> impl Iterator<Item = (String, SecretString)> {
        self.0.into_iter().filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name, text)),
            _ => None,
        })
    }

    /// A number that may have been written as a text.
    pub(crate) fn lenient_number(&self, name: &str) -> Option<f64> {
        let from_text = || self.text(name)?.expose_secret().trim().parse().ok();
        self.number(name).or_else(from_text).filter(|number: &f64| number.is_finite())
    }

    fn list(&self, name: &str) -> &[Value] {
        match self.0.get(name) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }
}

/// Objects of which only some members are read, and everything else is skipped.
#[derive(Debug)]
pub(crate) enum Selected {
    /// One that stands alone.
    Alone(Fields),
    /// Those of an array.
    Listed(Vec<Fields>),
}

/// Reads an object or an array of objects, with the members that are wanted.
pub(crate) fn select(body: &[u8], wanted: fn(&str) -> bool) -> Result<Selected, NotAnObject> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let selected =
        Select { wanted, in_list: false }.deserialize(&mut deserializer).map_err(|_| NotAnObject)?;
    deserializer.end().map_err(|_| NotAnObject)?;
    Ok(selected)
}

#[derive(Clone, Copy)]
struct Select {
    wanted: fn(&str) -> bool,
    in_list: bool,
}

impl<'de> DeserializeSeed<'de> for Select {
    type Value = Selected;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Selected, D::Error> {
        if self.in_list { deserializer.deserialize_map(self) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Select {
    type Value = Selected;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Selected, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if (self.wanted)(&name) {
                fields.insert(name, members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Selected::Alone(Fields(fields)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Selected, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Select { in_list: true, ..self })? {
            match item {
                Selected::Alone(fields) => all.push(fields),
                Selected::Listed(more) => all.extend(more),
            }
        }
        Ok(Selected::Listed(all))
    }
}

/// The body is not a JSON object.
#[derive(Debug)]
pub(crate) struct NotAnObject;

#[derive(Debug)]
enum Value {
    Flag(bool),
    List(Vec<Value>),
    Null,
    Number(f64),
    Object(Fields),
    Text(SecretString),
}

impl Value {
    fn in_lower_case(self) -> Self {
        match self {
            Value::List(values) => Value::List(values.into_iter().map(Value::in_lower_case).collect()),
            Value::Object(fields) => Value::Object(fields.in_lower_case()),
            other => other,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

#[expect(clippy::cast_precision_loss, reason = "the numbers are seconds and codes, far below 2^53")]
impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = members.next_entry()? {
            fields.0.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_members_are_taken_in() {
        let wanted: fn(&str) -> bool = |name| name == "a" || name == "n";
        let Ok(Selected::Listed(all)) =
            select(br#"[{"a":"x","b":"hunter2","c":["hunter2"]},{},{"n":"1"}]"#, wanted)
        else {
            panic!("an array");
        };
        let names: Vec<Vec<&String>> = all.iter().map(|fields| fields.0.keys().collect()).collect();
        assert_eq!(names, [vec!["a"], vec![], vec!["n"]]);
        assert!(matches!(select(br#"{"a":"x"}"#, wanted), Ok(Selected::Alone(_))));
        for body in ["", "1", "[1]", "[[{}]]", "{} {}", "[{}", "404 Not Found"] {
            assert!(select(body.as_bytes(), wanted).is_err(), "{body}");
        }
    }

    #[test]
    fn numbers_may_be_texts() {
        let fields = Fields::parse(br#"{"a":1,"b":"1","c":1.0,"d":"","e":"x","f":"inf"}"#).unwrap();
        let numbers = ["a", "b", "c", "d", "e", "f"].map(|name| fields.lenient_number(name));
        assert_eq!(numbers, [Some(1.0), Some(1.0), Some(1.0), None, None, None]);
    }

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
    fn what_lies_deeper_is_read_too() {
        let fields = Fields::parse(br#"{"a":{"b":"x"},"l":["y",1,{"c":"z"}],"f":true,"n":null}"#).unwrap();
        assert_eq!(fields.object("a").unwrap().text("b").unwrap().expose_secret(), "x");
        assert_eq!(fields.texts("l").map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["y"]);
        assert_eq!(fields.objects("l").next().unwrap().text("c").unwrap().expose_secret(), "z");
        assert_eq!((fields.flag("f"), fields.flag("a")), (Some(true), None));
        assert_eq!(
            (fields.is_null("n"), fields.is_null("missing"), fields.is_null("f")),
            (true, true, false)
        );
        assert_eq!(fields.names().collect::<Vec<_>>(), ["a", "f", "l", "n"]);
    }

    #[test]
    fn names_can_be_read_in_any_case() {
        let fields = Fields::parse(br#"{"Error":{"StatusCode":1},"error":null,"L":[{"Code":2}]}"#).unwrap();
        let fields = fields.in_lower_case();
        assert_eq!(fields.object("error").unwrap().number("statuscode"), Some(1.0));
        assert_eq!(fields.objects("l").next().unwrap().number("code"), Some(2.0));
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
