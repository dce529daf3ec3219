//! Enrolled devices, as far as they are no secret.

use secrecy::ExposeSecret;

use super::{OsType, Udid};
use crate::json::Fields;
use crate::{Timestamp, rfc3339};

/// An enrolled device. Its one-time passwords, which stand among its details, are never taken in.
#[derive(Clone, Debug)]
pub struct Device(Vec<(&'static DeviceField, DeviceValue)>);

/// One thing that is known about a device.
#[derive(Debug)]
pub struct DeviceField {
    /// Its name in configurations.
    pub name: &'static str,
    /// Its type.
    pub kind: DeviceFieldKind,
    /// What it is, for users: whole sentences.
    pub description: &'static str,
    /// Its name in the list of devices; empty if it is not there.
    in_list: &'static str,
    /// Its name among the details of a device; empty if it is not there.
    in_details: &'static str,
}

/// The type of something that is known about a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeviceFieldKind {
    /// A whole number.
    Number,
    /// The name of an operating system; a code that nobody knows stays as it is.
    OsType,
    /// Any text.
    Text,
    /// A time in RFC 3339 form; the API has seconds.
    Time,
}

/// A value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeviceValue {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl DeviceField {
    /// Whether the list of devices has it.
    pub fn is_listed(&self) -> bool {
        !self.in_list.is_empty()
    }

    /// Whether the details of a device have it.
    pub fn is_detail(&self) -> bool {
        !self.in_details.is_empty()
    }
}

impl Device {
    /// From an element of the list.
    pub(super) fn listed(fields: &Fields) -> Self {
        Device::from(fields, |field| field.in_list)
    }

    /// From the details of one.
    pub(super) fn detailed(fields: &Fields) -> Self {
        Device::from(fields, |field| field.in_details)
    }

    fn from(fields: &Fields, member: fn(&DeviceField) -> &'static str) -> Self {
        let known = |field: &'static DeviceField| Some((field, value(field.kind, fields, member(field))?));
        Device(DEVICE_FIELDS.iter().filter_map(known).collect())
    }

    /// What is known about it under this name.
    pub fn get(&self, name: &str) -> Option<&DeviceValue> {
        self.0.iter().find(|(field, _)| field.name == name).map(|(_, value)| value)
    }

    /// A text that is known about it.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            DeviceValue::Text(text) => Some(text),
            DeviceValue::Number(_) => None,
        }
    }

    /// Its UDID, if it has one that can be asked for.
    pub fn udid(&self) -> Option<Udid> {
        Udid::try_from(self.text("udid")?).ok()
    }
}

/// Whether a member of the list is taken in.
pub(super) fn is_listed(member: &str) -> bool {
    DEVICE_FIELDS.iter().any(|field| field.in_list == member)
}

/// Whether a member of the details is taken in: `deviceOtpArray` is not.
pub(super) fn is_detail(member: &str) -> bool {
    DEVICE_FIELDS.iter().any(|field| field.in_details == member)
}

/// Numbers may arrive as 1, "1", 1.0 or "", and texts as numbers.
fn value(kind: DeviceFieldKind, fields: &Fields, member: &str) -> Option<DeviceValue> {
    let number = || whole(fields.lenient_number(member)?);
    match kind {
        DeviceFieldKind::Number => number().map(DeviceValue::Number),
        DeviceFieldKind::OsType => number().map(os_name).or_else(|| text(fields, member)),
        DeviceFieldKind::Time => number().and_then(time).map(DeviceValue::Text),
        DeviceFieldKind::Text => {
            text(fields, member).or_else(|| number().map(|number| DeviceValue::Text(number.to_string())))
        }
    }
}

