//! How replicas find each other, and the rule that keeps two of them from using one credential at once.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokenferry_sources::Reference;

/// What a `cluster` block says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where the URL of the database is kept: it may hold a password.
    pub database_url: Reference,
    /// The certificates that the database is known by; those of the system, if there are none.
    pub ca_cert_file: Option<PathBuf>,
    /// Whether a database on another machine may be talked to without TLS.
    pub allow_plaintext: bool,
    /// How often a replica says that it lives.
    pub heartbeat_interval: Duration,
    /// How long it may be silent until the others take over what it had begun.
    pub heartbeat_limit: Duration,
    /// What tells these replicas from others that use the same database.
    pub name: String,
    /// What this replica is called. Without it, by its host and something random.
    pub replica: Option<String>,
}

impl Settings {
    /// Those that say nothing but where the database is.
    pub fn new(database_url: Reference) -> Self {
        Settings {
            database_url,
            ca_cert_file: None,
            allow_plaintext: false,
            heartbeat_interval: DEFAULT_HEARTBEAT_INTERVAL,
            heartbeat_limit: DEFAULT_HEARTBEAT_LIMIT,
            name: DEFAULT_NAME.to_owned(),
            replica: None,
        }
    }

    /// How many heartbeats in a row may be missed.
    pub fn missed_heartbeats(&self) -> u32 {
        let (limit, interval) = (self.heartbeat_limit.as_millis(), self.heartbeat_interval.as_millis());
        u32::try_from(limit / interval.max(1)).unwrap_or(u32::MAX).max(1)
    }

    /// Checks that a run of at most `longest`, that of `of`, is over before anybody else takes its work over; so much
    /// of it is Vault's.
    ///
    /// # Errors
    /// When it may not be.
    pub fn check_time(&self, of: &str, longest: Duration, of_vault: Duration) -> Result<(), TimeRule> {
        if longest + MARGIN < self.heartbeat_limit {
            return Ok(());
        }
        Err(TimeRule { of: of.to_owned(), longest, of_vault, limit: self.heartbeat_limit })
    }
}

/// A run may last longer than a replica may be silent.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "a run of {of} may take {} s, and with a margin of {} s that is not less than `heartbeat_limit`, which is {} s",
    longest.as_secs(), MARGIN.as_secs(), limit.as_secs()
)]
pub struct TimeRule {
    /// What may take that long.
    pub of: String,
    /// How long.
    pub longest: Duration,
    /// How much of that Vault may take.
    pub of_vault: Duration,
    /// How long a replica may be silent.
    pub limit: Duration,
}

impl TimeRule {
    /// What to do about it.
    pub fn advice(&self) -> String {
        let least = (self.longest + MARGIN).as_secs() + 1;
        let (vault, source) = (self.of_vault.as_secs(), self.longest.saturating_sub(self.of_vault).as_secs());
        let shorten = if vault > source {
            format!("`timeout` of `vault`: {vault} s are requests to it, {source} s those to {}", self.of)
        } else {
            format!("`timeout` of {}: {source} s are requests to it, {vault} s those to Vault", self.of)
        };
        format!("set `heartbeat_limit` to {least}s or more, or shorten {shorten}")
    }
}

const DEFAULT_NAME: &str = "tokenferry";
/// How often a replica says that it lives, if nothing else is configured.
const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// How long it may be silent, if nothing else is configured.
const DEFAULT_HEARTBEAT_LIMIT: Duration = Duration::from_mins(1);
/// What a run has to be over before: clocks and networks are not exact.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: Duration = Duration::from_secs(20);

    #[test]
    fn a_run_has_to_be_over_before_its_work_is_taken_over() {
        let settings = Settings::new(Reference::Env("DATABASE_URL".into()));
        assert_eq!(settings.missed_heartbeats(), 12);
        assert_eq!(settings.check_time("zscaler.corp", Duration::from_secs(54), VAULT), Ok(()));
        let broken = settings.check_time("zscaler.corp", Duration::from_secs(55), VAULT).unwrap_err();
        assert_eq!(
            broken.to_string(),
            "a run of zscaler.corp may take 55 s, and with a margin of 5 s that is not less than \
             `heartbeat_limit`, which is 60 s"
        );
        assert_eq!(
            broken.advice(),
            "set `heartbeat_limit` to 61s or more, or shorten `timeout` of zscaler.corp: 35 s are requests to it, 20 s \
             those to Vault"
        );
        let slow = settings.check_time("zscaler.corp", VAULT * 5, VAULT * 4).unwrap_err();
        assert!(slow.advice().contains("or shorten `timeout` of `vault`: 80 s are requests to it"));
    }
}
