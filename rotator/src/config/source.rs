//! The `source` blocks, driven by the descriptions of the systems' fields.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::{
    ExposeSecret, Given, HTTP_FIELDS, HttpSettings, SYSTEMS, System, parse_duration, system,
};
use tokenferry_vault::KvPath;

use super::document::{Line, Noted, Spot};
use super::names::{closest, did_you_mean, is_name, shown};
use super::namespace::Home;
use super::reader::{Block, Label};
use super::session;
use super::value::Value;
use super::words::SOURCE;
use super::written::Written;
use crate::rate::{MOST_LOGINS, Rate};
use crate::run::CredentialKey;
use crate::runner::credential_key;
use crate::source::{Setting, Source};

/// The sources of a configuration by name, the broken ones included.
pub(super) struct Sources {
    declared: BTreeMap<Arc<str>, Declared>,
    /// What could not be read and may be a source: of this name in whatever system, or of any name.
    missed: Vec<(Option<String>, Noted)>,
    /// The entries that sources read secrets from, with the first source that does.
    read_from: BTreeMap<KvPath, Line>,
    /// The entries that keep refresh tokens.
    sessions: Vec<(KvPath, Line)>,
    /// The logins of systems whose refreshes end other tokens, and whether they refresh.
    logins: Vec<(CredentialKey, bool, Line)>,
    home: Home,
    /// Few for very many sources.
    http: HashSet<Arc<HttpSettings>>,
}

struct Declared {
    line: Line,
    source: Result<Arc<Source>, Noted>,
}

impl Sources {
    /// None yet. `home` is the namespace of the login to Vault.
    pub(super) fn new(home: Home) -> Self {
        let (declared, read_from) = (BTreeMap::new(), BTreeMap::new());
        let (missed, sessions, logins) = (Vec::new(), Vec::new(), Vec::new());
        Sources { declared, missed, read_from, sessions, logins, http: HashSet::new(), home }
    }

    /// Remembers that something could not be read that may have been a source.
    pub(super) fn miss(&mut self, noted: Noted) {
        self.missed.push((None, noted));
    }

    /// Reads the blocks of a file.
    pub(super) fn read(&mut self, file: &Block<'_>) {
        for block in file.blocks(&SOURCE) {
            match block {
                Ok((block, Ok([system, name]))) => self.declare(block, system, name),
                Ok((block, Err(noted))) => {
                    self.miss(noted);
                    check(block);
                }
                Err(noted) => self.miss(noted),
            }
        }
    }

    /// The source of that name.
    pub(super) fn find(&self, value: Value<'_>) -> Result<Arc<Source>, Noted> {
        let name = value.text()?;
        if let Some(declared) = self.declared.get(name) {
            return declared.source.clone();
        }
        let (system_name, own_name) = name.split_once('.').unwrap_or(("", name));
        let could_exist = system(system_name).is_some() && is_name(own_name);
        let explains =
            |missed: &Option<String>| missed.as_ref().map_or(could_exist, |missed| missed == own_name);
        let explained = self.missed.iter().find(|(missed, _)| explains(missed));
        let unexplained = || {
            // A name of a source is no secret, but what stands here may be none.
            let shown = if could_exist { format!(": `{}`", shown(name)) } else { String::new() };
            value.spot.advise(format!("there is no such source{shown}"), self.names(name))
        };
        Err(explained.map_or_else(unexplained, |(_, noted)| *noted))
    }

    /// Where the source stands that reads a secret from this entry, if one does.
    pub(super) fn reader_of(&self, entry: &KvPath) -> Option<&Line> {
        self.read_from.get(entry)
    }

    /// Where the session stands that is this entry, or holds it, or is within.
    pub(super) fn session_near(&self, entry: &KvPath) -> Option<&Line> {
        let mut near = self.sessions.iter().filter(|(session, _)| session.overlaps(entry));
        near.next().map(|(_, line)| line)
    }

    /// Those that nothing is wrong with.
    pub(super) fn known(&self) -> impl Iterator<Item = &Source> {
        self.declared.values().filter_map(|declared| declared.source.as_deref().ok())
    }

    /// All sources, in the order of their names.
    pub(super) fn finish(self) -> Result<Vec<Arc<Source>>, Noted> {
        let sources = self.declared.into_values().map(|declared| declared.source).collect();
        self.missed.first().map_or(sources, |(_, noted)| Err(*noted))
    }

    fn declare(&mut self, block: Block<'_>, system_label: Label<'_>, name: Label<'_>) {
        let Some(system) = system(system_label.text) else {
            self.missed.push((Some(name.text.to_owned()), no_system(system_label)));
            return check(block);
        };
        let name: Arc<str> = format!("{}.{}", system.name, name.text).into();
        let spot = block.header;
        if let Some(first) = self.declared.get(&name) {
            spot.note(format!("the source `{name}` stands at {} already", first.line));
        }
        let source = self.source(&block, system, Arc::clone(&name)).map(Arc::new);
        block.finish();
        for (_, kept) in source.iter().flat_map(|source| source.in_vault()) {
            self.read_from.entry(self.home.named(kept.entry.clone())).or_insert_with(|| spot.line());
        }
        self.declared.entry(name).or_insert_with(|| Declared { line: spot.line(), source });
    }

