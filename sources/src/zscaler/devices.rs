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

/// The devices of one page, which comes after another.
pub(super) fn page(answer: &ApiAnswer, number: usize, before: &[Device]) -> Result<Vec<Device>, SourceError> {
    if !answer.answer.status.is_success() {
        return Err(answer.failure());
    }
    let Ok(Selected::Listed(devices)) = json::select(&answer.answer.body, is_listed) else {
        return Err(answer.malformed("it is not a JSON array of devices"));
    };
    if devices.len() > PAGE_SIZE {
        return Err(answer.malformed("it has more devices than were asked for"));
    }
    let devices: Vec<Device> = devices.iter().map(Device::listed).collect();
    match problem(&devices, number, before) {
        Some(problem) => Err(answer.malformed(problem)),
        None => Ok(devices),
    }
}

/// Why a page is not one of a list that ends: part of a list must not pass for all of it.
fn problem(devices: &[Device], number: usize, before: &[Device]) -> Option<&'static str> {
    let same = |one: Option<&Device>, other: Option<&Device>| {
        one.zip(other).is_some_and(|(one, other)| one.text("udid") == other.text("udid"))
    };
    if same(devices.first(), before.first()) || same(devices.last(), before.last()) {
        return Some("it repeats the devices of the page before");
    }
    (number == MOST_PAGES && devices.len() == PAGE_SIZE).then_some("the list of devices does not end")
}

/// The most that the API gives at once: calls are rarer than bytes.
pub(super) const PAGE_SIZE: usize = 5000;
/// More devices than any tenant has; without an end, a server that ignores the page would be asked forever.
pub(super) const MOST_PAGES: usize = 50;
const LARGEST: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Fields;

    #[test]
    fn a_list_without_an_end_is_none() {
        let full = vec![Device::listed(&Fields::default()); PAGE_SIZE];
        assert_eq!(problem(&full, MOST_PAGES - 1, &[]), None);
        assert!(problem(&full, MOST_PAGES, &[]).is_some());
        assert_eq!(problem(&full[1..], MOST_PAGES, &[]), None);
    }
}
