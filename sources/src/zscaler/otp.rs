//! The one-time passwords of one device.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::Purpose;
use crate::SourceError;
use crate::json::Fields;

/// The one-time passwords that a device has, at least one.
#[derive(Debug)]
pub struct OtpSet(BTreeMap<String, SecretString>);

impl OtpSet {
    /// Takes the passwords out of an answer; `None` if there is none.
    pub(super) fn from_fields(fields: Fields) -> Option<Self> {
        let set: BTreeMap<String, SecretString> = fields
            .into_texts()
            .filter(|(_, otp)| !otp.expose_secret().is_empty())
            .filter_map(|(field, otp)| Some((name(&field)?, otp)))
            .collect();
        (!set.is_empty()).then_some(OtpSet(set))
    }

    /// The password for a purpose.
    ///
    /// # Errors
    /// Names the purposes there are, if this one is missing.
    pub fn get(&self, purpose: &Purpose) -> Result<&SecretString, SourceError> {
        self.0.get(purpose.name()).ok_or_else(|| SourceError::MissingOtp {
            purpose: *purpose,
            present: self.0.keys().cloned().collect(),
        })
    }

    /// The password of the older form of the API, which is good for anything.
    pub fn generic(&self) -> Option<&SecretString> {
        self.0.get(Purpose::Generic.name())
    }

    /// Every password with its purpose, those of purposes we do not know included.
    pub fn iter(&self) -> impl Iterator<Item = (String, &SecretString)> {
        self.0.iter().map(|(name, otp)| (name.clone(), otp))
    }
}

/// The purpose behind a field of the answer. The vendor adds some from time to time: `newThingOtp` is `new_thing`.
fn name(field: &str) -> Option<String> {
    if let Some(purpose) = Purpose::ALL.iter().find(|purpose| purpose.json_field() == field) {
        return Some(purpose.name().to_owned());
    }
    let stem = field.strip_suffix("Otp")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!stem.is_empty() && stem.len() <= 64 && stem.chars().all(allowed)).then(|| snake_case(stem))
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    let mut after_lower = false;
    for c in camel.chars() {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(body: &str) -> Option<OtpSet> {
        OtpSet::from_fields(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn the_older_form_has_the_generic_password_alone() {
        let set = set(r#"{"otp":"gen3r1c"}"#).unwrap();
        assert_eq!(set.generic().unwrap().expose_secret(), "gen3r1c");
        let names: Vec<String> = set.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["generic"]);
    }

    #[test]
    fn the_newer_form_has_one_for_each_purpose_and_strangers_pass() {
        let set = set(
            r#"{"logoutOtp":"a1","exitOtp":"","zdxDisableOtp":null,"antiTemperingDisableOtp":"b2","ziaDisableOtp":7,
                "newThingOtp":"c3","companyName":"x","Otp":"y"}"#,
        )
        .unwrap();
        let names: Vec<String> = set.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["anti_tampering_disable", "logout", "new_thing"]);
        assert_eq!(set.get(&Purpose::AntiTamperingDisable).unwrap().expose_secret(), "b2");
        assert!(set.generic().is_none());
    }

    #[test]
    fn a_missing_purpose_names_those_there_are() {
        let set = set(r#"{"logoutOtp":"a1","exitOtp":"b2"}"#).unwrap();
        let error = set.get(&Purpose::Uninstall).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the device has no one-time password for `uninstall`; it has one for `exit`, `logout`"
        );
    }

    #[test]
    fn an_answer_without_any_password_is_none() {
        for body in ["{}", r#"{"otp":""}"#, r#"{"otp":null,"exitOtp":""}"#, r#"{"message":"x"}"#] {
            assert!(set(body).is_none(), "{body}");
        }
    }

    #[test]
    fn debug_hides_the_passwords() {
        assert!(!format!("{:?}", set(r#"{"otp":"hunter2"}"#)).contains("hunter2"));
    }
}
