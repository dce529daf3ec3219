//! Zscaler Client Connector: login with an API key of its portal or an API client of ZIdentity, the passwords of
//! devices and app profiles, and the devices themselves.

mod calls;
mod client;
mod cloud;
mod device;
mod devices;
mod fields;
mod kept;
mod legacy;
mod lookup;
mod named_secrets;
mod one_api;
mod os_type;
mod otp;
mod profile;
mod purpose;
mod query;
mod reader;
mod removal;
mod system;
mod udid;

pub use device::{DEVICE_FIELDS, Device, DeviceField, DeviceFieldKind, DeviceValue};
pub use devices::DeviceFilter;
pub use lookup::DeviceKey;
pub use os_type::{OsType, UnknownOsType};
pub use otp::OtpSet;
pub use profile::{PROFILE_PURPOSES, PasswordSet, ProfileQuery};
pub use purpose::{Purpose, UnknownPurpose};
pub use reader::ApiReader;
pub use removal::{Candidates, DeviceCriteria, MOST_REMOVED_AT_ONCE, Removal, RemovalFailure, Removed};
pub use system::SYSTEM;
pub use udid::{InvalidUdid, Udid};

#[cfg(test)]
mod tests;
