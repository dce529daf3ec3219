//! JSON bodies with placeholders in their texts.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::names::{carries_credential, describes};
use super::template::{Known, Template, has_braces};

/// A JSON value. Only whole texts have placeholders, so nothing filled in can change its structure.
pub(super) enum JsonTemplate {
    Fixed(Value),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
    Text(Template),
}

/// What is wrong with a value within, and where it is, as a JSON Pointer.
pub(super) struct Flaw {
    pub(super) at: String,
    pub(super) wrong: &'static str,
}

impl JsonTemplate {
    /// Reads a value with all values in it. What carries a credential in clear text is a flaw, which `clear` words.
    pub(super) fn read(value: Value, clear: &'static str, flaws: &mut Vec<Flaw>) -> Self {
        Reading { clear, flaws }.value(value, "", false)
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            JsonTemplate::Fixed(_) => Vec::new(),
            JsonTemplate::List(items) => items.iter().flat_map(JsonTemplate::templates).collect(),
            JsonTemplate::Object(members) => {
                members.iter().flat_map(|(_, value)| value.templates()).collect()
            }
            JsonTemplate::Text(template) => vec![template],
        }
    }

    /// The JSON text with everything filled in.
    pub(super) fn fill(&self, known: &Known<'_>) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // Writing texts and numbers to memory does not fail.
        drop(serde_json::to_writer(&mut *text, &Filled { template: self, known }));
        text
    }
}

struct Reading<'a> {
    clear: &'static str,
    flaws: &'a mut Vec<Flaw>,
}

impl Reading<'_> {
    fn value(&mut self, value: Value, at: &str, is_credential: bool) -> JsonTemplate {
        match value {
            Value::String(text) => self.text(&text, at, is_credential),
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                let item = |(index, item)| self.value(item, &format!("{at}/{index}"), is_credential);
                JsonTemplate::List(items.map(item).collect())
            }
            Value::Object(members) => {
                // What stands beside a member that carries the credential is about it.
                let is_credential = is_credential && !names_credential(&members);
                let member = |(name, value)| self.member(name, value, at, is_credential);
                JsonTemplate::Object(members.into_iter().map(member).collect())
            }
            Value::Number(_) if is_credential => {
                self.flaw(at, self.clear);
                JsonTemplate::Fixed(value)
            }
            fixed => JsonTemplate::Fixed(fixed),
        }
    }

    fn member(&mut self, name: String, value: Value, at: &str, within_one: bool) -> (String, JsonTemplate) {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if has_braces(&name) {
            self.flaw(&at, "a placeholder can stand for a value, but not for a name");
        }
        let is_credential = carries_credential(&name) || (within_one && !describes(&name));
        let value = self.value(value, &at, is_credential);
        (name, value)
    }

    fn text(&mut self, text: &str, at: &str, is_credential: bool) -> JsonTemplate {
        match Template::parse(text) {
            Ok(template) => {
                if is_credential && template.spells_credential_out() {
                    self.flaw(at, self.clear);
                }
                JsonTemplate::Text(template)
            }
            Err(wrong) => {
                self.flaw(at, wrong);
                JsonTemplate::Fixed(Value::Null)
            }
        }
    }

    fn flaw(&mut self, at: &str, wrong: &'static str) {
        self.flaws.push(Flaw { at: at.to_owned(), wrong });
    }
}

/// Whether a member carries a credential, here or further inside.
fn names_credential(members: &Map<String, Value>) -> bool {
    let inside = |value: &Value| value.as_object().is_some_and(names_credential);
    members.iter().any(|(name, value)| carries_credential(name) || inside(value))
}

struct Filled<'a> {
    template: &'a JsonTemplate,
    known: &'a Known<'a>,
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.known;
        match self.template {
            JsonTemplate::Fixed(value) => value.serialize(serializer),
            JsonTemplate::Text(template) => serializer.serialize_str(&template.fill(known)),
            JsonTemplate::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|template| list.serialize_element(&Filled { template, known }))?;
                list.end()
            }
            JsonTemplate::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                let mut member = |(name, template): &(String, JsonTemplate)| {
                    object.serialize_entry(name, &Filled { template, known })
                };
                members.iter().try_for_each(&mut member)?;
                object.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_filled_in_stays_within_its_text() {
        let secrets = BTreeMap::from([("a".to_owned(), "x\",\"admin\":\"\\ \n{{secrets.a}}".into())]);
        let value =
            json!({ "user": "u", "list": ["<{{secrets.a}}>", 1, true, null], "n": { "p": "{{secrets.a}}" } });
        let mut flaws = Vec::new();
        let template = JsonTemplate::read(value, "clear", &mut flaws);
        assert!(flaws.is_empty());
        let text = template.fill(&Known::new(&secrets));
        let filled: Value = serde_json::from_slice(&text).unwrap();
        let secret = "x\",\"admin\":\"\\ \n{{secrets.a}}";
        let expected =
            json!({ "user": "u", "list": [format!("<{secret}>"), 1, true, null], "n": { "p": secret } });
        assert_eq!(filled, expected);
    }

    #[test]
    fn credentials_in_clear_text_and_misplaced_braces_are_found_wherever_they_are() {
        let value = json!({
            "password": "hunter2",
            "a/b": [{ "client_secret": 12345, "token": "" }, { "api_key": ["hunter2"] }],
            "{{secrets.a}}": 1,
            "x": "{{nothing}}",
            "refresh_token": "{{values.t}}",
            "secret": null,
            "auth": { "passwords": { "first": "x" }, "passcodes": [{ "of": 1 }] },
            "jwt": { "value": "Bearer x{{secrets.a}}", "type": "x" },
            "credentials": { "login": "anna", "password": "{{secrets.a}}" },
            "token": { "user": { "id": "anna", "secret": "x" } },
        });
        let mut flaws = Vec::new();
        JsonTemplate::read(value, "clear", &mut flaws);
        let found: Vec<(&str, bool)> =
            flaws.iter().map(|flaw| (flaw.at.as_str(), flaw.wrong == "clear")).collect();
        let expected = [
            ("/a~1b/0/client_secret", true),
            ("/a~1b/1/api_key/0", true),
            ("/auth/passcodes/0/of", true),
            ("/auth/passwords/first", true),
            ("/jwt/value", true),
            ("/password", true),
            ("/token/user/secret", true),
            ("/x", false),
            ("/{{secrets.a}}", false),
        ];
        assert_eq!(found, expected);
    }
}
