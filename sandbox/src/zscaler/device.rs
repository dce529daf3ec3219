//! `getOtp`, `getDevices` and `getDeviceDetails`.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::{DeviceForm, ZscalerDevice};
use crate::urlencoded::query_value;

/// The members of a live answer.
const LIVE: [&str; 8] = [
    "logoutOtp",
    "revertOtp",
    "uninstallOtp",
    "exitOtp",
    "ziaDisableOtp",
    "zpaDisableOtp",
    "zdxDisableOtp",
    "zdpDisableOtp",
];

/// Devices of one page, if nothing is asked for, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 5000;

/// The enrolled devices with their passwords, which are made once: reading does not change them.
pub(crate) struct Devices(Mutex<Vec<Enrolled>>);

type Enrolled = (ZscalerDevice, Map<String, Value>);

impl Devices {
    pub(crate) fn new(devices: &[ZscalerDevice]) -> Self {
        Self(Mutex::new(devices.iter().map(|device| (device.clone(), passwords(device.form))).collect()))
    }

    /// The devices as they are now.
    pub(crate) fn enrolled(&self) -> MutexGuard<'_, Vec<Enrolled>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn otps(&self, query: Option<&str>) -> Option<Value> {
        let udid = query_value(query, "udid")?;
        self.enrolled()
            .iter()
            .find(|(device, _)| device.udid == udid)
            .map(|(_, otps)| Value::Object(otps.clone()))
    }

    /// One page of those that pass the filters; nothing if a filter or the page cannot be right.
    pub(crate) fn page(&self, query: Option<&str>) -> Option<Value> {
        let number = |name, otherwise: usize| {
            query_value(query, name).map_or(Some(otherwise), |text| text.parse().ok())
        };
        let (page, size) = (number("page", 1)?, number("pageSize", PAGE)?);
        let (user, os) = (query_value(query, "username"), number("osType", 0)?);
        if page == 0 || !(1..=LARGEST_PAGE).contains(&size) || os > 5 {
            return None;
        }
        let passes = |device: &&ZscalerDevice| {
            user.as_ref().is_none_or(|user| *user == device.username)
                && (os == 0 || os == usize::from(device.os_type))
        };
        let enrolled = self.enrolled();
        let all = enrolled.iter().map(|(device, _)| device).filter(passes);
        Some(all.skip((page - 1) * size).take(size).map(listed).collect())
    }

    pub(crate) fn details(&self, query: Option<&str>) -> Option<Value> {
        let (udid, user) = (query_value(query, "udid"), query_value(query, "username"));
        if udid.is_none() && user.is_none() {
            return None;
        }
        let meant = |device: &ZscalerDevice| {
            udid.as_ref().is_none_or(|udid| *udid == device.udid)
                && user.as_ref().is_none_or(|user| *user == device.username)
        };
        self.enrolled().iter().find(|(device, _)| meant(device)).map(|(device, otps)| details(device, otps))
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.enrolled().iter().map(|(device, _)| &device.udid)).finish()
    }
}

/// Snake case and camel case side by side, times as texts: recorded so.
fn listed(device: &ZscalerDevice) -> Value {
    json!({
        "agentVersion": device.agent_version, "companyName": "Example", "config_download_time": "1767225600",
        "deregistrationTimestamp": "0", "detail": "Example - Model 1", "download_count": 3,
        "hardwareFingerprint": "ab12", "keepAliveTime": "1767225660", "last_seen_time": "1767225720",
        "macAddress": "02:00:00:00:00:01", "machineHostname": device.hostname, "manufacturer": "Example",
        "osVersion": "Example OS 1", "owner": "anna", "policyName": "Default", "registrationState": registration(device),
        "registration_time": "1767222000", "state": device.state, "tunnelVersion": null, "type": device.os_type,
        "udid": device.udid, "upmVersion": "5.0", "user": device.username, "vpnState": 1, "zappArch": null,
    })
}

fn registration(device: &ZscalerDevice) -> &'static str {
    match device.state {
        1 => "Registered",
        2 => "Unregistered",
        3 => "Removal Pending",
        6 => "Quarantined",
        _ => "Unknown",
    }
}

fn details(device: &ZscalerDevice, otps: &Map<String, Value>) -> Value {
    json!({
        "agent_version": device.agent_version, "carrier": "", "config_download_time": "1767225600",
        "deviceOtpArray": otp_array(otps), "devicePolicyName": "Default", "deviceTrust": 1, "device_locale": "en_US",
        "download_count": 3, "external_model": "Model 1", "hardwareFingerprint": "ab12", "id": "1001",
        "internal_model": "M1", "keep_alive_time": "1767225660", "last_seen_time": "1767225720",
        "logFetchInfo": {"logTs": 0, "logAckTs": 0, "error": 0, "logFetchPCAPEnabled": false},
        "mac_address": "02:00:00:00:00:01", "machineHostname": device.hostname, "manufacturer": "Example",
        "os_version": "Example OS 1", "owner": "anna", "registration_time": "1767222000", "rooted": 0,
        "serialNumber": "SN-1", "state": device.state, "tunnelVersion": "", "type": device.os_type,
        "unique_id": device.udid, "user_name": device.username, "vdi": 0, "zdxEnabled": "Not Applicable",
        "ziaEnabled": "true", "ziaHealth": "Active", "zpaEnabled": "false", "zpaHealth": "Inactive",
        "zpaLastSeenTime": "0",
    })
}

/// The passwords in clear text: the order that was recorded, with two that `getOtp` does not give.
fn otp_array(otps: &Map<String, Value>) -> Vec<Value> {
    let of = |name: &&str| otps.get(*name).cloned().unwrap_or_else(|| password().into());
    let (before, last) = LIVE.split_at(LIVE.len() - 1);
    before.iter().chain(&["antiTemperingDisableOtp", "deceptionSettingsOtp"]).chain(last).map(of).collect()
}

fn passwords(form: DeviceForm) -> Map<String, Value> {
    match form {
        DeviceForm::Empty => Map::new(),
        DeviceForm::EmptyStrings => LIVE.iter().map(|&name| (name.to_owned(), "".into())).collect(),
        DeviceForm::GettingStarted => one("otp"),
        DeviceForm::Live => LIVE.iter().flat_map(|name| one(name)).collect(),
        DeviceForm::UnknownKey => one("quarantineReleaseOtp"),
    }
}

fn one(name: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), password().into())])
}

/// Ten lower-case letters and digits.
pub(crate) fn password() -> String {
    (0..10).map(|_| fastrand::digit(36)).collect()
}
