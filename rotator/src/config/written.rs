//! The described fields that a block or an object has: what is written in them, and where.

use std::collections::BTreeMap;

use tokenferry_sources::{Field, FieldKind, FieldProblem, Given, GivenFields, Place};

use super::document::{Noted, Spot};
use super::json::json_text;
use super::object::Entries;
use super::reader::Block;
use super::value::Value;
use super::words::{self, Kind};
use crate::source::{Setting, Settings};

/// What is written, checked as far as each value can be checked by itself.
pub(super) struct Written<'a> {
    pub(super) settings: Vec<(&'static str, Setting)>,
    /// The same for the checks; what is kept elsewhere, or wrong already, is unknown to them.
    pub(super) given: GivenFields,
    pub(super) broken: Option<Noted>,
    spots: Spots<'a>,
}

/// Where a value stands, and what is within.
struct Spots<'a> {
    spot: Spot<'a>,
    /// Blocks, in their order.
    blocks: Vec<Spots<'a>>,
    names: BTreeMap<String, Spots<'a>>,
}

/// A value with its places.
struct Read<'a> {
    setting: Result<Setting, Noted>,
    given: Given,
    spots: Spots<'a>,
}

impl<'a> Written<'a> {
    /// Nothing so far, in what begins here.
    pub(super) fn at(spot: Spot<'a>) -> Self {
        Written { settings: Vec::new(), given: GivenFields::new(), broken: None, spots: Spots::at(spot) }
    }

    /// Asks a block for a field.
    pub(super) fn read(&mut self, block: &Block<'a>, field: &'static Field) {
        if let FieldKind::Blocks(inner) = field.kind {
            return self.read_blocks(block, field, inner);
        }
        if let FieldKind::Object(inner) = field.kind
            && block.has_block(field.name)
        {
            return self.read_block(block, field, inner);
        }
        let read = block.optional(field.name, |value| Ok(read(field, value)));
        self.add(field.name, read);
    }

    /// As [`Written::read`], for a text that stands nowhere else.
    pub(super) fn read_literal(&mut self, block: &Block<'a>, field: &'static Field) {
        let read = block.optional(field.name, |value| Ok(Read::single(value, text(field, value))));
        self.add(field.name, read);
    }

    /// Notes what the checks found, each at the innermost place that there is.
    pub(super) fn judge(&mut self, problems: &[FieldProblem]) {
        for problem in problems {
            self.broken = Some(self.note(problem));
        }
    }

    /// An object that is written as a block.
    fn read_block(&mut self, block: &Block<'a>, field: &'static Field, inner: &'static [Field]) {
        let mut found = block.blocks(&Kind { name: field.name, labels: [] }).into_iter();
        let Some(first) = found.next() else { return };
        let several = found.next().map(|other| match other {
            Ok((other, _)) => other.header.note(format!("there is more than one `{}` here", field.name)),
            Err(noted) => noted,
        });
        let read = first.map(|(block, header)| {
            let mut written = Written::at(block.header);
            for field in inner {
                written.read(&block, field);
            }
            block.finish();
            let broken = header.err().or(written.broken).or(several);
            let setting = broken.map_or_else(|| Ok(Setting::Map(owned(written.settings))), Err);
            Some(Read { setting, given: Given::Map(written.given), spots: written.spots })
        });
        self.add(field.name, read);
    }

