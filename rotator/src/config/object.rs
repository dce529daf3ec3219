//! Objects in the values of attributes, read as blocks are: each call asks for one name, and what was never asked for is
//! unknown.

use std::cell::RefCell;

use hcl_edit::expr::{Expression, Object, ObjectKey};

use super::document::{Noted, Spot};
use super::names::{did_you_mean, shown};
use super::value::Value;

/// An object that is being read. [`Entries::finish`] ends the reading.
pub(super) struct Entries<'a> {
    value: Value<'a>,
    named: Vec<Entry<'a>>,
    asked: RefCell<Vec<&'static str>>,
}

/// One name with its value.
pub(super) struct Entry<'a> {
    /// `None` if it is none, which was noted.
    pub(super) name: Option<&'a str>,
    pub(super) spot: Spot<'a>,
    expression: &'a Expression,
}

impl<'a> Entries<'a> {
    pub(super) fn of(value: Value<'a>) -> Result<Self, Noted> {
        let Some(object) = value.expression.as_object() else { return Err(value.is_no_object()) };
        Ok(Entries { value, named: entries(value, object), asked: RefCell::default() })
    }

    /// The name of the only one beside that one, if there is one and no other.
    pub(super) fn only_beside(&self, flag: Option<&str>) -> Option<(&'a str, Spot<'a>)> {
        let mut others = self.named.iter().filter(|entry| entry.name.is_none() || entry.name != flag);
        match (others.next(), others.next()) {
            (Some(Entry { name: Some(name), spot, .. }), None) => Some((name, *spot)),
            _ => None,
        }
    }

    /// What an entry says, if it is there.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Value<'a>) -> Result<T, Noted>,
    ) -> Result<Option<T>, Noted> {
        self.asked.borrow_mut().push(name);
        let found = self.named.iter().find(|entry| entry.name == Some(name));
        found.map(|entry| self.value_of(entry, name).and_then(read)).transpose()
    }

    /// What an entry says that must be there, as in the example.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Noted>,
    ) -> Result<T, Noted> {
        let missing = || {
            let message = format!("this `{}` has no `{name}`", self.value.name);
            self.value.spot.advise(message, format!("write `{name} = {example}`"))
        };
        self.optional(name, read)?.ok_or_else(missing)
    }

    /// All of them, whatever they are called.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, Result<Value<'a>, Noted>)> {
        self.named.iter().filter_map(|entry| Some((entry.name?, self.value_of(entry, self.value.name))))
    }

    /// As [`Entries::all`], with the places of the names.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'a str, Spot<'a>, Result<Value<'a>, Noted>)> {
        let named = self.named.iter().filter_map(|entry| Some((entry.name?, entry.spot, entry)));
        named.map(|(name, spot, entry)| (name, spot, self.value_of(entry, self.value.name)))
    }

    /// Notes every name that was never asked for.
    pub(super) fn finish(self) -> Result<(), Noted> {
        let owner = format!("`{}`", self.value.name);
        self.finish_as(&owner)
    }

    /// The same, where the object has no name of its own.
    pub(super) fn finish_as(self, owner: &str) -> Result<(), Noted> {
        let asked = self.asked.into_inner();
        let mut unknown = Ok(());
        for entry in &self.named {
            if let Some(name) = entry.name.filter(|name| !asked.contains(name)) {
                let message = format!("{owner} has no `{}`", shown(name));
                unknown = Err(entry.spot.tell(message, did_you_mean(name, asked.iter().copied())));
            }
        }
        unknown
    }

    fn value_of(&self, entry: &Entry<'a>, name: &'static str) -> Result<Value<'a>, Noted> {
        self.value.spot.document().slipped(entry.expression)?;
        Ok(Value { name, spot: self.value.spot_of(entry.expression), expression: entry.expression })
    }
}

/// What stands there for the first time.
fn entries<'a>(value: Value<'a>, object: &'a Object) -> Vec<Entry<'a>> {
    let document = value.spot.document();
    let is_first = |key: &ObjectKey| key.as_ident().is_none() || !document.is_repeated(key);
    let entry = |(key, object_value): (&'a ObjectKey, &'a hcl_edit::expr::ObjectValue)| {
        let (name, spot) = match key {
            ObjectKey::Ident(name) => (Some(name.as_str()), value.spot_of(name)),
            ObjectKey::Expression(key) => (key.as_str(), value.spot_of(key)),
        };
        if name.is_none() {
            spot.note("a name here is a word, or a text in double quotes");
        }
        Entry { name, spot, expression: object_value.expr() }
    };
    object.iter().filter(|(key, _)| is_first(key)).map(entry).collect()
}
