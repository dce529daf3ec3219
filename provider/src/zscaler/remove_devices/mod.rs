//! The removal of enrolled devices from Zscaler Client Connector: listed, counted, and only then removed.

mod arguments;
mod tally;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Action, Answer, AttributePath, ConfigReader, Diagnostic, Diagnostics, Progress, Schema};
use tokenferry_sources::zscaler::{
    ApiReader, Candidates, DeviceCriteria, MOST_REMOVED_AT_ONCE, Removal, SYSTEM, Udid,
};

use self::arguments::{MAX_DEVICES, RemovalConfig};
use self::tally::Tally;
use super::CREDENTIAL;
use crate::diagnostics::of_source;
use crate::systems::Systems;

/// `tokenferry_zscaler_remove_devices`.
pub(crate) struct ZscalerRemoveDevices;

#[async_trait]
impl Action for ZscalerRemoveDevices {
    type Provider = Systems;
    type Config = RemovalConfig;

    fn type_name(&self) -> String {
        "tokenferry_zscaler_remove_devices".to_owned()
    }

    fn schema(&self) -> Schema {
        Schema::new(format!("{SUMMARY}\n\n{STEPS}\n\n{CALLS} {CREDENTIAL} {ROLE}")).with_all(arguments::all())
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> RemovalConfig {
        RemovalConfig::read(reader)
    }

    /// Asks nobody: which devices there are would be known of the plan's time only, and listing them costs calls.
    async fn plan(&self, systems: &Systems, _: RemovalConfig) -> Result<Answer<()>, Diagnostics> {
        systems.foresee(&SYSTEM).map(Answer::from)
    }

    async fn invoke(
        &self,
        systems: &Systems,
        config: RemovalConfig,
        progress: &Progress,
    ) -> Result<Answer<()>, Diagnostics> {
        let reader = systems.zscaler()?;
        let listing = reader.candidates(&config.criteria, config.removal);
        let Some(candidates) = progress.unless_stopped(listing).await else {
            return Err(Tally::of(0).interrupted());
        };
        let candidates = candidates.map_err(|error| of_source(&error))?;
        progress.say(found(&candidates, &config.criteria, config.removal));
        if candidates.udids.len() > config.max_devices {
            return Err(too_many(&candidates.udids, config.max_devices));
        }
        remove(&reader, &candidates.udids, config.removal, progress).await
    }
}

/// Removes these devices, as many in one call as it takes.
async fn remove(
    reader: &ApiReader,
    udids: &[Udid],
    removal: Removal,
    progress: &Progress,
) -> Result<Answer<()>, Diagnostics> {
    let mut tally = Tally::of(udids.len());
    let calls = udids.chunks(MOST_REMOVED_AT_ONCE);
    let all = calls.len();
    for (number, batch) in (1..).zip(calls) {
        if progress.is_stopped() {
            return Err(tally.interrupted());
        }
        progress.say(format!(
            "Removing {} (call {number} of {all}): {}.",
            devices(batch.len()),
            listed(batch)
        ));
        let Some(outcome) = progress.unless_stopped_for(GRACE, reader.remove(batch, removal)).await else {
            return Err(tally.given_up(batch.len()));
        };
        let removed = outcome.map_err(|failure| tally.failed(&failure, batch.len()))?;
        tally.add(&removed, batch.len())?;
        progress.say(format!("{}{}.", tally.so_far(), afterwards(removal, removed.count)));
    }
    tally.finish()
}

/// What the list says about the devices that are meant.
fn found(candidates: &Candidates, criteria: &DeviceCriteria, removal: Removal) -> String {
    let Candidates { udids, passed_over, shared } = candidates;
    let count = match udids.len() {
        0 => "Listed the devices: there is none to remove.".to_owned(),
        count => format!("Listed the devices: {} to remove.", devices(count)),
    };
    let left_alone = match (passed_over, removal) {
        (0, _) => String::new(),
        (count, Removal::Soft) => format!(" Pending already: the removal of {}.", devices(*count)),
        (count, Removal::Forced) => {
            format!(" Neither registered nor pending removal, so out of reach of force: {}.", devices(*count))
        }
    };
    let of_others = match shared {
        0 => String::new(),
        count => format!(
            " Left alone, because others that do not meet the criteria share it: {}.",
            devices(*count)
        ),
    };
    let asked = criteria.udids.as_ref().map_or(0, BTreeSet::len);
    let unmatched = match asked.saturating_sub(udids.len() + passed_over + shared) {
        0 => String::new(),
        count => format!(" {count} of {asked} UDIDs in `udids` match no enrolled device."),
    };
    format!("{count}{left_alone}{of_others}{unmatched}")
}

fn afterwards(removal: Removal, count: u64) -> &'static str {
    match (removal, count) {
        (Removal::Forced, _) | (_, 0) => "",
        (Removal::Soft, _) => "; each leaves when it connects the next time",
    }
}

fn too_many(udids: &[Udid], max_devices: usize) -> Diagnostics {
    let detail = format!(
        "{} match the criteria, and `max_devices` is {max_devices}. Nothing was removed. Narrow the criteria, or raise \
         `max_devices` if all of these are meant: {}.",
        devices(udids.len()),
        listed(udids)
    );
    let path = AttributePath::root().attribute(MAX_DEVICES);
    Diagnostic::error("More devices than may be removed", detail).at(path).into()
}

fn devices(count: usize) -> String {
    if count == 1 { "1 device".to_owned() } else { format!("{count} devices") }
}

fn listed(udids: &[Udid]) -> String {
    let shown: Vec<&str> = udids.iter().take(MOST_SHOWN).map(Udid::as_str).collect();
    let more = udids.len().saturating_sub(MOST_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// How long a call that was sent is waited for after an interrupt: most are answered by then.
const GRACE: Duration = Duration::from_secs(3);
/// How many UDIDs a message names.
const MOST_SHOWN: usize = 10;

const SUMMARY: &str = "Removes enrolled devices from Zscaler Client Connector, for example those of somebody who left. A \
     removal cannot be undone: the devices have to be enrolled again. Actions need Terraform 1.14 or later.";
const STEPS: &str = "At least one of `udids`, `username`, `os_type` and `client_connector_version` says which devices are \
     meant; a device has to meet all that are set. When the action is invoked, the devices are listed first. If more \
     match than `max_devices`, nothing is removed. Otherwise exactly the devices that were counted are removed, by their \
     unique ids. If none matches, the action succeeds and removes nothing, so it can be invoked again. A call that may \
     have been carried out is never sent twice. A removal concerns every user who enrolled the device, also if \
     `username` names one; a device that the list shows for another user as well is left alone.";
const CALLS: &str = "A plan makes no call. Each invocation makes one login, one `getDevices` call for each 5000 devices that \
     are listed (those of the user and of the operating system, if they are set, else all), and one `removeDevices` or \
     `forceRemoveDevices` call for each 5000 devices to remove, of the 100 calls an hour that Zscaler allows.";
const ROLE: &str = "The API key needs the role `Write`.";
