//! The `rotation` blocks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Trial;
use tokenferry_vault::{FIELDS, FieldNames, FieldNamesError, KvPath};

use super::document::{Line, Noted, Spot};
use super::names::did_you_mean;
use super::namespace::Home;
use super::object::Entries;
use super::reader::{Block, Found, Label};
use super::session;
use super::source::Sources;
use super::value::Value;
use super::words::{DESTINATION, ROTATION};
use crate::reader::{READERS, Reader};
use crate::rotation::{Destination, RenewBefore, Rotation};
use crate::schedule::Schedule;
use crate::source::Source;

/// The rotations of a configuration, in the order in which they stand.
pub(super) struct Rotations {
    read: Vec<Result<Arc<Rotation>, Noted>>,
    names: HashMap<Arc<str>, Line>,
    destinations: HashMap<KvPath, Line>,
    /// Mounts and namespaces: few for very many destinations.
    places: HashSet<Arc<str>>,
    /// Which rotation uses the session of a source.
    sessions: HashMap<Arc<str>, Line>,
    home: Home,
    /// What was configured before, by name.
    former: HashMap<Arc<str>, Arc<Rotation>>,
}

impl Rotations {
    /// None yet. `home` is the namespace of the login to Vault.
    pub(super) fn new(home: Home) -> Self {
        let (read, names, destinations) = (Vec::new(), HashMap::new(), HashMap::new());
        let (places, sessions, former) = (HashSet::new(), HashMap::new(), HashMap::new());
        Rotations { read, names, destinations, places, sessions, home, former }
    }

    /// Rotations that are what one of these is are not made once more.
    pub(super) fn follow(&mut self, former: &[Arc<Rotation>]) {
        self.former = former.iter().map(|former| (Arc::clone(&former.name), Arc::clone(former))).collect();
    }

    /// Reads the blocks of a file.
    pub(super) fn read(&mut self, file: &Block<'_>, sources: &Sources) {
        for block in file.blocks(&ROTATION) {
            let rotation =
                block.and_then(|(block, labels)| self.rotation(block, labels.map(|[name]| name), sources));
            let rotation = rotation.map(|rotation| self.as_before(rotation));
            self.read.push(rotation);
        }
    }

    /// Whether there is none, not even a broken one.
    pub(super) fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// All rotations.
    pub(super) fn finish(self) -> Result<Vec<Arc<Rotation>>, Noted> {
        self.read.into_iter().collect()
    }

    fn as_before(&self, rotation: Rotation) -> Arc<Rotation> {
        let former = self.former.get(&rotation.name).filter(|former| ***former == rotation);
        former.map_or_else(|| Arc::new(rotation), Arc::clone)
    }

    fn rotation(
        &mut self,
        block: Block<'_>,
        label: Result<Label<'_>, Noted>,
        sources: &Sources,
    ) -> Result<Rotation, Noted> {
        let name = label.map(|label| self.declare(&label));
        let enabled = block.optional("enabled", Value::flag);
        let source = block.required("source", "\"SYSTEM.NAME\"", |value| {
            let source = sources.find(value)?;
            self.claim_session(&source, value.spot).map(|()| source)
        });
        let schedule = schedule(&block);
        let renew_before = block.optional("renew_before", renew_before);
        let readers = readers(&block);
        let survive_outage = block.optional("survive_outage", Value::some_time);
        let spread = block.optional("spread", Value::duration);
        let verify = block.optional("verify", |value| verify(value, source.as_ref().ok()));
        let destinations = self.destinations(&block, sources);
        block.finish();
        let source = source?;
        let (reader, reader_lag) = readers?;
        Ok(Rotation {
            name: name?,
            enabled: enabled?.unwrap_or(true),
            schedule: schedule?,
            renew_before: renew_before?.unwrap_or_default(),
            reader_lag,
            reader,
            survive_outage: survive_outage?.unwrap_or_default(),
            spread: spread?.unwrap_or_default(),
            verify: verify?.unwrap_or_else(|| verifies(&source)),
            destinations: destinations?,
            source,
        })
    }

    fn declare(&mut self, label: &Label<'_>) -> Arc<str> {
        let name: Arc<str> = label.text.into();
        if let Some(first) = self.names.get(&name) {
            label.spot.note(format!("this rotation stands at {first} already"));
        } else {
            self.names.insert(Arc::clone(&name), label.spot.line());
        }
        name
    }