fn text(fields: &Fields, member: &str) -> Option<DeviceValue> {
    let text = fields.text(member)?.expose_secret();
    (!text.is_empty()).then(|| DeviceValue::Text(text.to_owned()))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
fn whole(number: f64) -> Option<i64> {
    number.is_finite().then(|| number.trunc() as i64)
}

fn os_name(code: i64) -> DeviceValue {
    let os = OsType::ALL.iter().find(|os| i64::from(os.code()) == code);
    DeviceValue::Text(os.map_or_else(|| code.to_string(), |os| os.name().to_owned()))
}

/// Zero stands for never.
fn time(seconds: i64) -> Option<String> {
    if seconds <= 0 {
        return None;
    }
    Timestamp::from_timestamp(seconds, 0).and_then(crate::clock::in_writing).map(rfc3339)
}

const fn field(
    name: &'static str,
    (in_list, in_details): (&'static str, &'static str),
    kind: DeviceFieldKind,
    description: &'static str,
) -> DeviceField {
    DeviceField { name, kind, description, in_list, in_details }
}

use DeviceFieldKind::{Number, Text, Time};

/// Everything that is taken in: its name here, in the list, and among the details.
pub static DEVICE_FIELDS: &[DeviceField] = &[
    field(
        "udid",
        ("udid", "unique_id"),
        Text,
        "The unique id of the device, as one-time passwords are asked for by.",
    ),
    field("user", ("user", "user_name"), Text, "The user who is enrolled on it."),
    field("hostname", ("machineHostname", "machineHostname"), Text, "Its host name."),
    field(
        "os_type",
        ("type", "type"),
        DeviceFieldKind::OsType,
        "Its operating system: `ios`, `android`, `windows`, `macos` or `linux`.",
    ),
    field("os_version", ("osVersion", "os_version"), Text, "The version of its operating system."),
    field(
        "state",
        ("state", "state"),
        Number,
        "The state of its enrolment as Zscaler's number: 1 registered, 2 unregistered, 3 removal pending, 6 quarantined.",
    ),
    field("registration_state", ("registrationState", ""), Text, "The same as Zscaler's word."),
    field("owner", ("owner", "owner"), Text, "Its owner."),
    field("manufacturer", ("manufacturer", "manufacturer"), Text, "Who made it."),
    field("model", ("detail", "external_model"), Text, "Its model."),
    field("internal_model", ("", "internal_model"), Text, "Its model as its maker names it internally."),
    field("serial_number", ("", "serialNumber"), Text, "Its serial number."),
    field("mac_address", ("macAddress", "mac_address"), Text, "Its MAC address."),
    field(
        "hardware_fingerprint",
        ("hardwareFingerprint", "hardwareFingerprint"),
        Text,
        "The fingerprint of its hardware.",
    ),
    field("company_name", ("companyName", ""), Text, "The organisation it belongs to."),
    field("policy_name", ("policyName", "devicePolicyName"), Text, "The app profile that applies to it."),
    field("agent_version", ("agentVersion", "agent_version"), Text, "The version of Client Connector on it."),
    field("app_architecture", ("zappArch", "zappArch"), Text, "The architecture of Client Connector on it."),
    field(
        "upm_version",
        ("upmVersion", "upmVersion"),
        Text,
        "The version of the user experience module on it.",
    ),
    field("zdp_version", ("", "zdpVersion"), Text, "The version of the data protection module on it."),
    field("tunnel_version", ("tunnelVersion", "tunnelVersion"), Text, "The version of its tunnel."),
    field("vpn_state", ("vpnState", ""), Number, "The state of its VPN, as Zscaler's number."),
    field(
        "download_count",
        ("download_count", "download_count"),
        Number,
        "How often its configuration was downloaded.",
    ),
    field("registered_at", ("registration_time", "registration_time"), Time, "When it was enrolled."),
    field(
        "config_downloaded_at",
        ("config_download_time", "config_download_time"),
        Time,
        "When its configuration was last downloaded.",
    ),
    field("last_seen_at", ("last_seen_time", "last_seen_time"), Time, "When it was last seen."),
    field("kept_alive_at", ("keepAliveTime", "keep_alive_time"), Time, "When it last said that it is alive."),
    field(
        "deregistered_at",
        ("deregistrationTimestamp", "deregistration_time"),
        Time,
        "When its enrolment ended.",
    ),
    field("id", ("", "id"), Text, "The number under which Zscaler keeps it."),
    field("external_id", ("", "externalDeviceId"), Text, "The id that another system gave it."),
    field("carrier", ("", "carrier"), Text, "Its mobile carrier."),
    field("locale", ("", "device_locale"), Text, "Its language and region."),
    field("rooted", ("", "rooted"), Number, "Whether it is rooted or jailbroken, as Zscaler's number."),
    field("virtual_desktop", ("", "vdi"), Number, "Whether it is a virtual desktop, as Zscaler's number."),
    field("trust", ("", "deviceTrust"), Number, "How far it is trusted, as Zscaler's number."),
    field(
        "anti_tampering_status",
        ("", "antiTamperingStatus"),
        Text,
        "The state of the protection against tampering.",
    ),
    field("strict_enforcement", ("", "strictEnforcement"), Text, "Whether strict enforcement holds on it."),
    field(
        "logged_in_user_type",
        ("", "zccLoggedInUserType"),
        Text,
        "The kind of user who is logged in on it.",
    ),
    field(
        "expected_version",
        ("", "expectedZCCVersion"),
        Text,
        "The version of Client Connector that it should have.",
    ),
    field("upgrade_status", ("", "zccUpgradeStatus"), Text, "How far an upgrade of Client Connector is."),
    field(
        "client_tunnel_version",
        ("", "zccTunnelVersion"),
        Text,
        "The version of the tunnel that Client Connector uses.",
    ),
    field(
        "zia_enabled",
        ("", "ziaEnabled"),
        Text,
        "Whether internet security is on: `true`, `false` or `Not Applicable`.",
    ),
    field("zpa_enabled", ("", "zpaEnabled"), Text, "The same for private access."),
    field("zdx_enabled", ("", "zdxEnabled"), Text, "The same for digital experience."),
    field("zd_enabled", ("", "zdEnabled"), Text, "The same for deception."),
    field("zdp_enabled", ("", "zdpEnabled"), Text, "The same for data protection."),
    field(
        "zia_health",
        ("", "ziaHealth"),
        Text,
        "Whether internet security works: `Active`, `Inactive` or `Not Applicable`.",
    ),
    field("zpa_health", ("", "zpaHealth"), Text, "The same for private access."),
    field("zdx_health", ("", "zdxHealth"), Text, "The same for digital experience."),
    field("zd_health", ("", "zdHealth"), Text, "The same for deception."),
    field("zdp_health", ("", "zdpHealth"), Text, "The same for data protection."),
    field("zpa_last_seen_at", ("", "zpaLastSeenTime"), Time, "When private access was last seen on it."),
    field("zdx_last_seen_at", ("", "zdxLastSeenTime"), Time, "When digital experience was last seen on it."),
    field("zd_last_seen_at", ("", "zdLastSeenTime"), Time, "When deception was last seen on it."),
    field("zdp_last_seen_at", ("", "zdpLastSeenTime"), Time, "When data protection was last seen on it."),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn device(body: &str) -> Device {
        Device::detailed(&Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn numbers_and_texts_are_taken_in_whatever_form_they_have() {
        for number in ["3", "\"3\"", "3.0"] {
            let device = device(&format!(r#"{{"type":{number},"rooted":{number},"owner":{number}}}"#));
            assert_eq!(device.text("os_type"), Some("windows"), "{number}");
            assert_eq!(device.get("rooted"), Some(&DeviceValue::Number(3)), "{number}");
            assert_eq!(device.text("owner"), Some("3"), "{number}");
        }
        let empty = device(r#"{"type":"","rooted":"","owner":"","id":null,"last_seen_time":"0","vdi":{}}"#);
        assert!(empty.0.is_empty(), "{empty:?}");
        assert_eq!(device(r#"{"type":9}"#).text("os_type"), Some("9"));
    }

    #[test]
    fn times_are_written_as_everywhere_else() {
        for time in ["\"1767225600\"", "1767225600"] {
            let device = device(&format!(r#"{{"registration_time":{time}}}"#));
            assert_eq!(device.text("registered_at"), Some("2026-01-01T00:00:00Z"));
        }
        assert_eq!(device(r#"{"registration_time":"99999999999999"}"#).get("registered_at"), None);
    }

    #[test]
    fn no_password_is_among_the_members_that_are_taken_in() {
        assert!(!is_detail("deviceOtpArray") && !is_listed("deviceOtpArray"));
        for field in DEVICE_FIELDS {
            let members = format!("{}{}", field.in_list, field.in_details).to_lowercase();
            assert!(!members.contains("otp") && !members.contains("pass"), "{}", field.name);
            assert!(field.is_listed() || field.is_detail());
        }
    }
}
