//! What holds for one request besides what it says: the issuer's clock and the keys taken away.

use chrono::Utc;

/// Set by faults, read by the systems.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// Seconds by which the issuer's clock is ahead of ours.
    pub(crate) skew_secs: i64,
    /// Revoked keys; `None` stands for all of them.
    pub(crate) revoked: Vec<Option<String>>,
}

impl Conditions {
    /// The issuer's time in Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        Utc::now().timestamp().saturating_add(self.skew_secs)
    }

    /// Has this key or user been taken away?
    pub(crate) fn revokes(&self, key: &str) -> bool {
        self.revoked.iter().any(|revoked| revoked.as_deref().is_none_or(|revoked| revoked == key))
    }
}
