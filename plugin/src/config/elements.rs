//! What holds several values: maps, and blocks that may be repeated. Each element has its own path, and may be unknown
//! on its own.

use std::fmt::Display;

use super::{ConfigReader, Setting, invalid, required};
use crate::path::AttributePath;
use crate::value::{Object, Value};

impl<'a> ConfigReader<'a> {
    /// Texts by key.
    pub fn texts(&mut self, name: &str) -> Setting<Vec<(&'a str, Setting<&'a str>)>> {
        let Some(map) = self.map(name) else { return Setting::Null };
        map.map(|map| map.iter().map(|(key, value)| (key.as_str(), self.text_in(name, key, value))).collect())
    }

    /// A list of texts, each of which becomes a `T`; the error of `parse` is shown at the element.
    pub fn parse_each<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Setting<Vec<Setting<T>>> {
        self.list(name).map(|items| {
            let elements = items.iter().enumerate().map(|(index, value)| {
                let path = self.path(name).index(index);
                let problem = match value {
                    Value::Unknown => return Setting::Unknown,
                    Value::String(text) => match parse(text) {
                        Ok(value) => return Setting::Known(value),
                        Err(error) => error.to_string(),
                    },
                    _ => required("a string"),
                };
                self.refuse(path, &format!("Invalid {name}"), &problem)
            });
            elements.collect()
        })
    }

    /// Objects by key, each with a reader of its own.
    pub fn objects<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&str, Setting<ConfigReader<'_>>) -> T,
    ) -> Setting<Vec<(&'a str, T)>> {
        let Some(map) = self.map(name) else { return Setting::Null };
        map.map(|map| {
            let objects = map.iter().map(|(key, value)| {
                let path = self.path(name).key(key);
                (key.as_str(), read(key, self.inner(path, value)))
            });
            objects.collect()
        })
    }

    /// Blocks in their order, each with a reader of its own.
    pub fn blocks<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(Setting<ConfigReader<'_>>) -> T,
    ) -> Setting<Vec<T>> {
        self.list(name).map(|items| {
            let blocks = items.iter().enumerate().map(|(index, value)| {
                let path = self.path(name).index(index);
                read(self.inner(path, value))
            });
            blocks.collect()
        })
    }

    fn list(&mut self, name: &str) -> Setting<&'a Vec<Value>> {
        self.read(name, "a list", |value| match value {
            Value::List(items) => Some(items),
            _ => None,
        })
    }

    fn map(&mut self, name: &str) -> Option<Setting<&'a Object>> {
        let map = self.read(name, "a map", |value| match value {
            Value::Map(map) => Some(map),
            _ => None,
        });
        (map != Setting::Null).then_some(map)
    }

    fn text_in(&mut self, name: &str, key: &str, value: &'a Value) -> Setting<&'a str> {
        let path: AttributePath = self.path(name).key(key);
        match value {
            Value::Null => Setting::Null,
            Value::Unknown => Setting::Unknown,
            Value::String(text) => Setting::Known(text),
            _ => {
                let summary = invalid(&path);
                self.refuse(path, &summary, &required("a string"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;

    fn object<const N: usize>(entries: [(&str, Value); N]) -> Object {
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn paths(diagnostics: &Diagnostics) -> Vec<String> {
        diagnostics.iter().map(|problem| problem.path().to_string()).collect()
    }

    #[test]
    fn elements_are_known_unknown_or_null_each_on_its_own() {
        let texts = object([("a", Value::string("x")), ("b", Value::Unknown), ("c", Value::Null)]);
        let config = object([("texts", Value::Map(texts)), ("all", Value::Unknown), ("none", Value::Null)]);
        let mut diagnostics = Diagnostics::new();
        let mut reader = ConfigReader::new(&config, &mut diagnostics);
        let expected = vec![("a", Setting::Known("x")), ("b", Setting::Unknown), ("c", Setting::Null)];
        assert_eq!(reader.texts("texts"), Setting::Known(expected));
        assert_eq!(reader.texts("all"), Setting::Unknown);
        assert_eq!(reader.texts("none"), Setting::Null);
        assert_eq!(reader.texts("unset"), Setting::Null);
        assert!(diagnostics.is_empty());
    }

    #[test]
    fn a_problem_in_an_element_has_the_keys_and_indexes_on_its_way() {
        let port = |text: &str| Value::Map(object([("port", Value::string(text))]));
        let inner = object([("b", port("y"))]);
        let block = Value::Map(object([("servers", Value::Map(inner))]));
        let config = object([("step", Value::List(vec![port("1"), Value::Unknown, block]))]);
        let mut diagnostics = Diagnostics::new();
        let mut reader = ConfigReader::new(&config, &mut diagnostics);
        let read = reader.blocks("step", |block| {
            block.map(|mut block| {
                drop(block.objects("servers", |_, server| {
                    server.map(|mut server| server.parse("port", str::parse::<u16>))
                }));
                block.parse("port", str::parse::<u16>)
            })
        });
        let expected = [Setting::Known(Setting::Known(1)), Setting::Unknown, Setting::Known(Setting::Null)];
        assert_eq!(read, Setting::Known(expected.to_vec()));
        assert_eq!(paths(&diagnostics), ["step[2].servers[\"b\"].port"]);
        assert_eq!(diagnostics.iter().next().unwrap().summary(), "Invalid `step[2].servers.b.port`");
    }

    #[test]
    fn each_element_of_a_list_is_parsed_and_refused_at_its_index() {
        let numbers = [Value::string("1"), Value::string("x"), Value::Unknown, Value::Null];
        let config = object([("numbers", Value::List(numbers.to_vec())), ("all", Value::Unknown)]);
        let mut diagnostics = Diagnostics::new();
        let mut reader = ConfigReader::new(&config, &mut diagnostics);
        let expected = vec![Setting::Known(1), Setting::Null, Setting::Unknown, Setting::Null];
        assert_eq!(reader.parse_each("numbers", str::parse::<u8>), Setting::Known(expected));
        assert_eq!(reader.parse_each("all", str::parse::<u8>), Setting::Unknown);
        assert_eq!(reader.parse_each("unset", str::parse::<u8>), Setting::Null);
        assert_eq!(paths(&diagnostics), ["numbers[1]", "numbers[3]"]);
    }

    #[test]
    fn what_has_another_type_is_refused_where_it_stands() {
        let texts = object([("k", Value::Bool(true))]);
        let config = object([
            ("texts", Value::Map(texts)),
            ("objects", Value::Map(object([("k", Value::string("x"))]))),
            ("blocks", Value::List(vec![Value::Bool(true)])),
            ("map", Value::Bool(true)),
        ]);
        let mut diagnostics = Diagnostics::new();
        let mut reader = ConfigReader::new(&config, &mut diagnostics);
        assert_eq!(reader.texts("texts"), Setting::Known(vec![("k", Setting::Null)]));
        drop(reader.objects("objects", |_, object| assert!(matches!(object, Setting::Null))));
        drop(reader.blocks("blocks", |block| assert!(matches!(block, Setting::Null))));
        assert_eq!(reader.texts("map"), Setting::Null);
        assert_eq!(paths(&diagnostics), ["texts[\"k\"]", "objects[\"k\"]", "blocks[0]", "map"]);
    }
}
