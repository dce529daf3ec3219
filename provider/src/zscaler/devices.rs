//! The enrolled devices of Zscaler Client Connector.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, AttributeKind, ConfigReader, Diagnostics, Nesting, Object, Value};
use tokenferry_sources::zscaler::{DeviceField, DeviceFilter, OsType};

use super::attributes::{attributes, values};
use super::{CREDENTIAL, minimum_lifetime, name};
use crate::diagnostics::of_source;
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_zscaler_devices`.
pub(crate) struct ZscalerDevices;

/// Which devices.
pub(crate) struct DevicesArguments(DeviceFilter);

#[async_trait]
impl Reading for ZscalerDevices {
    type Arguments = DevicesArguments;

    fn type_name(&self) -> String {
        "tokenferry_zscaler_devices".to_owned()
    }

    fn summary(&self) -> String {
        "The enrolled devices of Zscaler Client Connector, without their one-time passwords.".to_owned()
    }

    fn has_twin(&self) -> bool {
        false
    }

    fn calls(&self) -> String {
        "one login, and one `getDevices` call for each 5000 devices and each filter, of the 100 calls an hour that \
         Zscaler allows"
            .to_owned()
    }

    fn details(&self) -> String {
        format!("{CREDENTIAL} For one device with all its details there is `tokenferry_zscaler_device`.")
    }

    fn minimum_lifetime(&self) -> String {
        minimum_lifetime("the devices")
    }

    fn arguments(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("username")
                .optional()
                .describe("Only devices on which this user is enrolled. Default: those of all users."),
            Attribute::string("os_type").optional().describe(
                "Only devices with this operating system: `ios`, `android`, `windows`, `macos` or `linux`, in capitals \
                 or not. Default: all.",
            ),
        ]
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> DevicesArguments {
        DevicesArguments(DeviceFilter {
            username: name(reader, "username").known(),
            os_type: reader.parse("os_type", str::parse::<OsType>).known(),
        })
    }

    fn computed(&self) -> Vec<Attribute> {
        let devices = Attribute::string("devices").describe("The devices, in the order of Zscaler.");
        let kind = AttributeKind::Nested(Nesting::List, attributes(DeviceField::is_listed));
        vec![Attribute { kind, ..devices }]
    }

    async fn read(
        &self,
        systems: &Systems,
        DevicesArguments(filter): DevicesArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        let reader = systems.zscaler()?;
        let devices = reader.devices(&filter, minimum_lifetime).await.map_err(|error| of_source(&error))?;
        let devices = devices.iter().map(|device| Value::Map(values(device, DeviceField::is_listed)));
        let computed = Object::from([("devices".to_owned(), Value::List(devices.collect()))]);
        Ok(Values { computed, expires_at: None }.into())
    }
}
