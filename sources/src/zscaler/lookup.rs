//! One device: by what it is found, and its details.

use std::fmt;

use super::Udid;
use super::device::{Device, DeviceValue, is_detail};
use super::query::{ApiAnswer, Query};
use crate::json::{self, Selected};
use crate::{Action, SourceError};

/// What a device is found by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum DeviceKey {
    /// Its host name, in capitals or not.
    Hostname(String),
    /// Its UDID.
    Udid(Udid),
    /// The user who is enrolled on it.
    Username(String),
}

impl DeviceKey {
    /// The setting in which it is written.
    pub fn field(&self) -> &'static str {
        match self {
            DeviceKey::Hostname(_) => "hostname",
            DeviceKey::Udid(_) => "udid",
            DeviceKey::Username(_) => "username",
        }
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceKey::Hostname(name) => write!(f, "the host name \"{name}\""),
            DeviceKey::Udid(udid) => write!(f, "the device \"{udid}\""),
            DeviceKey::Username(name) => write!(f, "the user \"{name}\""),
        }
    }
}

/// The one device of that host name.
pub(super) fn by_hostname(all: &[Device], name: &str) -> Result<Udid, SourceError> {
    let has_name = |device: &&Device| {
        device.text("hostname").is_some_and(|hostname| hostname.to_lowercase() == name.to_lowercase())
    };
    let found: Vec<&Device> = all.iter().filter(has_name).collect();
    let key = || DeviceKey::Hostname(name.to_owned());
    match found.as_slice() {
        [device] => device.udid().ok_or_else(|| SourceError::NoSuchDevice { device: key() }),
        [] => Err(SourceError::NoSuchDevice { device: key() }),
        several => Err(ambiguous(key(), several)),
    }
}

/// The question for details; a host name is not accepted by the API.
pub(super) fn query(key: &DeviceKey) -> Query {
    let query = Query::new(Action::Device, "public/v1/getDeviceDetails");
    match key {
        DeviceKey::Udid(udid) => query.with("udid", udid.as_str()),
        DeviceKey::Hostname(name) | DeviceKey::Username(name) => query.with("username", name),
    }
}

/// The details of a device: they come as one object, or as an array of one.
pub(super) fn details(answer: ApiAnswer, key: &DeviceKey) -> Result<Device, SourceError> {
    let answer = answer.good(|attempt, status, said| {
        let device = key.clone();
        SourceError::UnknownDevice { attempt, device, status, said }
    })?;
    let devices: Vec<Device> = match json::select(&answer.answer.body, is_detail) {
        Ok(Selected::Alone(fields)) => vec![Device::detailed(&fields)],
        Ok(Selected::Listed(all)) => all.iter().map(Device::detailed).collect(),
        Err(_) => return Err(answer.malformed("it is not a JSON object")),
    };
    match <[Device; 1]>::try_from(devices) {
        Ok([device]) if device.udid().is_some() => Ok(device),
        Ok(_) => Err(answer.malformed("it holds no `unique_id`")),
        Err(none) if none.is_empty() => Err(SourceError::NoSuchDevice { device: key.clone() }),
        Err(several) => Err(ambiguous(key.clone(), &several.iter().collect::<Vec<_>>())),
    }
}

fn ambiguous(device: DeviceKey, found: &[&Device]) -> SourceError {
    let mut matches: Vec<String> = found.iter().take(MOST_LISTED).map(|device| described(device)).collect();
    if let Some(more) = found.len().checked_sub(MOST_LISTED).filter(|more| *more > 0) {
        matches.push(format!("{more} more"));
    }
    SourceError::AmbiguousDevice { device, matches: matches.join("; ") }
}

fn described(device: &Device) -> String {
    let text = |name| shown(device.text(name).unwrap_or("?"));
    let state = match (device.text("registration_state"), device.get("state")) {
        (Some(state), _) => shown(state),
        (None, Some(DeviceValue::Number(state))) => state.to_string(),
        _ => "?".to_owned(),
    };
    format!("{} (state {state}, user {})", text("udid"), text("user"))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

const MOST_LISTED: usize = 10;
