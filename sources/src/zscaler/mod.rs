//! Zscaler Client Connector: login with an API key of its portal, and the one-time passwords of devices.

mod cloud;
mod fields;
mod legacy;
mod otp;
mod purpose;
mod reader;
mod udid;

pub use fields::SYSTEM;
pub use otp::OtpSet;
pub use purpose::{Purpose, UnknownPurpose};
pub use reader::OtpReader;
pub use udid::{InvalidUdid, Udid};

#[cfg(test)]
mod tests;
