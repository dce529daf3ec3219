//! `removeDevices` and `forceRemoveDevices`.

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::device::Devices;
use super::{JSON, ZscalerDevice};
use crate::answer::{empty, labelled};
use crate::json::is_json;
use crate::urlencoded::query_value;

/// Devices of one call, if nothing is asked for, and at most.
const PAGE: usize = 30;
const LARGEST_PAGE: usize = 5000;

/// The states that matter here, as the vendor numbers them.
const REGISTERED: u8 = 1;
const REMOVAL_PENDING: u8 = 3;

/// Which devices. The user has two spellings in the wild; a member that is not known could be meant to narrow
/// the choice, so it is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Criteria {
    client_connector_version: Option<Vec<String>>,
    udids: Option<Vec<String>>,
    os_type: Option<Value>,
    #[serde(alias = "username")]
    user_name: Option<String>,
}

/// Does this path name a removal?
pub(super) fn is_one(uri: &Uri) -> bool {
    uri.path().ends_with("emoveDevices")
}

/// Removes the devices that are meant: a soft removal is pending until they connect, which here they never do.
pub(super) fn carry_out(devices: &Devices, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let page = query_value(uri.query(), "pageSize").map_or(Some(PAGE), |text| text.parse().ok());
    let criteria = serde_json::from_slice::<Criteria>(body).ok().filter(|_| is_json(headers));
    let (Some(page @ 1..=LARGEST_PAGE), Some(criteria)) = (page, criteria) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let Some(os) = criteria.os() else { return empty(StatusCode::BAD_REQUEST) };
    if criteria.are_none(os) {
        return counted(StatusCode::BAD_REQUEST, 0, Some("At least one filter is required"));
    }
    let force = uri.path().ends_with("/forceRemoveDevices");
    match (remove(devices, |device| criteria.mean(device, os), page, force), force) {
        (0, true) => counted(StatusCode::BAD_REQUEST, 0, Some("No device found to force remove")),
        (0, false) => counted(StatusCode::OK, 0, Some("No device found to remove")),
        (count, _) => counted(StatusCode::OK, count, None),
    }
}

fn remove(devices: &Devices, meant: impl Fn(&ZscalerDevice) -> bool, page: usize, force: bool) -> usize {
    let mut enrolled = devices.enrolled();
    let can_be_removed = |device: &ZscalerDevice| match device.state {
        REGISTERED => true,
        REMOVAL_PENDING => force,
        _ => !force,
    };
    let mut removed = 0;
    enrolled.retain_mut(|(device, _)| {
        if removed == page || !meant(device) || !can_be_removed(device) {
            return true;
        }
        removed += 1;
        device.state = REMOVAL_PENDING;
        !force
    });
    removed
}

impl Criteria {
    /// The operating system, as a number or as the text of one; 0 stands for all. Nothing if it is neither.
    fn os(&self) -> Option<u8> {
        let number = match &self.os_type {
            None | Some(Value::Null) => 0,
            Some(Value::Number(number)) => number.as_u64()?,
            Some(Value::String(text)) => text.parse().ok()?,
            Some(_) => return None,
        };
        u8::try_from(number).ok().filter(|os| *os <= 5)
    }

    fn are_none(&self, os: u8) -> bool {
        let is_empty = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
        os == 0
            && is_empty(&self.client_connector_version)
            && is_empty(&self.udids)
            && self.user_name.as_ref().is_none_or(String::is_empty)
    }

    /// A list without elements and an empty name count as absent.
    fn mean(&self, device: &ZscalerDevice, os: u8) -> bool {
        let passes = |list: &Option<Vec<String>>, value: &String| {
            list.as_ref().is_none_or(|list| list.is_empty() || list.contains(value))
        };
        (os == 0 || os == device.os_type)
            && passes(&self.client_connector_version, &device.agent_version)
            && passes(&self.udids, &device.udid)
            && self.user_name.as_ref().is_none_or(|user| user.is_empty() || *user == device.username)
    }
}

fn counted(status: StatusCode, count: usize, problem: Option<&str>) -> Response {
    let mut answer = json!({ "devicesRemoved": count });
    if let Some(problem) = problem {
        answer["errorMsg"] = problem.into();
    }
    labelled(status, JSON, answer.to_string())
}