    /// A refresh ends the token before it, so that two rotations would end each other's.
    fn claim_session(&mut self, source: &Source, spot: Spot<'_>) -> Result<(), Noted> {
        if source.session.is_none() {
            return Ok(());
        }
        if let Some(first) = self.sessions.get(&source.name) {
            let message = format!(
                "the rotation at {first} has this source, whose refreshes end the tokens before them"
            );
            let advice = "give one rotation several destinations, or leave `use_refresh_token` out";
            return Err(spot.advise(message, advice));
        }
        self.sessions.insert(Arc::clone(&source.name), spot.line());
        Ok(())
    }

    fn destinations(&mut self, block: &Block<'_>, sources: &Sources) -> Result<Vec<Destination>, Noted> {
        let blocks = block.blocks(&DESTINATION);
        if blocks.is_empty() {
            let advice = "write `destination { … }` with `mount` and `path` in it";
            return Err(block.header.advise("this `rotation` has no `destination`", advice));
        }
        let mut read = |found: Result<Found<'_, 0>, Noted>| {
            let (block, header) = found?;
            let destination = self.destination(block, sources);
            header.and(destination)
        };
        let read: Vec<_> = blocks.into_iter().map(&mut read).collect();
        let mut destinations = read.into_iter().collect::<Result<Vec<_>, _>>()?;
        // They stand in the room of the blocks, which is ten times what they need.
        destinations.shrink_to_fit();
        Ok(destinations)
    }

    fn destination(&mut self, block: Block<'_>, sources: &Sources) -> Result<Destination, Noted> {
        let entry = session::path(&block);
        let fields = block.optional("fields", field_names);
        let adopt = block.optional("adopt", Value::flag);
        let spot = block.header;
        block.finish();
        let entry = self.shared(self.home.named(entry?));
        if let Some(session) = sources.session_near(&entry) {
            let message =
                format!("the `session` at {session} is this entry, or one is a folder that holds the other");
            return Err(spot.advise(message, "keep refresh tokens where no reader of tokens may read"));
        }
        if let Some(source) = sources.reader_of(&entry) {
            let message = format!("the source at {source} reads a secret from this very entry");
            return Err(
                spot.advise(message, "write tokens to another `path`: they would take the secret's place")
            );
        }
        if let Some(first) = self.destinations.get(&entry) {
            let message = format!("the destination at {first} is the same entry");
            return Err(spot.advise(message, "give each its own `path`"));
        }
        self.destinations.insert(entry.clone(), spot.line());
        Ok(Destination { entry, fields: fields?.unwrap_or_default(), adopt: adopt?.unwrap_or(false) })
    }

    fn shared(&mut self, entry: KvPath) -> KvPath {
        let KvPath { namespace, mount, path } = entry;
        let mut shared = |text: Arc<str>| {
            let known = self.places.get(&text).cloned();
            known.unwrap_or_else(|| {
                self.places.insert(Arc::clone(&text));
                text
            })
        };
        KvPath { namespace: namespace.map(&mut shared), mount: shared(mount), path }
    }
}

/// Other names for fields of the entry.
fn field_names(value: Value<'_>) -> Result<FieldNames, Noted> {
    let entries = Entries::of(value)?;
    let mut names = Vec::new();
    let mut broken = None;
    for (field, spot, name) in entries.named() {
        let known = FieldNames::field(field)
            .map_err(|error| spot.tell(format!("`{}`: {error}", value.name), did_you_mean(field, FIELDS)));
        let name = name.and_then(|name| Ok((name.text()?.to_owned(), name.spot)));
        match (known, name) {
            (Ok(field), Ok((name, spot))) => names.push((field, name, spot)),
            (Err(noted), _) | (_, Err(noted)) => broken = Some(noted),
        }
    }
    let spots: Vec<_> = names.iter().map(|(field, _, spot)| (*field, *spot)).collect();
    let renamed = FieldNames::new(names.into_iter().map(|(field, name, _)| (field, name)));
    let renamed = renamed.map_err(|error| {
        let of = match &error {
            FieldNamesError::Taken { field, .. } | FieldNamesError::Unusable { field } => Some(*field),
            _ => None,
        };
        let spot = spots.iter().find(|(field, _)| Some(*field) == of).map_or(value.spot, |(_, spot)| *spot);
        spot.note(format!("`{}`: {error}", value.name))
    });
    broken.map_or(renamed, Err)
}

