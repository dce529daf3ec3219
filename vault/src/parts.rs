//! What a login is made of.

use crate::{Kept, VaultAuth};

impl VaultAuth {
    /// What is kept outside, in a fixed order.
    pub fn parts(&self) -> impl Iterator<Item = &Kept> {
        let parts = match self {
            VaultAuth::AppRole { role_id, secret_id, .. } => [Some(role_id), Some(secret_id)],
            VaultAuth::Jwt { jwt, .. } => [Some(jwt), None],
            VaultAuth::Token(token) => [Some(token), None],
        };
        parts.into_iter().flatten()
    }
}
