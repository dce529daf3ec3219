//! The `cluster` block: the database through which replicas share the work.

use std::sync::Arc;
use std::time::Duration;

use tokenferry_vault::VaultSettings;

use super::Config;
use super::document::{Noted, Spot};
use super::reader::{Block, Found};
use super::source::Sources;
use super::value::Value;
use super::words::CLUSTER;
use crate::cluster::{Settings, TimeRule};
use crate::source::Source;

impl Config {
    /// The source whose runs may take the longest time, and how long that is.
    pub fn longest_run(&self) -> Option<(Arc<str>, Duration)> {
        longest(self.sources.iter().map(|source| &**source), self.vault.timeout)
    }

    /// Checks that all runs are over before replicas with these settings take work over.
    ///
    /// # Errors
    /// When one may not be.
    pub fn check_time(&self, settings: &Settings) -> Result<(), TimeRule> {
        let Some((source, longest)) = self.longest_run() else { return Ok(()) };
        settings.check_time(&source, longest, of_vault(self.vault.timeout))
    }
}

/// What the block says, if there is one. The sources are those that its times have to fit.
pub(super) fn read(
    roots: &[Block<'_>],
    sources: &Sources,
    vault: Option<&VaultSettings>,
) -> Result<Option<Settings>, Noted> {
    let blocks: Vec<_> = roots.iter().flat_map(|root| root.blocks(&CLUSTER)).collect();
    let mut blocks = blocks.into_iter();
    let Some(first) = blocks.next() else { return Ok(None) };
    let longest = vault.and_then(|vault| {
        let (source, longest) = longest(sources.known(), vault.timeout)?;
        Some((source, longest, of_vault(vault.timeout)))
    });
    let settings = first.and_then(|found| settings(found, longest));
    for (other, _) in blocks.flatten() {
        other.header.note("there is more than one `cluster` block");
        drop(settings_of(&other));
        other.finish();
    }
    settings.map(Some)
}

fn settings(
    (block, header): Found<'_, 0>,
    longest: Option<(Arc<str>, Duration, Duration)>,
) -> Result<Settings, Noted> {
    let settings = settings_of(&block);
    let spot = block.header;
    block.finish();
    let Written { settings, limit } = settings?;
    let limit = limit.unwrap_or(spot);
    header?;
    if !cfg!(feature = "cluster") {
        return Err(spot.advise(WITHOUT, "use a build that has it, or leave `cluster` out"));
    }
    if let Some((source, longest, of_vault)) = longest {
        let rule = settings.check_time(&source, longest, of_vault);
        rule.map_err(|broken| limit.advise(broken.to_string(), broken.advice()))?;
    }
    Ok(settings)
}

/// What a block says, and where `heartbeat_limit` stands.
struct Written<'a> {
    settings: Settings,
    limit: Option<Spot<'a>>,
}

fn settings_of<'a>(block: &Block<'a>) -> Result<Written<'a>, Noted> {
    let database_url = block.required("database_url", "{ env = \"NAME\" }", Value::reference);
    let ca_cert_file = block.optional("ca_cert_file", Value::path);
    let allow_plaintext = block.optional("allow_plaintext", Value::flag);
    let interval = block.optional("heartbeat_interval", |value| at_least(value, SHORTEST_INTERVAL));
    let limit = block.optional("heartbeat_limit", |value| Ok((value.some_time()?, value.spot)));
    let (cluster, replica) = (block.optional("name", name), block.optional("replica", name));
    let default = Settings::new(database_url?);
    let (limit, interval) = (limit?, interval?.unwrap_or(default.heartbeat_interval));
    let settings = Settings {
        ca_cert_file: ca_cert_file?,
        allow_plaintext: allow_plaintext?.unwrap_or(default.allow_plaintext),
        heartbeat_interval: interval,
        heartbeat_limit: limit.map_or(default.heartbeat_limit, |(limit, _)| limit),
        name: cluster?.unwrap_or(default.name),
        replica: replica?,
        ..default
    };
    let limit = limit.map(|(_, spot)| spot);
    if settings.heartbeat_limit < interval * LEAST_HEARTBEATS {
        let message =
            format!("`heartbeat_limit` must be at least {LEAST_HEARTBEATS} times `heartbeat_interval`");
        let advice = "one heartbeat that is late must not make a replica count as dead";
        return Err(limit.unwrap_or(block.header).advise(message, advice));
    }
    Ok(Written { settings, limit })
}

fn at_least(value: Value<'_>, least: Duration) -> Result<Duration, Noted> {
    let time = value.duration()?;
    let message = || format!("`{}` must be {} s or longer", value.name, least.as_secs());
    if time < least { Err(value.spot.note(message())) } else { Ok(time) }
}

/// The name of a cluster or of a replica, as databases and metrics show it.
fn name(value: Value<'_>) -> Result<String, Noted> {
    let name = value.text()?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_part) {
        let message = format!(
            "`{}` must have letters, digits, `-`, `_` and `.` only, and at most {LONGEST_NAME} of them",
            value.name
        );
        let default = match value.name {
            "replica" => "leave it out: then it is the name of the host with something random",
            _ => "leave it out, unless other replicas share the database",
        };
        return Err(value.spot.advise(message, default));
    }
    Ok(name.to_owned())
}

/// How long a run may take: the entry is read, then there is a login, and the entry is written. What takes longer, as a
/// slow try-out on top of a slow login, is cut off in time.
fn longest<'a>(sources: impl Iterator<Item = &'a Source>, vault: Duration) -> Option<(Arc<str>, Duration)> {
    let times = sources.map(|source| (Arc::clone(&source.name), source.http.timeout + of_vault(vault)));
    times.max_by_key(|(_, longest)| *longest)
}

fn of_vault(timeout: Duration) -> Duration {
    timeout * REQUESTS_TO_VAULT
}

const WITHOUT: &str = "this program was built without the feature `cluster`";
const LEAST_HEARTBEATS: u32 = 2;
const LONGEST_NAME: usize = 100;
const REQUESTS_TO_VAULT: u32 = 2;
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
