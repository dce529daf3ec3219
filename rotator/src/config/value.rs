//! Single values: what kind they are, and what to say if they are not what is wanted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use tokenferry_sources::{DurationError, FieldKind, parse_duration};
use tokenferry_vault::{Kept, KvPath, NO_PATH, NO_WORD, ROOT, entry_path, is_path, is_word, namespace_path};

use super::document::{Noted, Spot};
use super::object::Entries;
use super::syntax::open_quote;
use super::words;
use crate::source::{Reference, Setting, VaultField};

/// The value of an attribute, or an element of it.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    /// The name of the attribute.
    pub(super) name: &'static str,
    pub(super) spot: Spot<'a>,
    pub(super) expression: &'a Expression,
}

impl<'a> Value<'a> {
    pub(super) fn text(self) -> Result<&'a str, Noted> {
        self.text_for(TEXT)
    }

    pub(super) fn text_for(self, wanted: &str) -> Result<&'a str, Noted> {
        match self.expression {
            Expression::String(text) if self.is_in_one_line() => Ok(text.as_str()),
            Expression::String(_) => {
                Err(self.spot.note("the text that begins here does not end in its line"))
            }
            _ => Err(self.is_not(wanted)),
        }
    }

    /// A text that says something.
    pub(super) fn word(self) -> Result<&'a str, Noted> {
        let text = self.text()?;
        if !is_word(text) {
            return Err(self.spot.note(format!("`{}` {NO_WORD}", self.name)));
        }
        Ok(text)
    }

    pub(super) fn flag(self) -> Result<bool, Noted> {
        self.expression.as_bool().ok_or_else(|| self.is_not("true or false"))
    }

    /// A whole number from 1 on.
    pub(super) fn count(self, most: usize) -> Result<usize, Noted> {
        let Some(number) = self.expression.as_number() else { return Err(self.is_not("a number")) };
        let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| self.spot.note(format!("`{}` must be a whole number from 1 to {most}", self.name)))
    }

    pub(super) fn duration(self) -> Result<Duration, Noted> {
        if self.expression.is_number() {
            let message = format!("`{}` must be a duration, not a number", self.name);
            return Err(self.spot.advise(message, UNITS));
        }
        parse_duration(self.text_for(DURATION)?).map_err(|error| match error {
            DurationError::NoLastUnit(_)
            | DurationError::NoUnit(_)
            | DurationError::UnknownUnit(_)
            | DurationError::Wording(_) => {
                self.spot.advise(format!("`{}` is not a duration", self.name), UNITS)
            }
            // These do not repeat what was written.
            other => self.spot.note(format!("`{}` is not a duration: {other}", self.name)),
        })
    }

    /// A duration that is not zero.
    pub(super) fn some_time(self) -> Result<Duration, Noted> {
        match self.duration()? {
            Duration::ZERO => Err(self.spot.note(format!("`{}` must be longer than zero", self.name))),
            duration => Ok(duration),
        }
    }

    /// The elements of a list.
    pub(super) fn list(self) -> Result<impl Iterator<Item = Value<'a>>, Noted> {
        let Some(list) = self.expression.as_array() else { return Err(self.is_not(LIST)) };
        Ok(list.iter().map(move |element| Value { expression: element, spot: self.spot_of(element), ..self }))
    }

    /// Where something secret is kept, outside of Vault.
    pub(super) fn reference(self) -> Result<Reference, Noted> {
        self.reference_with(None).map(|(reference, _)| reference)
    }

    /// Where a part of a login to Vault is kept.
    pub(super) fn kept_outside(self) -> Result<Kept, Noted> {
        self.reference().map(Kept::At)
    }

    /// The same, and whether a wrapping token is kept there instead of the secret itself.
    pub(super) fn kept_outside_or_wrapped(self) -> Result<(Kept, bool), Noted> {
        self.reference_with(Some(WRAPPED)).map(|(reference, wrapped)| (Kept::At(reference), wrapped))
    }

    fn reference_with(self, flag: Option<&'static str>) -> Result<(Reference, bool), Noted> {
        match self.kept(&[ENV, FILE], flag)? {
            (Setting::Reference(reference), flagged) => Ok((reference, flagged)),
            _ => Err(self.must_say_where(&[ENV, FILE])),
        }
    }

    /// Where a secret of a source is kept.
    pub(super) fn secret(self) -> Result<Setting, Noted> {
        self.kept(&[ENV, FILE, VAULT], None).map(|(setting, _)| setting)
    }

    fn kept(self, places: &[&'static str], flag: Option<&'static str>) -> Result<(Setting, bool), Noted> {
        match self.expression {
            Expression::Object(_) => self.keeper(places, flag),
            Expression::String(_) | Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => {
                let message = format!("`{}` is a secret, and a secret never stands in this file", self.name);
                Err(self.spot.advise(message, self.how_to_refer(places)))
            }
            _ => Err(self.must_say_where(places)),
        }
    }

    fn must_say_where(self, places: &[&str]) -> Noted {
        let message = format!("`{}` must say where it is kept", self.name);
        self.spot.advise(message, self.how_to_refer(places))
    }

    /// The place that an object names, and whether it also says what the flag is for.
    fn keeper(self, places: &[&'static str], flag: Option<&'static str>) -> Result<(Setting, bool), Noted> {
        let entries = Entries::of(self)?;
        let flagged = flag.map_or(Ok(None), |flag| entries.optional(flag, Value::flag));
        let Some((key, spot)) = entries.only_beside(flag) else {
            let message = format!("`{}` must name exactly one place where it is kept", self.name);
            return Err(self.spot.advise(message, self.how_to_refer(places)));
        };
        let setting = match places.iter().find(|place| **place == key) {
            Some(&ENV) => {
                entries.required(ENV, "", Value::variable).map(Reference::Env).map(Setting::Reference)
            }
            Some(&FILE) => {
                entries.required(FILE, "", Value::path).map(Reference::File).map(Setting::Reference)
            }
            Some(_) => entries.required(VAULT, "", Value::vault_field).map(Box::new).map(Setting::InVault),
            None if key == VAULT && self.name != DATABASE_URL => {
                let message =
                    format!("`{}` is what Vault is logged in to with, and cannot be kept there", self.name);
                Err(spot.advise(message, self.how_to_refer(places)))
            }
            None => {
                let message = format!("`{}` can be kept in {} only", self.name, listed(places));
                Err(spot.advise(message, self.how_to_refer(places)))
            }
        };
        Ok((setting?, flagged?.unwrap_or(false)))
    }

    fn vault_field(self) -> Result<VaultField, Noted> {
        let entries = Entries::of(self)?;
        let mount = entries.required("mount", "\"secret\"", Value::kv_path);
        let path = entries.required("path", "\"…\"", Value::kv_path);
        let namespace = entries.optional("namespace", Value::namespace);
        let field = entries.required("field", "\"…\"", |value| value.word().map(str::to_owned));
        entries.finish()?;
        Ok(VaultField { entry: KvPath { namespace: namespace?, mount: mount?, path: path? }, field: field? })
    }

    /// A namespace of Vault, in the one form that it has here.
    pub(super) fn namespace(self) -> Result<Arc<str>, Noted> {
        let text = self.text()?;
        let namespace =
            namespace_path(text).map_err(|error| self.spot.note(format!("`{}` {error}", self.name)))?;
        if !text.is_ascii() {
            return Err(self
                .spot
                .note(format!("`{}` contains a character that no request header can carry", self.name)));
        }
        Ok(namespace.map_or_else(|| ROOT.into(), Arc::from))
    }

    /// A mount of Vault, or a path below one.
    pub(super) fn kv_path(self) -> Result<Arc<str>, Noted> {
        let path = entry_path(self.text()?);
        path.map(Arc::from).map_err(|error| self.spot.note(format!("`{}` {error}", self.name)))
    }

    fn variable(self) -> Result<String, Noted> {
        let name = self.text()?;
        let is_variable = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_variable {
            let message = "this is no name of an environment variable";
            return Err(self
                .spot
                .advise(message, "a name has letters, digits and `_`, and no `$` before it"));
        }
        Ok(name.to_owned())
    }

    /// A path, relative to the folder of the file that names it.
    pub(super) fn path(self) -> Result<PathBuf, Noted> {
        let path = self.text()?;
        if !is_path(path) {
            return Err(self.spot.note(NO_PATH));
        }
        Ok(self.spot.document().folder().join(path))
    }

    fn how_to_refer(self, places: &[&str]) -> String {
        let advice = how_to_refer(self.name);
        if !places.contains(&VAULT) {
            return advice;
        }
        format!("{advice}, or `{{ vault = {{ mount = \"…\", path = \"…\", field = \"…\" }} }}`")
    }

    /// Whoever forgot the quotes may have written a secret, which is never told to stay where it is.
    fn how_to_quote(self) -> String {
        match self.name {
            ENV => "write the name of the variable in double quotes: `{ env = \"NAME\" }`".to_owned(),
            FILE => "write the path in double quotes: `{ file = \"/path\" }`".to_owned(),
            name => format!("write it in double quotes: `{name} = \"…\"`"),
        }
    }

    /// Notes that this is something else than what is wanted.
    fn is_not(self, wanted: &str) -> Noted {
        let name = self.name;
        let message = |found: &str| format!("`{name}` must be {wanted}, not {found}");
        let spot = self.spot;
        let in_quotes = || match wanted {
            DURATION | TEXT => Some(self.how_to_quote()),
            PART_OF_JSON => Some("a text stands in double quotes".to_owned()),
            _ => None,
        };
        match self.expression {
            Expression::Variable(_) | Expression::Traversal(_) => {
                spot.tell(message("a bare word"), in_quotes())
            }
            Expression::BinaryOp(_) | Expression::Conditional(_) | Expression::UnaryOp(_) => {
                spot.tell(message(COMPUTED), in_quotes())
            }
            Expression::StringTemplate(_) => spot.advise(message("a template"), NOTHING_FILLED_IN),
            Expression::FuncCall(_) => spot.note(message("a function call; there are no functions here")),
            Expression::Null(_) => spot.advise(message("null"), "leave it out instead"),
            Expression::String(_) if wanted == LIST => {
                spot.advise(message("a text"), format!("write `{name} = [\"…\"]`"))
            }
            Expression::String(_) if wanted == OBJECT => {
                spot.advise(message("a text"), format!("write `{name} = {{ … }}`"))
            }
            Expression::String(_) => spot.advise(message("a text"), "write it without the quotes"),
            Expression::HeredocTemplate(_) => spot.note(message("a heredoc")),
            Expression::Bool(_) => spot.note(message("true or false")),
            Expression::Number(_) => spot.note(message("a number")),
            Expression::Array(_) => spot.note(message("a list")),
            Expression::Object(_) => spot.note(message("an object")),
            _ => spot.note(message(COMPUTED)),
        }
    }

    /// The parser takes a forgotten quote for the begin of a text that goes on.
    fn is_in_one_line(self) -> bool {
        let text = self.expression.span().map(|span| self.spot.document().source_text(span));
        text.is_none_or(|text| open_quote(text).is_none())
    }

    /// Notes that this is no object.
    pub(super) fn is_no_object(self) -> Noted {
        self.is_not(OBJECT)
    }

    /// Notes that nothing is filled in here.
    pub(super) fn is_filled_in(self) -> Noted {
        self.spot.advise(format!("`{}` must be {TEXT}, not a template", self.name), NOTHING_FILLED_IN)
    }

    pub(super) fn spot_of(self, node: &impl Span) -> Spot<'a> {
        node.span().map_or(self.spot, |span| self.spot.document().spot(span.start))
    }
}

