//! What a one-time password unlocks.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::nearest::did_you_mean;

/// What a one-time password unlocks on its device.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Purpose {
    /// Anything, in the older form of the API.
    Generic,
    /// Logging out.
    Logout,
    /// Going back to an earlier version of the app.
    Revert,
    /// Uninstalling the app.
    Uninstall,
    /// Exiting the app.
    Exit,
    /// Turning internet security off.
    ZiaDisable,
    /// Turning private access off.
    ZpaDisable,
    /// Turning digital experience off.
    ZdxDisable,
    /// Turning data protection off.
    ZdpDisable,
    /// Turning the protection against tampering off.
    AntiTamperingDisable,
    /// The settings of deception.
    DeceptionSettings,
}

/// The word is no purpose; one of them may have been meant.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("there is no such purpose; {0} must be one of {names}", names = names())]
pub struct UnknownPurpose(String);

impl Purpose {
    /// Every purpose, in the vendor's order.
    pub const ALL: &'static [Purpose] = &[
        Purpose::Generic,
        Purpose::Logout,
        Purpose::Revert,
        Purpose::Uninstall,
        Purpose::Exit,
        Purpose::ZiaDisable,
        Purpose::ZpaDisable,
        Purpose::ZdxDisable,
        Purpose::ZdpDisable,
        Purpose::AntiTamperingDisable,
        Purpose::DeceptionSettings,
    ];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// Its name in the vendor's answers.
    pub const fn json_field(self) -> &'static str {
        self.names().1
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Purpose::Generic => ("generic", "otp"),
            Purpose::Logout => ("logout", "logoutOtp"),
            Purpose::Revert => ("revert", "revertOtp"),
            Purpose::Uninstall => ("uninstall", "uninstallOtp"),
            Purpose::Exit => ("exit", "exitOtp"),
            Purpose::ZiaDisable => ("zia_disable", "ziaDisableOtp"),
            Purpose::ZpaDisable => ("zpa_disable", "zpaDisableOtp"),
            Purpose::ZdxDisable => ("zdx_disable", "zdxDisableOtp"),
            Purpose::ZdpDisable => ("zdp_disable", "zdpDisableOtp"),
            // The vendor's spelling.
            Purpose::AntiTamperingDisable => ("anti_tampering_disable", "antiTemperingDisableOtp"),
            Purpose::DeceptionSettings => ("deception_settings", "deceptionSettingsOtp"),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    /// Reads the name, or the vendor's name of the JSON field.
    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        let is_meant = |purpose: &&Purpose| purpose.name() == text || purpose.json_field() == text;
        Purpose::ALL.iter().find(is_meant).copied().ok_or_else(|| {
            let names: Vec<&'static str> = Purpose::ALL.iter().map(|purpose| purpose.name()).collect();
            UnknownPurpose(did_you_mean(text, &names))
        })
    }
}

fn names() -> String {
    Purpose::ALL.iter().map(|purpose| format!("`{purpose}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_read_by_either_of_its_names() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.name().parse(), Ok(*purpose));
            assert_eq!(purpose.json_field().parse(), Ok(*purpose));
        }
        let error = "zia".parse::<Purpose>().unwrap_err().to_string();
        assert!(error.contains("`zia_disable`") && error.contains("`generic`"), "{error}");
    }
}