    fn read_blocks(&mut self, block: &Block<'a>, field: &'static Field, inner: &'static [Field]) {
        let found = block.blocks(&Kind { name: field.name, labels: [] });
        let Some(first) = found.first() else { return };
        let first = first.as_ref().map_or(block.header, |(first, _)| first.header);
        let (mut blocks, mut given, mut spots) = (Vec::new(), Vec::new(), Spots::at(first));
        // What is wrong in these words is told, and nothing is missing because of it.
        let is_right = found.iter().all(|found| matches!(found, Ok((_, Ok(_)))));
        for found in found {
            match found {
                Ok((block, header)) => {
                    let mut written = Written::at(block.header);
                    for field in inner {
                        written.read(&block, field);
                    }
                    block.finish();
                    self.broken = header.err().or(written.broken).or(self.broken);
                    blocks.push(owned(written.settings));
                    given.push(written.given);
                    spots.blocks.push(written.spots);
                }
                Err(noted) => self.broken = Some(noted),
            }
        }
        let given = if is_right { Given::List(given) } else { Given::Unknown };
        let read = Read { setting: Ok(Setting::Blocks(blocks)), given, spots };
        self.add(field.name, Ok(Some(read)));
    }

    fn add(&mut self, name: &'static str, read: Result<Option<Read<'a>>, Noted>) {
        match read {
            Ok(None) => {}
            Ok(Some(Read { setting, given, spots })) => {
                self.given.insert(name.to_owned(), given);
                self.spots.names.insert(name.to_owned(), spots);
                match setting {
                    Ok(setting) => self.settings.push((name, setting)),
                    Err(noted) => self.broken = Some(noted),
                }
            }
            Err(noted) => {
                self.given.insert(name.to_owned(), Given::Unknown);
                self.broken = Some(noted);
            }
        }
    }

    fn note(&self, problem: &FieldProblem) -> Noted {
        let field = Place::Name(problem.field.to_owned());
        let (spot, missing) = self.spots.innermost(std::iter::once(&field).chain(&problem.within));
        if let Some(Place::Name(name)) = missing {
            return spot.advise(problem.reason.as_str(), format!("write `{}`", how_to_write(name)));
        }
        let known = problem.within.iter().rev().find_map(|place| match place {
            Place::Name(name) => Some(name.as_str()).filter(|name| words::is_known(name)),
            Place::Index(_) => None,
        });
        spot.note(format!("`{}`: {}", known.unwrap_or(problem.field), problem.reason))
    }
}

impl<'a> Spots<'a> {
    fn at(spot: Spot<'a>) -> Self {
        Spots { spot, blocks: Vec::new(), names: BTreeMap::new() }
    }

    /// How far a way leads, and the first step that leads nowhere.
    fn innermost<'p>(&self, mut way: impl Iterator<Item = &'p Place>) -> (Spot<'a>, Option<&'p Place>) {
        let mut spots = self;
        let missing = way.find(|place| match spots.within(place) {
            Some(inner) => {
                spots = inner;
                false
            }
            None => true,
        });
        (spots.spot, missing)
    }

    fn within(&self, place: &Place) -> Option<&Spots<'a>> {
        match place {
            Place::Index(index) => self.blocks.get(*index),
            Place::Name(name) => self.names.get(name),
        }
    }
}

impl<'a> Read<'a> {
    fn single(value: Value<'a>, setting: Result<Setting, Noted>) -> Self {
        let given = match &setting {
            Ok(Setting::Literal(given)) => given.clone(),
            _ => Given::Unknown,
        };
        Read { setting, given, spots: Spots::at(value.spot) }
    }

    /// `owner` is what the object is called where something is wrong with it.
    fn object(value: Value<'a>, fields: &'static [Field], owner: &str) -> Self {
        let entries = match Entries::of(value) {
            Ok(entries) => entries,
            Err(noted) => return Read::single(value, Err(noted)),
        };
        let mut written = Written::at(value.spot);
        for field in fields {
            let read = entries.optional(field.name, |value| Ok(read(field, value)));
            written.add(field.name, read);
        }
        let unknown = entries.finish_as(owner).err();
        // What has an unknown name may be what would seem to be missing.
        let given = if unknown.is_some() { Given::Unknown } else { Given::Map(written.given) };
        let broken = unknown.or(written.broken);
        Read {
            setting: broken.map_or_else(|| Ok(Setting::Map(owned(written.settings))), Err),
            given,
            spots: written.spots,
        }
    }

