//! Reading a configuration into types of one's own, with every problem reported at its attribute.

mod elements;

use std::fmt::Display;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::AttributePath;
use crate::value::{Number, Object, Value};

/// A type that can be read from a configuration.
///
/// The same reading serves the Validate calls, where values may be unknown, and the reads, where they never are.
pub trait FromConfig: Sized + Send {
    /// Reads all attributes; problems go to the reader, and reading goes on.
    fn from_config(reader: &mut ConfigReader<'_>) -> Self;
}

/// What stands in an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// A value.
    Known(T),
    /// Nothing; also when what stood there was refused with a message.
    Null,
    /// Something that is known only at apply.
    Unknown,
}

impl<T> Setting<T> {
    /// The value, if there is one and it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The same with the value replaced.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        match self {
            Self::Known(value) => Setting::Known(change(value)),
            Self::Null => Setting::Null,
            Self::Unknown => Setting::Unknown,
        }
    }
}

/// Hands out the attributes of one object by name.
pub struct ConfigReader<'a> {
    object: &'a Object,
    path: AttributePath,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> ConfigReader<'a> {
    /// A reader for a whole configuration; problems are added to `diagnostics`.
    pub fn new(object: &'a Object, diagnostics: &'a mut Diagnostics) -> Self {
        Self { object, path: AttributePath::root(), diagnostics }
    }

    /// Whether anything stands in an attribute, however wrong or unknown.
    pub fn is_set(&self, name: &str) -> bool {
        !matches!(self.object.get(name), None | Some(Value::Null))
    }

    /// Text.
    pub fn string(&mut self, name: &str) -> Setting<&'a str> {
        self.read(name, "a string", Value::as_str)
    }

    /// True or false.
    pub fn bool(&mut self, name: &str) -> Setting<bool> {
        self.read(name, "a bool", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// A whole number of at most 64 bits.
    pub fn integer(&mut self, name: &str) -> Setting<i64> {
        let number = self.read(name, "a number", |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        });
        self.accept(name, "Invalid number", number.map(Number::to_i64))
    }

    /// Text that becomes a `T`; the error of `parse` is shown at the attribute.
    pub fn parse<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Setting<T> {
        let parsed = self.string(name).map(parse);
        self.accept(name, &invalid(&self.path(name)), parsed)
    }

    /// A nested object, with a reader of its own.
    pub fn object(&mut self, name: &str) -> Setting<ConfigReader<'_>> {
        let value = self.object.get(name).unwrap_or(&Value::Null);
        self.inner(self.path(name), value)
    }

    /// The path of the attribute `name`.
    pub fn path(&self, name: &str) -> AttributePath {
        self.path.attribute(name)
    }

    /// The path of what is read.
    pub fn here(&self) -> &AttributePath {
        &self.path
    }

    /// Notes a problem.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn read<T>(&mut self, name: &str, wanted: &str, pick: impl FnOnce(&'a Value) -> Option<T>) -> Setting<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => Setting::Null,
            Some(Value::Unknown) => Setting::Unknown,
            Some(value) => pick(value).map_or_else(
                || {
                    let path = self.path(name);
                    self.refuse(path.clone(), &invalid(&path), &required(wanted))
                },
                Setting::Known,
            ),
        }
    }

    /// A reader for the object at `path`.
    fn inner<'b>(&'b mut self, path: AttributePath, value: &'b Value) -> Setting<ConfigReader<'b>> {
        match value {
            Value::Null => Setting::Null,
            Value::Unknown => Setting::Unknown,
            Value::Map(object) => {
                Setting::Known(ConfigReader { object, path, diagnostics: self.diagnostics })
            }
            _ => self.refuse(path, "Invalid value", &required("an object")),
        }
    }

    /// The value, or its error at the attribute.
    fn accept<T, E: Display>(
        &mut self,
        name: &str,
        summary: &str,
        value: Setting<Result<T, E>>,
    ) -> Setting<T> {
        match value {
            Setting::Known(Ok(value)) => Setting::Known(value),
            Setting::Known(Err(error)) => self.refuse(self.path(name), summary, &error.to_string()),
            Setting::Null => Setting::Null,
            Setting::Unknown => Setting::Unknown,
        }
    }

    fn refuse<T>(&mut self, path: AttributePath, summary: &str, detail: &str) -> Setting<T> {
        self.report(Diagnostic::error(summary, sentence(detail)).at(path));
        Setting::Null
    }
}

fn invalid(path: &AttributePath) -> String {
    format!("Invalid `{}`", path.in_words())
}

fn required(wanted: &str) -> String {
    format!("{wanted} is required.")
}

/// An error's text as a sentence: it begins in lower case and ends without a full stop, as is the custom.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{head}{}{stop}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(object: &Object, read: impl FnOnce(&mut ConfigReader<'_>) -> T) -> (T, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let value = read(&mut ConfigReader::new(object, &mut diagnostics));
        (value, diagnostics)
    }

    #[test]
    fn null_unset_unknown_and_empty_are_told_apart() {
        let object = Object::from([
            ("empty".to_owned(), Value::string("")),
            ("null".to_owned(), Value::Null),
            ("unknown".to_owned(), Value::Unknown),
        ]);
        let ((), diagnostics) = read(&object, |reader| {
            assert_eq!(reader.string("empty"), Setting::Known(""));
            assert_eq!(reader.string("null"), Setting::Null);
            assert_eq!(reader.string("unknown"), Setting::Unknown);
            assert_eq!(reader.string("unset"), Setting::Null);
            let set = ["empty", "null", "unknown", "unset"].map(|name| reader.is_set(name));
            assert_eq!(set, [true, false, true, false]);
        });
        assert!(diagnostics.is_empty());
    }

    #[test]
    fn a_number_behaves_the_same_in_each_form_and_is_refused_at_its_attribute() {
        for number in [Number::Integer(3), Number::Float(3.0), Number::Decimal("3".into())] {
            let object = Object::from([("n".to_owned(), Value::Number(number))]);
            assert_eq!(read(&object, |r| r.integer("n")).0, Setting::Known(3));
        }
        let object = Object::from([("n".to_owned(), Value::Number(Number::Decimal("0.1".into())))]);
        let (setting, diagnostics) = read(&object, |r| r.integer("n"));
        assert_eq!(setting, Setting::Null);
        let expected = Diagnostic::error("Invalid number", "A whole number is required.")
            .at(AttributePath::root().attribute("n"));
        assert_eq!(diagnostics, expected.into());
    }

    #[test]
    fn problems_inside_a_nested_object_carry_the_whole_path() {
        let inner = Object::from([("port".to_owned(), Value::string("x"))]);
        let object = Object::from([("server".to_owned(), Value::Map(inner))]);
        let ((), diagnostics) = read(&object, |r| {
            if let Setting::Known(mut server) = r.object("server") {
                assert_eq!(server.parse("port", str::parse::<u16>), Setting::Null);
            }
        });
        let path = AttributePath::root().attribute("server").attribute("port");
        assert_eq!(
            diagnostics,
            Diagnostic::error("Invalid `server.port`", "Invalid digit found in string.").at(path).into()
        );
    }
}
