//! The list of enrolled devices.

use super::OsType;
use super::device::{Device, is_listed};
use super::query::{ApiAnswer, Query};
use crate::json::{self, Selected};
use crate::{Action, SourceError};

/// Which devices: without a filter, all.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct DeviceFilter {
    /// Only those of this user.
    pub username: Option<String>,
    /// Only those with this operating system.
    pub os_type: Option<OsType>,
}

/// The question for one page; the first is 1.
pub(super) fn query(filter: &DeviceFilter, page: usize) -> Query {
    let mut query = Query::new(Action::Devices, "public/v1/getDevices");
    if let Some(username) = &filter.username {
        query = query.with("username", username);
    }
    if let Some(os) = filter.os_type {
        query = query.with("osType", os.code().to_string());
    }
    query = query.with("page", page.to_string()).with("pageSize", PAGE_SIZE.to_string());
    Query { largest: Some(LARGEST), ..query }
}

/// The devices of one page.
pub(super) fn page(answer: ApiAnswer) -> Result<Vec<Device>, SourceError> {
    if !answer.answer.status.is_success() {
        return Err(answer.failure());
    }
    match json::select(&answer.answer.body, is_listed) {
        Ok(Selected::Listed(devices)) => Ok(devices.iter().map(Device::listed).collect()),
        _ => Err(answer.malformed("it is not a JSON array of devices")),
    }
}

/// The most that the API gives at once: calls are rarer than bytes.
pub(super) const PAGE_SIZE: usize = 5000;
/// More devices than any tenant has; without an end, a server that ignores the page would be asked forever.
pub(super) const MOST_PAGES: usize = 50;
const LARGEST: usize = 16 * 1024 * 1024;
