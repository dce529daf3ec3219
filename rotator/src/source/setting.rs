//! The value of a field: what is written, or where it is kept.

use std::collections::BTreeMap;
use std::fmt;

use tokenferry_sources::{
    Environment, FieldKind, Given, GivenFields, Reference, ReferenceError, SecretString,
};
use tokenferry_vault::{KvPath, Operation, Secret, Vault, VaultError};

use super::OpenError;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Blocks, in their order.
    Blocks(Vec<Settings>),
    /// To be read from Vault, anew at each use.
    InVault(Box<VaultField>),
    /// Written in the file; never a secret.
    Literal(Given),
    /// Values by name.
    Map(Settings),
    /// To be read where it is kept, anew at each use.
    Reference(Reference),
}

/// Values by name.
pub type Settings = BTreeMap<String, Setting>;

/// A field of an entry of Vault that somebody else keeps a secret in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VaultField {
    /// The entry.
    pub entry: KvPath,
    /// The name of the field.
    pub field: String,
}

impl fmt::Display for VaultField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.entry, self.field)
    }
}

impl Setting {
    /// It, and everything within.
    pub(super) fn all(&self) -> Box<dyn Iterator<Item = &Setting> + Send + '_> {
        let this = std::iter::once(self);
        match self {
            Setting::Blocks(blocks) => {
                Box::new(this.chain(blocks.iter().flat_map(Settings::values).flat_map(Setting::all)))
            }
            Setting::Map(settings) => Box::new(this.chain(settings.values().flat_map(Setting::all))),
            Setting::InVault(_) | Setting::Literal(_) | Setting::Reference(_) => Box::new(this),
        }
    }

    /// Adds what cannot be read in it or within, with the way there.
    pub(super) fn unreadable(
        &self,
        way: &str,
        kind: Option<FieldKind>,
        environment: &dyn Environment,
        found: &mut Vec<(String, ReferenceError)>,
    ) {
        let mut within = |way: &str, settings: &Settings| {
            for (name, setting) in settings {
                let kind = kind.and_then(|kind| inner(kind, name));
                setting.unreadable(&format!("{way}.{name}"), kind, environment, found);
            }
        };
        match self {
            Setting::Blocks(blocks) => {
                blocks
                    .iter()
                    .enumerate()
                    .for_each(|(index, block)| within(&format!("{way}[{index}]"), block));
            }
            Setting::InVault(_) | Setting::Literal(_) => {}
            Setting::Map(settings) => within(way, settings),
            Setting::Reference(reference) => {
                found.extend(read(reference, kind, environment).err().map(|error| (way.to_owned(), error)));
            }
        }
    }
}

/// What is kept there: several lines only where they can be meant.
fn read(
    reference: &Reference,
    kind: Option<FieldKind>,
    environment: &dyn Environment,
) -> Result<SecretString, ReferenceError> {
    match kind {
        Some(FieldKind::SecretLines) => reference.read_lines(environment),
        _ => reference.read(environment),
    }
}

/// Reads settings with what was read from Vault before.
pub(super) struct Reading<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) secrets: BTreeMap<&'a KvPath, Secret>,
}

impl<'a> Reading<'a> {
    /// Reads from Vault what these settings refer to, each entry once: what stands in one belongs together.
    pub(super) async fn new(
        environment: &'a dyn Environment,
        vault: &Vault,
        settings: impl Iterator<Item = (&'static str, &'a VaultField)>,
    ) -> Result<Self, OpenError> {
        let mut secrets = BTreeMap::new();
        for (field, kept) in settings {
            if !secrets.contains_key(&kept.entry) {
                let secret = vault.read_secret(&kept.entry).await;
                secrets.insert(&kept.entry, secret.map_err(|source| OpenError::InVault { field, source })?);
            }
        }
        Ok(Reading { environment, secrets })
    }

    /// What a field holds now.
    pub(super) fn given(
        &self,
        field: &'static str,
        kind: Option<FieldKind>,
        setting: &Setting,
    ) -> Result<Given, OpenError> {
        match setting {
            Setting::Blocks(blocks) => {
                let blocks = blocks.iter().map(|block| self.within(field, kind, block));
                blocks.collect::<Result<_, _>>().map(Given::List)
            }
            Setting::InVault(kept) => {
                let secret = self.secrets.get(&kept.entry).ok_or_else(|| unread(field, kept))?;
                let text = secret.text(&kept.field);
                text.map(Given::Text).map_err(|source| OpenError::InVault { field, source })
            }
            Setting::Literal(given) => Ok(given.clone()),
            Setting::Map(settings) => self.within(field, kind, settings).map(Given::Map),
            Setting::Reference(reference) => {
                let text = read(reference, kind, self.environment);
                text.map(Given::Text).map_err(|source| OpenError::Unavailable { field, source })
            }
        }
    }

    fn within(
        &self,
        field: &'static str,
        kind: Option<FieldKind>,
        settings: &Settings,
    ) -> Result<GivenFields, OpenError> {
        let read = |(name, setting): (&String, &Setting)| {
            Ok((name.clone(), self.given(field, kind.and_then(|kind| inner(kind, name)), setting)?))
        };
        settings.iter().map(read).collect()
    }
}

/// Never so: what settings refer to was read before.
fn unread(field: &'static str, kept: &VaultField) -> OpenError {
    let source = VaultError::Absent { operation: Operation::Read(kept.entry.clone()) };
    OpenError::InVault { field, source }
}

/// The kind of what has this name within a value of a kind.
fn inner(kind: FieldKind, name: &str) -> Option<FieldKind> {
    match kind {
        FieldKind::Blocks(fields) | FieldKind::Object(fields) => {
            fields.iter().find(|field| field.name == name).map(|field| field.kind)
        }
        FieldKind::Objects(fields) => Some(FieldKind::Object(fields)),
        // What it is for is decided where it is used: it may be a key in PEM form.
        FieldKind::Secrets => Some(FieldKind::SecretLines),
        _ => None,
    }
}