/// How to write where a secret is kept.
pub(super) fn how_to_refer(name: &str) -> String {
    if let Some(FieldKind::Secrets) = words::field(name).map(|field| field.kind) {
        return format!("write `{name} = {{ NAME = {{ env = \"VARIABLE\" }} }}`, or `file` with a path");
    }
    format!("write `{name} = {{ env = \"NAME\" }}` or `{name} = {{ file = \"/path\" }}`")
}

fn listed(places: &[&str]) -> String {
    let quoted: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

const DATABASE_URL: &str = "database_url";
const COMPUTED: &str = "an expression; nothing is computed here";
const DURATION: &str = "a duration";
const ENV: &str = "env";
const FILE: &str = "file";
const LIST: &str = "a list";
const NOTHING_FILLED_IN: &str =
    "nothing is filled in here; where `${` or `%{` is meant as text, write `$${` or `%%{`";
/// What a field of JSON can be.
pub(super) const JSON: &str = "an object, a list or a text";
const OBJECT: &str = "an object";
/// What can stand within JSON.
pub(super) const PART_OF_JSON: &str = "JSON";
const TEXT: &str = "a text";
const VAULT: &str = "vault";
const WRAPPED: &str = "wrapped";
const UNITS: &str =
    "write numbers with units in double quotes, as in \"90s\" or \"1h30m\"; the units are ms, s, m and h";