/// Each of the two attributes is checked even where the other one is wrong.
fn schedule(block: &Block<'_>) -> Result<Schedule, Noted> {
    let zone = block.optional("time_zone", with_spot);
    let expression = block.required("schedule", "\"*/30 * * * *\"", with_spot);
    let mut noted = zone.err().or(expression.err());
    let (zone, zone_spot) = zone.ok().flatten().unwrap_or((UTC, block.header));
    let (expression, spot) = expression.unwrap_or((ALWAYS, block.header));
    let mut schedule = Schedule::parse(expression, zone);
    if let Err(error) = &schedule
        && error.is_time_zone()
    {
        noted = Some(zone_spot.note(format!("`time_zone`: {error}")));
        schedule = Schedule::parse(expression, UTC);
    }
    let schedule = schedule.map_err(|error| spot.note(format!("`schedule`: {error}")))?;
    noted.map_or(Ok(schedule), Err)
}

fn with_spot(value: Value<'_>) -> Result<(&str, Spot<'_>), Noted> {
    Ok((value.text()?, value.spot))
}

fn renew_before(value: Value<'_>) -> Result<RenewBefore, Noted> {
    let Some(text) = value.expression.as_str().filter(|text| text.contains('%')) else {
        return value.some_time().map(RenewBefore::Duration);
    };
    // `parse` would take a sign and zeros before the number, too.
    let digits = text.strip_suffix('%').filter(|digits| digits.starts_with(|c| matches!(c, '1'..='9')));
    let percent = digits.and_then(|digits| digits.parse().ok()).filter(|percent| *percent < 100);
    percent
        .map(RenewBefore::Percent)
        .ok_or_else(|| value.spot.note("`renew_before` must be a duration, or from \"1%\" to \"99%\""))
}

/// How long the slowest reader takes to notice, as written, or as known of the reader that is named.
fn readers(block: &Block<'_>) -> Result<(Option<&'static Reader>, Duration), Noted> {
    let reader = block.optional("reader", reader);
    let lag = block.optional("reader_lag", |value| Ok((value.duration()?, value.spot)));
    match (reader?, lag?) {
        (Some(_), Some((_, spot))) => {
            let message = "`reader` says already how long the slowest reader takes to notice";
            Err(spot.advise(message, "write either `reader` or `reader_lag`"))
        }
        (Some(reader), None) => Ok((Some(reader), reader.lag)),
        (None, lag) => Ok((None, lag.map_or(READER_LAG, |(lag, _)| lag))),
    }
}

fn reader(value: Value<'_>) -> Result<&'static Reader, Noted> {
    let name = value.text()?;
    Reader::named(name).ok_or_else(|| {
        let names = || READERS.iter().map(|reader| reader.name);
        let list = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let advice = did_you_mean(name, names())
            .unwrap_or_else(|| format!("those known are {}; for others write `reader_lag`", list()));
        value.spot.advise("no reader is known by this name", advice)
    })
}

fn verify(value: Value<'_>, source: Option<&Arc<Source>>) -> Result<bool, Noted> {
    let verify = value.flag()?;
    let Some(source) = source.filter(|source| verify && !can_verify(source)) else { return Ok(verify) };
    let message = format!("a token of {} cannot be tried out", source.system.title);
    let advice = match source.system.trial {
        Trial::ByField(field) => format!("say how: write `{field} = {{ url = \"…\" }}` in its source"),
        _ => "leave `verify` out".to_owned(),
    };
    Err(value.spot.advise(message, advice))
}

fn can_verify(source: &Source) -> bool {
    verifies(source) || source.system.trial == Trial::OnRequest
}

/// Whether its tokens are tried out if nothing is said about it.
fn verifies(source: &Source) -> bool {
    match source.system.trial {
        Trial::ByDefault => true,
        Trial::ByField(field) => source.field(field).is_some(),
        Trial::Never | Trial::OnRequest => false,
    }
}

const ALWAYS: &str = "* * * * *";
const READER_LAG: Duration = Duration::from_mins(5);
const UTC: &str = "UTC";
