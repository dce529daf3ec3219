//! The removal of enrolled devices: which ones, and the call that removes them.
//!
//! The API would take criteria, but what it makes of them cannot be seen beforehand. So the devices are listed, chosen
//! here, and removed by their UDIDs alone: what was counted is what is removed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::device::{Device, DeviceValue};
use super::query::{ApiAnswer, Query};
use super::{DeviceFilter, Udid};
use crate::json::Fields;
use crate::{Action, FailureClass, Said, SourceError};

/// How devices are removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removal {
    /// At once, without the device.
    Forced,
    /// When the device connects the next time; until then its removal is pending.
    Soft,
}

/// Which devices are meant: those that meet all that is set.
#[derive(Clone, Debug, Default)]
pub struct DeviceCriteria {
    /// User and operating system.
    pub filter: DeviceFilter,
    /// One of these devices.
    pub udids: Option<BTreeSet<Udid>>,
    /// One of these versions of Client Connector, in full.
    pub versions: Option<Vec<String>>,
}

/// The devices that a removal concerns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidates {
    /// Those to be removed, each once.
    pub udids: Vec<Udid>,
    /// How many more meet the criteria, but are in a state in which this removal does nothing.
    pub passed_over: usize,
    /// How many more meet the criteria, but are listed as well in a way that does not, as those of another user: a
    /// removal would concern that, too.
    pub shared: usize,
}

/// What the system says of a removal.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    /// How many devices it removed.
    pub count: u64,
    /// Its words, if it has any.
    pub said: Said,
}

/// Why a removal failed: what matters is whether it was carried out.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third case")]
pub enum RemovalFailure {
    /// Nothing was removed.
    NothingRemoved(SourceError),
    /// The call was sent, and nobody knows whether it was carried out.
    Unconfirmed(SourceError),
}

impl DeviceCriteria {
    /// Whether a device meets them. The system's own filter is not relied on, and what a device does not say of
    /// itself speaks against it.
    fn are_met_by(&self, device: &Device) -> bool {
        let DeviceFilter { username, os_type } = &self.filter;
        let is = |field, meant: &str| device.text(field).is_some_and(|text| text.eq_ignore_ascii_case(meant));
        username.as_ref().is_none_or(|username| is("user", username))
            && os_type.is_none_or(|os| is("os_type", os.name()))
            && self.versions.as_ref().is_none_or(|all| all.iter().any(|version| is("agent_version", version)))
            && self.udids.as_ref().is_none_or(|all| device.udid().is_some_and(|udid| all.contains(&udid)))
    }
}

impl Candidates {
    /// Those in a list.
    pub(super) fn among(devices: &[Device], criteria: &DeviceCriteria, removal: Removal) -> Self {
        let met: Vec<(Udid, bool)> = devices
            .iter()
            .filter(|device| criteria.are_met_by(device))
            .filter_map(|device| Some((device.udid()?, removal.concerns(device))))
            .collect();
        let shared = shared(devices, criteria, removal);
        let all: BTreeSet<&Udid> = met.iter().map(|(udid, _)| udid).collect();
        // A device may be listed more than once, in several states.
        let mut seen = BTreeSet::new();
        let mut is_new = |udid| !shared.contains(udid) && seen.insert(udid);
        let chosen = met.iter().filter(|(udid, concerned)| *concerned && is_new(udid));
        let udids: Vec<Udid> = chosen.map(|(udid, _)| udid.clone()).collect();
        let shared = all.iter().filter(|udid| shared.contains(**udid)).count();
        Candidates { passed_over: all.len() - udids.len() - shared, udids, shared }
    }
}

/// What a removal would take from somebody who is not meant. Who is unregistered has nothing to lose.
fn shared(devices: &[Device], criteria: &DeviceCriteria, removal: Removal) -> BTreeSet<Udid> {
    let is_enrolled = |device: &Device| device.get("state") != Some(&DeviceValue::Number(UNREGISTERED));
    let not_meant = devices.iter().filter(|device| !criteria.are_met_by(device));
    not_meant
        .filter(|device| removal.concerns(device) && is_enrolled(device))
        .filter_map(Device::udid)
        .collect()
}

impl Removal {
    /// Whether it does anything to a device in its present state. What is not known is left to the system.
    fn concerns(self, device: &Device) -> bool {
        let Some(DeviceValue::Number(state)) = device.get("state") else { return true };
        match self {
            Removal::Forced => !matches!(*state, UNREGISTERED | QUARANTINED),
            Removal::Soft => *state != REMOVAL_PENDING,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Removal::Forced => "public/v1/forceRemoveDevices",
            Removal::Soft => "public/v1/removeDevices",
        }
    }
}

impl Removed {
    /// A forced removal that finds nothing answers 400, but counts as well.
    pub(super) fn from_answer(answer: &ApiAnswer) -> Result<Self, RemovalFailure> {
        let status = answer.answer.status;
        if !status.is_success() && status.as_u16() != 400 {
            return Err(RemovalFailure::of(answer.failure()));
        }
        let fields = Fields::parse(&answer.answer.body).unwrap_or_default();
        match fields.lenient_number("devicesRemoved").and_then(whole) {
            Some(count) => Ok(Removed { count, said: answer.said() }),
            None if status.is_success() => {
                Err(RemovalFailure::of(answer.malformed("it does not say how many devices were removed")))
            }
            None => Err(RemovalFailure::of(answer.failure())),
        }
    }
}

impl RemovalFailure {
    /// By what is known about a failure: an answer that turns the call down is certain, everything that comes after
    /// the call was sent is not.
    pub(super) fn of(error: SourceError) -> Self {
        let is_certain = match &error {
            SourceError::Tls { certificate, .. } => *certificate,
            SourceError::UnexpectedStatus { status, .. } => *status >= 400,
            other => !matches!(
                other.class(),
                FailureClass::AnswerTooLarge
                    | FailureClass::BrokenAnswer
                    | FailureClass::Malformed
                    | FailureClass::Redirected
                    | FailureClass::ServerError
                    | FailureClass::TimedOut
            ),
        };
        if is_certain { RemovalFailure::NothingRemoved(error) } else { RemovalFailure::Unconfirmed(error) }
    }
}

/// The call that removes these devices. Without a page size that holds them all, only the first 30 would be removed.
pub(super) fn query(udids: &[Udid], removal: Removal) -> Query {
    let body = Body { udids: udids.iter().map(Udid::as_str).collect() };
    // A list of texts always makes JSON.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    let query = Query::new(Action::Removal, removal.path()).with("pageSize", udids.len().to_string());
    Query { change: Some(json), ..query }
}

#[derive(Serialize)]
struct Body<'a> {
    udids: Vec<&'a str>,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are looked at first")]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

/// The most devices that the API removes in one call.
pub const MOST_REMOVED_AT_ONCE: usize = 5000;

/// The states of devices, as the list numbers them.
const UNREGISTERED: i64 = 2;
const REMOVAL_PENDING: i64 = 3;
const QUARANTINED: i64 = 6;
