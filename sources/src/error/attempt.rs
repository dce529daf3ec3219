//! What was attempted, for messages and advice.

use std::fmt;
use std::sync::Arc;

use super::Guidance;
use crate::System;

/// One request to a system, as users think of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// The system that was asked.
    pub system: &'static System,
    /// What it was asked for.
    pub action: Action,
    /// The host and port that were asked.
    pub host: Arc<str>,
    /// What to try if this host is not the right one.
    pub hint: Option<Arc<str>>,
    /// Which request it was, where a login takes several.
    pub step: Option<Step>,
    /// What to advise: that of the system, or of the way that was taken.
    pub(crate) guidance: &'static Guidance,
}

/// The place of a request in a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Counted from 0, as in `request[0]`.
    pub index: u16,
    /// How many there are.
    pub of: u16,
}

impl Attempt {
    /// An attempt without a hint.
    pub fn new(system: &'static System, action: Action, host: String) -> Self {
        Attempt { system, action, host: host.into(), hint: None, step: None, guidance: &system.guidance }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attempt { system, action, host, step, .. } = self;
        match action {
            Action::Device => write!(f, "reading a device from {} at {host}", system.title),
            Action::Devices => write!(f, "listing the devices of {} at {host}", system.title),
            Action::Login => write!(f, "logging in to {} at {host}", system.title),
            Action::Otp => write!(f, "reading one-time passwords from {} at {host}", system.title),
            Action::ProfilePasswords => {
                write!(f, "reading app profile passwords from {} at {host}", system.title)
            }
            Action::Refresh => write!(f, "refreshing a token of {} at {host}", system.title),
            Action::Removal => write!(f, "removing devices from {} at {host}", system.title),
            Action::Revoke => write!(f, "revoking a token of {} at {host}", system.title),
            Action::Verify => write!(f, "trying out a fresh token of {} at {host}", system.title),
        }?;
        step.map_or(Ok(()), |step| write!(f, " ({step})"))
    }
}

/// As messages about settings have it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            1 => write!(f, "request[{}]", self.index),
            of => write!(f, "request[{}], one of {of}", self.index),
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("system", &self.system.name)
            .field("action", &self.action)
            .field("host", &self.host)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What a system was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// The details of a device.
    Device,
    /// A list of devices.
    Devices,
    /// A token, for a credential.
    Login,
    /// The one-time passwords of a device.
    Otp,
    /// The passwords of an app profile.
    ProfilePasswords,
    /// A token, for an older one.
    Refresh,
    /// The removal of devices.
    Removal,
    /// The end of a token.
    Revoke,
    /// Whether a token is good.
    Verify,
}
