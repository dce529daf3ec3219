//! The arguments of the removal, read and described.

use std::collections::BTreeSet;
use std::fmt::Display;

use tfplugin::{Attribute, ConfigReader, Diagnostic, Setting, Type};
use tokenferry_sources::zscaler::{DeviceCriteria, DeviceFilter, OsType, Removal, Udid};

use crate::zscaler::checked_name;

/// Which devices, how, and how many at most.
pub(crate) struct RemovalConfig {
    pub(super) criteria: DeviceCriteria,
    pub(super) removal: Removal,
    pub(super) max_devices: usize,
}

impl RemovalConfig {
    /// Reads the block.
    pub(super) fn read(reader: &mut ConfigReader<'_>) -> Self {
        require_criterion(reader);
        let udids = criteria(reader, "udids", |text| exact(text, Udid::try_from(text)));
        let versions = criteria(reader, VERSION, |text| exact(text, checked_name(text)));
        Self {
            criteria: DeviceCriteria {
                filter: DeviceFilter {
                    username: reader.parse("username", |text| exact(text, checked_name(text))).known(),
                    os_type: reader.parse("os_type", str::parse::<OsType>).known(),
                },
                udids: udids.map(BTreeSet::from_iter),
                versions,
            },
            removal: match reader.bool("force") {
                Setting::Known(true) => Removal::Forced,
                _ => Removal::Soft,
            },
            max_devices: max_devices(reader),
        }
    }
}

/// All arguments.
pub(super) fn all() -> [Attribute; 6] {
    let texts = || Type::list(Type::String);
    [
        Attribute::new("udids", texts()).optional().describe(
            "Only these devices, by their unique ids, as the Client Connector portal shows them. One that is not enrolled \
             is passed over.",
        ),
        Attribute::string("username")
            .optional()
            .describe("Only devices on which this user is enrolled. The name in full, in capitals or not."),
        Attribute::string("os_type").optional().describe(
            "Only devices with this operating system: `ios`, `android`, `windows`, `macos` or `linux`, in capitals or not.",
        ),
        Attribute::new(VERSION, texts()).optional().describe(
            "Only devices with one of these versions of Client Connector, each in full, for example `4.5.0.33`.",
        ),
        Attribute::bool("force").optional().describe(
            "Whether to remove by force. A soft removal is pending until the device connects the next time, which then logs \
             out and leaves by itself. A forced removal takes effect at once, also on devices that never connect again; it \
             is possible only for devices that are registered or whose removal is pending. Default: `false`.",
        ),
        Attribute::new(MAX_DEVICES, Type::Number).optional().describe(format!(
            "The most devices that may be removed, at least 1. If more match the criteria, that is an error and nothing is \
             removed. Default: {DEFAULT_MAX_DEVICES}."
        )),
    ]
}

/// Without one, every device of the organisation would be meant.
fn require_criterion(reader: &mut ConfigReader<'_>) {
    if !CRITERIA.iter().any(|criterion| reader.is_set(criterion)) {
        let detail =
            format!("Set at least one of {}: without one, every device would be meant.", criteria_names());
        reader.report(Diagnostic::error("No criterion", detail).at(reader.path(CRITERIA[0])));
    }
}

/// The values of a criterion, of which a device has to meet one.
fn criteria<T>(
    reader: &mut ConfigReader<'_>,
    attribute: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let values = reader.parse_each(attribute, parse).known()?;
    if values.is_empty() {
        let detail = "It is empty, so it says nothing about the devices that are meant. Leave it out, or invoke the action \
                      only if there is something in it.";
        reader.report(Diagnostic::error(format!("Invalid {attribute}"), detail).at(reader.path(attribute)));
    }
    Some(values.into_iter().filter_map(Setting::known).collect())
}

/// Refuses what looks as if it meant several.
fn exact<T, E: Display>(text: &str, parsed: Result<T, E>) -> Result<T, String> {
    if text.contains(['*', '%']) {
        return Err("there are no wildcards here: it has to be written in full".to_owned());
    }
    parsed.map_err(|error| error.to_string())
}

fn max_devices(reader: &mut ConfigReader<'_>) -> usize {
    let Setting::Known(number) = reader.integer(MAX_DEVICES) else { return DEFAULT_MAX_DEVICES };
    usize::try_from(number).ok().filter(|number| *number > 0).unwrap_or_else(|| {
        let detail = "It must be at least 1: it is the most devices that may be removed.";
        reader.report(Diagnostic::error("Invalid max_devices", detail).at(reader.path(MAX_DEVICES)));
        DEFAULT_MAX_DEVICES
    })
}

fn criteria_names() -> String {
    CRITERIA.map(|attribute| format!("`{attribute}`")).join(", ")
}

const CRITERIA: [&str; 4] = ["udids", "username", "os_type", VERSION];
const VERSION: &str = "client_connector_version";
pub(super) const MAX_DEVICES: &str = "max_devices";
/// Enough for what a person has, and too few for a department.
const DEFAULT_MAX_DEVICES: usize = 10;
