//! Going on with other settings while the program runs.

use std::sync::Arc;

use crate::{Vault, VaultAuth, VaultSettings};

impl Vault {
    /// One with these settings, that reads all certificates anew. Where the way to log in is the same, our login goes
    /// on, and so does the memory of a refused one; what is kept in files may be another token by now.
    #[must_use]
    pub fn successor(&self, settings: VaultSettings) -> Self {
        let at_same_place = self.is_at(&settings) && self.auth_namespace == settings.auth_namespace;
        let logs_in_alike = at_same_place && self.auth == settings.auth;
        let mut successor = Vault::new(settings, Arc::clone(&self.environment), Arc::clone(&self.clock));
        successor.gives_up = self.gives_up;
        if logs_in_alike {
            (successor.logging_in, successor.keys) = (Arc::clone(&self.logging_in), self.keys.clone());
            *successor.current() = self.current().clone().filter(|login| !self.is_replaced(login));
        }
        successor
    }

    /// Whether settings lead to the same place: what stands in an entry here stands in it there.
    pub fn is_at(&self, settings: &VaultSettings) -> bool {
        self.namespace == settings.namespace && self.transport.reaches(&settings.addresses)
    }

    /// Whether somebody put another token where ours came from. A certificate is shown by the connections that it was
    /// read for, and those are left behind.
    fn is_replaced(&self, login: &crate::login::Login) -> bool {
        match self.auth {
            VaultAuth::Cert { .. } => true,
            VaultAuth::Token(_) => self.has_better(login).unwrap_or(false),
            _ => false,
        }
    }
}
