//! Namespaces: that of the login to Vault, and entries in it or in others.

use std::sync::Arc;

use tokenferry_sources::Environment;
use tokenferry_vault::{KvPath, ROOT, Surroundings, namespace_path};

use super::reader::Block;
use super::words::VAULT;

/// The namespace of the login, in the one form that it has here.
#[derive(Clone, Debug)]
pub(super) struct Home(Arc<str>);

impl Home {
    /// What the `vault` block says, else the environment. What is wrong with them is told by who reads them.
    pub(super) fn find(roots: &[Block<'_>], environment: &dyn Environment) -> Self {
        let written = roots.iter().find_map(|root| root.peek(&VAULT, "namespace")).map(str::to_owned);
        let outside = || Surroundings::new(environment).namespace().ok().flatten();
        let namespace = written.or_else(outside).and_then(|text| namespace_path(&text).ok().flatten());
        Home(namespace.map_or_else(|| ROOT.into(), Arc::from))
    }

    /// The entry, by the one name that it has here: the namespace of the login goes without saying.
    pub(super) fn named(&self, entry: KvPath) -> KvPath {
        KvPath { namespace: entry.namespace.filter(|namespace| *namespace != self.0), ..entry }
    }
}

impl Default for Home {
    fn default() -> Self {
        Home(ROOT.into())
    }
}
