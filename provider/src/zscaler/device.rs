//! One enrolled device of Zscaler Client Connector.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, AttributePath, ConfigReader, Diagnostic, Diagnostics, Presence, Setting};
use tokenferry_sources::zscaler::{DeviceField, DeviceKey, Udid};

use super::attributes::{attributes, values};
use super::{CREDENTIAL, minimum_lifetime, name};
use crate::diagnostics::of_source;
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_zscaler_device`.
pub(crate) struct ZscalerDevice;

/// What the device is found by.
pub(crate) struct DeviceArguments(Option<DeviceKey>);

fn exactly_one(summary: &str, path: AttributePath) -> Diagnostic {
    Diagnostic::error(summary, "Set exactly one of `udid`, `hostname` and `username`.").at(path)
}

#[async_trait]
impl Reading for ZscalerDevice {
    type Arguments = DeviceArguments;

    fn type_name(&self) -> String {
        "tokenferry_zscaler_device".to_owned()
    }

    fn summary(&self) -> String {
        "One enrolled device of Zscaler Client Connector with its details, without its one-time passwords: to look its \
         `udid` up by host name or user."
            .to_owned()
    }

    fn has_twin(&self) -> bool {
        false
    }

    fn calls(&self) -> String {
        "one login, one `getDeviceDetails` call for each device, and for lookups by host name one `getDevices` call for \
         each 5000 devices of the organisation, of the 100 calls an hour that Zscaler allows"
            .to_owned()
    }

    fn details(&self) -> String {
        format!("{CREDENTIAL} It is an error if no device matches, or more than one.")
    }

    fn minimum_lifetime(&self) -> String {
        minimum_lifetime("the details")
    }

    fn arguments(&self) -> Vec<Attribute> {
        let both = |name: &str, text: &str| Attribute {
            presence: Presence::OptionalComputed,
            ..Attribute::string(name).describe(text)
        };
        vec![
            both(
                "udid",
                "The unique id of the device. One of `udid`, `hostname` and `username` says which device is meant.",
            ),
            both("hostname", "The host name of the device, in capitals or not."),
            Attribute::string("username").optional().describe("The user who is enrolled on the device."),
        ]
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> DeviceArguments {
        let settings = [
            reader.parse("udid", |text| Udid::try_from(text)).map(DeviceKey::Udid),
            name(reader, "hostname").map(DeviceKey::Hostname),
            name(reader, "username").map(DeviceKey::Username),
        ];
        // What is not known yet may come; of what was refused there is a message.
        let is_written =
            ["udid", "hostname", "username"].iter().any(|name| reader.string(name) != Setting::Null);
        let mut keys = settings.into_iter().filter_map(Setting::known);
        let (first, second) = (keys.next(), keys.next());
        let problem = match (&first, &second) {
            (None, _) if !is_written => Some((reader.path("udid"), "No device is asked for")),
            (_, Some(second)) => Some((reader.path(second.field()), "More than one way to find the device")),
            _ => None,
        };
        if let Some((path, summary)) = problem {
            reader.report(exactly_one(summary, path));
        }
        DeviceArguments(first)
    }

    fn computed(&self) -> Vec<Attribute> {
        attributes(|field| field.is_detail() && !is_argument(field))
    }

    async fn read(
        &self,
        systems: &Systems,
        DeviceArguments(key): DeviceArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        // Absent only while the block is validated.
        let key = key.ok_or_else(|| exactly_one("No device is asked for", AttributePath::root()))?;
        let reader = systems.zscaler()?;
        let device = reader.device(&key, minimum_lifetime).await.map_err(|error| of_source(&error))?;
        // What is written stays as it is written.
        let computed = values(&device, |field| field.is_detail() && field.name != key.field());
        Ok(Values { computed, expires_at: None }.into())
    }
}

fn is_argument(field: &DeviceField) -> bool {
    matches!(field.name, "hostname" | "udid")
}