    fn source(
        &mut self,
        block: &Block<'_>,
        system: &'static System,
        name: Arc<str>,
    ) -> Result<Source, Noted> {
        let mut written = written(block, system);
        written.judge(&system.check(&written.given));
        written.judge(&system.flaws(&written.given));
        let http = http(block);
        let rate = block.optional("rate", rate);
        let session = self.session(block, system, &written);
        let fields = written.broken.map_or(Ok(written.settings.into()), Err)?;
        let mut source = Source {
            name,
            system,
            fields,
            http: self.shared(http?),
            ttl: None,
            rate: rate?,
            session: session?.map(Box::new),
        };
        source.ttl = stated_life(&source);
        self.claim_login(&source, block.header)?;
        Ok(source)
    }

    fn session(
        &mut self,
        block: &Block<'_>,
        system: &System,
        written: &Written<'_>,
    ) -> Result<Option<KvPath>, Noted> {
        if !system.refreshes {
            return Ok(None);
        }
        let Some((entry, spot)) = session::read(block, &written.given)? else { return Ok(None) };
        let entry = self.home.named(entry);
        if let Some(other) = self.session_near(&entry) {
            let message =
                format!("the `session` at {other} is this entry, or one is a folder that holds the other");
            return Err(spot.advise(message, "give each its own `path`"));
        }
        self.sessions.push((entry.clone(), spot.line()));
        Ok(Some(entry))
    }

    /// Whoever refreshes ends the tokens of all others that log in as the same user.
    fn claim_login(&mut self, source: &Source, spot: Spot<'_>) -> Result<(), Noted> {
        if !source.system.refreshes {
            return Ok(());
        }
        let (login, refreshes) = (credential_key(source), source.session.is_some());
        let of_same_user = |(other, other_refreshes, _): &&(CredentialKey, bool, Line)| {
            *other == login && (refreshes || *other_refreshes)
        };
        if let Some((_, _, first)) = self.logins.iter().find(of_same_user) {
            let message = format!(
                "the source at {first} logs in as the same user, and a refresh of one ends the tokens of the other"
            );
            return Err(spot.advise(message, "use one source for both, or a user for each"));
        }
        self.logins.push((login, refreshes, spot.line()));
        Ok(())
    }

    fn shared(&mut self, http: HttpSettings) -> Arc<HttpSettings> {
        if let Some(known) = self.http.get(&http) {
            return Arc::clone(known);
        }
        let http = Arc::new(http);
        self.http.insert(Arc::clone(&http));
        http
    }

    fn names(&self, wanted: &str) -> String {
        let names = self.declared.keys().map(|name| &**name);
        did_you_mean(wanted, names.clone().take(MOST_COMPARED)).unwrap_or_else(|| {
            let list: Vec<String> =
                names.take(MOST_LISTED).map(|name| format!("`{}`", shown(name))).collect();
            match (list.is_empty(), self.declared.len() > MOST_LISTED) {
                (true, _) => "write a `source` block first".to_owned(),
                (false, more) => {
                    format!("there are {}{}", list.join(", "), if more { " and others" } else { "" })
                }
            }
        })
    }
}

/// Notes what is wrong in a block whose header is wrong, too, if it can be seen which system is meant. What is missing
/// is not noted: another system may be meant.
fn check(block: Block<'_>) {
    let meant = |label| system(label).or_else(|| system(closest(label, known_systems())?));
    let system = block.labels().find_map(meant);
    if let Some(system) = system {
        let mut written = written(&block, system);
        written.judge(&system.check(&written.given));
        if system.refreshes {
            drop(session::read(&block, &written.given));
        }
        drop(http(&block));
        block.optional("rate", rate).ok();
        block.finish();
    }
}

fn known_systems() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().map(|system| system.name)
}

fn no_system(label: Label<'_>) -> Noted {
    let list = || known_systems().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let advice =
        did_you_mean(label.text, known_systems()).unwrap_or_else(|| format!("the systems are {}", list()));
    label.spot.advise(format!("there is no system `{}`", label.text), advice)
}

/// What is written in a block, checked as far as each field can be checked by itself.
fn written<'a>(block: &Block<'a>, system: &'static System) -> Written<'a> {
    let mut written = Written::at(block.header);
    for field in system.all_fields() {
        written.read(block, field);
    }
    written
}

/// Where the rotator waits, and how long, is the scheduler's to say: `max_wait` is not asked for, and no
/// request is repeated by itself.
fn http(block: &Block<'_>) -> Result<HttpSettings, Noted> {
    let mut written = Written::at(block.header);
    for field in HTTP_FIELDS.iter().filter(|field| field.name != "max_wait") {
        written.read_literal(block, field);
    }
    let settings = HttpSettings::from_given(&written.given).unwrap_or_else(|problems| {
        written.judge(&problems);
        HttpSettings::default()
    });
    let folder = block.header.document().folder();
    let ca_cert_file = settings.ca_cert_file.map(|path| folder.join(path));
    written
        .broken
        .map_or(Ok(HttpSettings { ca_cert_file, max_wait: Duration::ZERO, retries: false, ..settings }), Err)
}

fn rate(value: Value<'_>) -> Result<Rate, Noted> {
    let wrong = || {
        let message =
            format!("`rate` must be a whole number of logins, up to {MOST_LOGINS}, and a unit of time");
        value.spot.advise(message, "write it as in \"100/h\"; the units are s, m, h and d")
    };
    Rate::parse(value.text()?).ok_or_else(wrong)
}

fn stated_life(source: &Source) -> Option<Duration> {
    match source.field("ttl")? {
        Setting::Literal(Given::Text(text)) => parse_duration(text.expose_secret()).ok(),
        _ => None,
    }
}

/// Comparing is slow: what is wrong in thousands of rotations shall not take minutes to say.
const MOST_COMPARED: usize = 100;
const MOST_LISTED: usize = 10;
