//! The `rotation` blocks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokenferry_vault::KvPath;

use super::document::{Line, Noted, Spot};
use super::names::did_you_mean;
use super::reader::{Block, Found, Label};
use super::source::Sources;
use super::value::Value;
use super::words::{DESTINATION, ROTATION};
use crate::reader::{READERS, Reader};
use crate::rotation::{Destination, RenewBefore, Rotation};
use crate::schedule::Schedule;
use crate::source::Source;

/// The rotations of a configuration, in the order in which they stand.
#[derive(Default)]
pub(super) struct Rotations {
    read: Vec<Result<Arc<Rotation>, Noted>>,
    names: HashMap<Arc<str>, Line>,
    destinations: HashMap<KvPath, Line>,
    /// Few for very many destinations.
    mounts: HashSet<Arc<str>>,
}

impl Rotations {
    /// Reads the blocks of a file.
    pub(super) fn read(&mut self, file: &Block<'_>, sources: &Sources) {
        for block in file.blocks(&ROTATION) {
            let rotation =
                block.and_then(|(block, labels)| self.rotation(block, labels.map(|[name]| name), sources));
            self.read.push(rotation.map(Arc::new));
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

    fn rotation(
        &mut self,
        block: Block<'_>,
        label: Result<Label<'_>, Noted>,
        sources: &Sources,
    ) -> Result<Rotation, Noted> {
        let name = label.map(|label| self.declare(&label));
        let enabled = block.optional("enabled", Value::flag);
        let source = block.required("source", "\"SYSTEM.NAME\"", |value| sources.find(value));
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
            verify: verify?.unwrap_or(source.system.verifies),
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
        let mount = block.required("mount", "\"secret\"", Value::kv_path);
        let path = block.required("path", "\"…\"", Value::kv_path);
        let adopt = block.optional("adopt", Value::flag);
        let spot = block.header;
        block.finish();
        let entry = KvPath { mount: self.shared_mount(mount?), path: path? };
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
        Ok(Destination { entry, adopt: adopt?.unwrap_or(false) })
    }

    fn shared_mount(&mut self, mount: Arc<str>) -> Arc<str> {
        if let Some(known) = self.mounts.get(&mount) {
            return Arc::clone(known);
        }
        self.mounts.insert(Arc::clone(&mount));
        mount
    }
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
    match source.map(|source| source.system) {
        Some(system) if verify && !system.verifies => {
            let message = format!("a token of {} cannot be tried out", system.title);
            Err(value.spot.advise(message, "leave `verify` out"))
        }
        _ => Ok(verify),
    }
}

const ALWAYS: &str = "* * * * *";
const READER_LAG: Duration = Duration::from_secs(300);
const UTC: &str = "UTC";