    /// Values by names that users choose.
    fn map(value: Value<'a>, read: impl Fn(Value<'a>) -> Read<'a>) -> Self {
        let entries = match Entries::of(value) {
            Ok(entries) => entries,
            Err(noted) => return Read::single(value, Err(noted)),
        };
        let (mut settings, mut given, mut spots) =
            (Ok(Settings::new()), GivenFields::new(), Spots::at(value.spot));
        for (name, value) in entries.all() {
            let inner = match value {
                Ok(value) => read(value),
                Err(noted) => {
                    settings = Err(noted);
                    continue;
                }
            };
            given.insert(name.to_owned(), inner.given);
            spots.names.insert(name.to_owned(), inner.spots);
            match (&mut settings, inner.setting) {
                (Ok(settings), Ok(setting)) => drop(settings.insert(name.to_owned(), setting)),
                (settings, Err(noted)) => *settings = Err(noted),
                (Err(_), Ok(_)) => {}
            }
        }
        Read { setting: settings.map(Setting::Map), given: Given::Map(given), spots }
    }
}

fn owned(settings: Vec<(&'static str, Setting)>) -> Settings {
    settings.into_iter().map(|(name, setting)| (name.to_owned(), setting)).collect()
}

fn read<'a>(field: &'static Field, value: Value<'a>) -> Read<'a> {
    match field.kind {
        FieldKind::Object(inner) => Read::object(value, inner, &format!("`{}`", field.name)),
        FieldKind::Objects(inner) => {
            let owner = format!("what stands in `{}`", field.name);
            Read::map(value, |value| Read::object(value, inner, &owner))
        }
        FieldKind::Secrets => Read::map(value, |value| Read::single(value, value.secret())),
        FieldKind::Texts => Read::map(value, |value| Read::single(value, value.text().map(literal))),
        _ => Read::single(value, single(field, value)),
    }
}

fn single(field: &Field, value: Value<'_>) -> Result<Setting, Noted> {
    let is_reference = value.expression.is_object();
    match field.kind {
        FieldKind::Flag => value.flag().map(|flag| Setting::Literal(Given::Flag(flag))),
        FieldKind::Json => json_text(value).map(|text| literal(&text)),
        FieldKind::Secret | FieldKind::SecretLines => value.secret(),
        FieldKind::Duration if is_reference => Err(no_reference(field, value)),
        _ if is_reference => value.secret(),
        _ => text(field, value),
    }
}

/// Durations are read here and not left to the checks, whose messages repeat parts of them.
fn text(field: &Field, value: Value<'_>) -> Result<Setting, Noted> {
    if matches!(field.kind, FieldKind::Duration) {
        value.duration()?;
    }
    value.text().map(literal)
}

fn literal(text: &str) -> Setting {
    Setting::Literal(Given::from(text))
}

/// A duration is reckoned with before anything is read: whether tokens end too soon is proven with it.
fn no_reference(field: &Field, value: Value<'_>) -> Noted {
    let name = field.name;
    let message = format!("`{name}` is needed before any variable or file is read, and cannot be kept there");
    value.spot.advise(message, format!("write it here, as in `{name} = \"1h\"`"))
}

/// A field as it is written, by its name: what is called alike is written alike.
fn how_to_write(name: &str) -> String {
    match words::field(name).map(|field| field.kind) {
        Some(FieldKind::Blocks(_)) => format!("{name} {{ … }}"),
        Some(FieldKind::Secrets | FieldKind::Object(_) | FieldKind::Objects(_) | FieldKind::Texts) => {
            format!("{name} = {{ … }}")
        }
        Some(FieldKind::Flag) => format!("{name} = true"),
        Some(kind) if kind.is_secret() => format!("{name} = {{ env = \"NAME\" }}"),
        _ => format!("{name} = \"…\""),
    }
}
