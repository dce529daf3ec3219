//! Reads the API: each thing once in the life of a process, all with the token of one session.

use std::sync::Arc;
use std::time::Duration;

use super::calls::{Calls, Trouble};
use super::device::Device;
use super::devices::{self, DeviceFilter};
use super::kept::Kept;
use super::lookup::{self, DeviceKey};
use super::otp;
use super::profile::{self, PasswordSet, ProfileQuery};
use super::removal::{self, Candidates, DeviceCriteria, Removal, RemovalFailure, Removed};
use super::{OtpSet, Udid};
use crate::{Session, SourceError};

/// Reads what the API has besides tokens. What is read is not read again: reads at the same time share one outcome,
/// and so do later ones where asking again would not change it.
#[derive(Debug)]
pub struct ApiReader {
    calls: Calls,
    otps: Kept<Udid, OtpSet>,
    passwords: Kept<ProfileQuery, PasswordSet>,
    lists: Kept<DeviceFilter, Vec<Device>>,
    devices: Kept<DeviceKey, Device>,
}

impl ApiReader {
    /// A reader with the token of a session; `None` if the session is not one of Zscaler.
    pub fn new(session: Arc<Session>) -> Option<Self> {
        Some(ApiReader {
            calls: Calls::new(session)?,
            otps: Kept::default(),
            passwords: Kept::default(),
            lists: Kept::default(),
            devices: Kept::default(),
        })
    }

    /// The one-time passwords of a device.
    ///
    /// # Errors
    /// When there is no token, or the system does not give the passwords.
    pub async fn otps(
        &self,
        udid: &Udid,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<OtpSet>, SourceError> {
        let read = async {
            let answer = self.calls.ask(&otp::query(udid), minimum_lifetime).await?;
            Ok(OtpSet::from_answer(answer, udid)?)
        };
        self.otps.get(&self.calls, udid, minimum_lifetime, read).await
    }

    /// The passwords of the app profile that a user has on an operating system.
    ///
    /// # Errors
    /// When there is no token, or the system does not give the passwords.
    pub async fn profile_passwords(
        &self,
        profile: &ProfileQuery,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<PasswordSet>, SourceError> {
        let read = async {
            let answer = self.calls.ask(&profile::query(profile), minimum_lifetime).await?;
            Ok(PasswordSet::from_answer(answer)?)
        };
        self.passwords.get(&self.calls, profile, minimum_lifetime, read).await
    }

    /// The enrolled devices that pass a filter, in the order of the system.
    ///
    /// # Errors
    /// When there is no token, or the system does not list them.
    pub async fn devices(
        &self,
        filter: &DeviceFilter,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<Vec<Device>>, SourceError> {
        let read = self.read_pages(filter, minimum_lifetime);
        self.lists.get(&self.calls, filter, minimum_lifetime, read).await
    }

    /// One device with its details, without its one-time passwords. A host name is looked up in the list of all
    /// devices, which is read for it once.
    ///
    /// # Errors
    /// When there is no token, no such device or more than one, or the system does not give the details.
    pub async fn device(
        &self,
        key: &DeviceKey,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<Device>, SourceError> {
        let udid = match key {
            DeviceKey::Hostname(name) => {
                let all = self.devices(&DeviceFilter::default(), minimum_lifetime).await?;
                DeviceKey::Udid(lookup::by_hostname(&all, name)?)
            }
            DeviceKey::Udid(_) | DeviceKey::Username(_) => key.clone(),
        };
        let read = async {
            let answer = self.calls.ask(&lookup::query(&udid), minimum_lifetime).await?;
            Ok(lookup::details(answer, &udid)?)
        };
        self.devices.get(&self.calls, &udid, minimum_lifetime, read).await
    }

    /// The devices that a removal would concern, listed anew: what was read before may have changed.
    ///
    /// # Errors
    /// When there is no token, or the system does not list the devices.
    pub async fn candidates(
        &self,
        criteria: &DeviceCriteria,
        removal: Removal,
    ) -> Result<Candidates, SourceError> {
        match self.read_pages(&criteria.filter, None).await {
            Ok(devices) => Ok(Candidates::among(&devices, criteria, removal)),
            Err(Trouble::Login(error) | Trouble::Read(error)) => Err(error),
        }
    }

    /// Removes these devices and no others, at most [`MOST_REMOVED_AT_ONCE`](super::MOST_REMOVED_AT_ONCE), in one call
    /// that is never repeated once it may have been carried out.
    ///
    /// # Errors
    /// When nothing was removed, or nobody knows.
    pub async fn remove(&self, udids: &[Udid], removal: Removal) -> Result<Removed, RemovalFailure> {
        // To the API, a call that names no device is one without that criterion.
        if udids.is_empty() {
            return Ok(Removed::default());
        }
        let _forgetting = Forgetting(self);
        match self.calls.ask(&removal::query(udids, removal), None).await {
            Ok(answer) => Removed::from_answer(&answer),
            Err(Trouble::Login(error)) => Err(RemovalFailure::NothingRemoved(error)),
            Err(Trouble::Read(error)) => Err(RemovalFailure::of(error)),
        }
    }

    /// Page after page, until one is not full.
    async fn read_pages(
        &self,
        filter: &DeviceFilter,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Vec<Device>, Trouble> {
        let mut all: Vec<Device> = Vec::new();
        for page in 1..=devices::MOST_PAGES {
            let answer = self.calls.ask(&devices::query(filter, page), minimum_lifetime).await?;
            let before = all.rchunks(devices::PAGE_SIZE).next().unwrap_or_default();
            let devices = devices::page(&answer, page, before)?;
            let is_last = devices.len() < devices::PAGE_SIZE;
            all.extend(devices);
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

/// Forgets what was read of devices when a removal ends: by its answer, or because nobody waits for that any longer.
struct Forgetting<'a>(&'a ApiReader);

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        self.0.otps.clear();
        self.0.lists.clear();
        self.0.devices.clear();
    }
}
