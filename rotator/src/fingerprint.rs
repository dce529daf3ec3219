//! A name for what a configuration says of the work: two processes with the same one mean the same by the name of a
//! rotation.

use std::fmt::Write as _;

use ring::digest::{Context, SHA256};
use tokenferry_sources::{ExposeSecret as _, Given, GivenFields, HttpSettings};
use tokenferry_vault::KvPath;

use crate::config::Config;
use crate::rotation::{Destination, RenewBefore, Rotation};
use crate::runner::credential_key;
use crate::source::{Setting, Settings, Source};

/// The same in each process and for each order of files and blocks, as long as rotations, their sources and their
/// destinations are the same, and the namespace of Vault that they are in. What belongs to a machine does not count:
/// where secrets and certificates are kept, which address Vault has, where the rotator can be looked at. But where it
/// is kept who logs in does: by that a credential has its lock.
pub fn fingerprint<'a>(namespace: Option<&str>, rotations: impl IntoIterator<Item = &'a Rotation>) -> String {
    let mut rotations: Vec<&Rotation> = rotations.into_iter().collect();
    rotations.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let mut print = Print(Context::new(&SHA256));
    print.optional(namespace);
    for rotation in rotations {
        print.rotation(rotation);
    }
    print.finish()
}

impl Config {
    /// Names what it says of the work.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.vault.namespace.as_deref(), self.rotations.iter().map(|rotation| &**rotation))
    }
}

/// Takes in one value after the other. Each says how long it is, so that none can be taken for two.
struct Print(Context);

impl Print {
    fn finish(self) -> String {
        let digest = self.0.finish();
        let mut text = String::with_capacity(2 * LENGTH);
        for byte in digest.as_ref().iter().take(LENGTH) {
            // A string takes whatever is written to it.
            write!(text, "{byte:02x}").unwrap_or_default();
        }
        text
    }

    fn rotation(&mut self, rotation: &Rotation) {
        let Rotation { name, enabled, source, schedule, renew_before, reader_lag, .. } = rotation;
        let Rotation { reader: _, survive_outage, spread, verify, destinations, .. } = rotation;
        self.text(name);
        self.flag(*enabled);
        self.source(source);
        self.text(schedule.expression());
        self.text(schedule.time_zone());
        match *renew_before {
            RenewBefore::Duration(before) => self.number(before.as_millis()),
            RenewBefore::Percent(percent) => self.text(&format!("{percent}%")),
        }
        for time in [reader_lag, survive_outage, spread] {
            self.number(time.as_millis());
        }
        self.flag(*verify);
        let mut destinations: Vec<&Destination> = destinations.iter().collect();
        destinations.sort_unstable();
        self.count(destinations.len());
        for destination in destinations {
            self.destination(destination);
        }
    }

    fn destination(&mut self, Destination { entry, fields, adopt }: &Destination) {
        self.entry(entry);
        self.flag(*adopt);
        let mut renamed: Vec<(&str, &str)> = fields.renamed().collect();
        renamed.sort_unstable();
        self.count(renamed.len());
        for (field, name) in renamed {
            self.text(field);
            self.text(name);
        }
    }

    fn source(&mut self, source: &Source) {
        let Source { name, system: _, fields, http, ttl, rate, session } = source;
        let HttpSettings { timeout, .. } = &**http;
        self.text(name);
        self.text(&credential_key(source).to_string());
        let mut fields: Vec<_> = fields.iter().map(|(name, setting)| (*name, setting)).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        self.count(fields.len());
        for (name, setting) in fields {
            self.text(name);
            self.setting(setting);
        }
        self.number(timeout.as_millis());
        self.optional(ttl.map(|ttl| ttl.as_millis().to_string()).as_deref());
        self.optional(rate.map(|rate| rate.to_string()).as_deref());
        self.flag(session.is_some());
        if let Some(session) = session {
            self.entry(session);
        }
    }

    fn setting(&mut self, setting: &Setting) {
        match setting {
            Setting::Blocks(blocks) => {
                self.text("blocks");
                self.count(blocks.len());
                for block in blocks {
                    self.settings(block);
                }
            }
            Setting::InVault(kept) => {
                self.text("vault");
                self.entry(&kept.entry);
                self.text(&kept.field);
            }
            Setting::Literal(given) => self.given(given),
            Setting::Map(settings) => {
                self.text("map");
                self.settings(settings);
            }
            // Where a machine keeps it is the machine's to know.
            Setting::Reference(_) => self.text("elsewhere"),
        }
    }

    fn settings(&mut self, settings: &Settings) {
        self.count(settings.len());
        for (name, setting) in settings {
            self.text(name);
            self.setting(setting);
        }
    }

    fn given(&mut self, given: &Given) {
        match given {
            Given::Flag(flag) => self.flag(*flag),
            Given::List(blocks) => {
                self.count(blocks.len());
                for block in blocks {
                    self.givens(block);
                }
            }
            Given::Map(fields) => self.givens(fields),
            Given::Reference(_) | Given::Unknown => self.text("elsewhere"),
            Given::Text(text) => {
                self.text("text");
                self.text(text.expose_secret());
            }
        }
    }

    fn givens(&mut self, fields: &GivenFields) {
        self.count(fields.len());
        for (name, given) in fields {
            self.text(name);
            self.given(given);
        }
    }

    fn entry(&mut self, KvPath { namespace, mount, path }: &KvPath) {
        self.optional(namespace.as_deref());
        self.text(mount);
        self.text(path);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        self.text(text.unwrap_or_default());
    }

    fn flag(&mut self, flag: bool) {
        self.0.update(&[u8::from(flag)]);
    }

    fn count(&mut self, count: usize) {
        self.number(count as u128);
    }

    fn number(&mut self, number: u128) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }
}

/// In bytes: few enough to be read by people, and two configurations have the same by chance never.
const LENGTH: usize = 8;
