//! Devices as Terraform sees them: from the description of their fields.

use tfplugin::{Attribute, Number, Object, Type, Value};
use tokenferry_sources::zscaler::{DEVICE_FIELDS, Device, DeviceField, DeviceFieldKind, DeviceValue};

/// The attributes of devices with these fields.
pub(super) fn attributes(wanted: impl Fn(&DeviceField) -> bool) -> Vec<Attribute> {
    DEVICE_FIELDS.iter().filter(|field| wanted(field)).map(attribute).collect()
}

fn attribute(field: &DeviceField) -> Attribute {
    let (ty, form) = match field.kind {
        DeviceFieldKind::Number => (Type::Number, ""),
        DeviceFieldKind::Time => (Type::String, " In RFC 3339 form and UTC."),
        DeviceFieldKind::OsType | DeviceFieldKind::Text => (Type::String, ""),
    };
    Attribute::new(field.name, ty).describe(format!("{}{form}", field.description))
}

/// The values of a device, null where nothing is known.
pub(super) fn values(device: &Device, wanted: impl Fn(&DeviceField) -> bool) -> Object {
    let fields = DEVICE_FIELDS.iter().filter(|field| wanted(field));
    fields.map(|field| (field.name.to_owned(), value(device.get(field.name)))).collect()
}

fn value(value: Option<&DeviceValue>) -> Value {
    match value {
        Some(DeviceValue::Number(number)) => Value::Number(Number::Integer(*number)),
        Some(DeviceValue::Text(text)) => Value::string(text.as_str()),
        None => Value::Null,
    }
}
