//! `getPasswords`.

use std::fmt;

use serde_json::{Map, Value};

use super::ZscalerProfile;
use super::device::password;
use crate::urlencoded::query_value;

const PASSWORDS: [&str; 7] = [
    "exitPass",
    "logoutPass",
    "uninstallPass",
    "ziaDisablePass",
    "zpaDisablePass",
    "zdxDisablePass",
    "zdSettingsAccessPass",
];

/// The app profiles with their passwords, made once.
pub(crate) struct Profiles(Vec<(ZscalerProfile, Value)>);

impl Profiles {
    pub(crate) fn new(profiles: &[ZscalerProfile]) -> Self {
        let passwords = || PASSWORDS.iter().map(|name| ((*name).to_owned(), password().into()));
        let all = profiles
            .iter()
            .map(|profile| (profile.clone(), Value::Object(passwords().collect::<Map<String, Value>>())));
        Self(all.collect())
    }

    /// The passwords of a user on an operating system.
    pub(crate) fn passwords(&self, query: Option<&str>) -> Option<Value> {
        let (user, os) = (query_value(query, "username")?, query_value(query, "osType")?);
        let meant = |profile: &ZscalerProfile| profile.username == user && profile.os_type.to_string() == os;
        self.0.iter().find(|(profile, _)| meant(profile)).map(|(_, passwords)| passwords.clone())
    }
}

impl fmt::Debug for Profiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.iter().map(|(profile, _)| profile)).finish()
    }
}
