//! The one-time passwords of one device.

use secrecy::SecretString;

use super::lookup::DeviceKey;
use super::named_secrets::NamedSecrets;
use super::query::{ApiAnswer, Query};
use super::{Purpose, Udid};
use crate::json::Fields;
use crate::{Action, SourceError};

/// The one-time passwords that a device has, at least one.
#[derive(Debug)]
pub struct OtpSet(NamedSecrets);

impl OtpSet {
    /// Takes the passwords out of an answer.
    pub(super) fn from_answer(answer: ApiAnswer, udid: &Udid) -> Result<Self, SourceError> {
        let answer = answer.good(|attempt, status, said| {
            let device = Box::new(DeviceKey::Udid(udid.clone()));
            SourceError::UnknownDevice { attempt, device, status, said }
        })?;
        let set = OtpSet::from_fields(answer.fields()?);
        set.ok_or_else(|| SourceError::NoOtp { attempt: answer.attempt, udid: udid.clone() })
    }

    fn from_fields(fields: Fields) -> Option<Self> {
        NamedSecrets::from_fields(fields, "Otp", known).map(OtpSet)
    }

    /// The password for a purpose.
    ///
    /// # Errors
    /// Names the purposes there are, if this one is missing.
    pub fn get(&self, purpose: &Purpose) -> Result<&SecretString, SourceError> {
        self.0
            .get(purpose.name())
            .ok_or_else(|| SourceError::MissingOtp { purpose: *purpose, present: self.0.names() })
    }

    /// The password of the older form of the API, which is good for anything.
    pub fn generic(&self) -> Option<&SecretString> {
        self.0.get(Purpose::Generic.name())
    }

    /// Every password with its purpose, those of purposes we do not know included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter()
    }
}

/// The question for them.
pub(super) fn query(udid: &Udid) -> Query {
    Query::new(Action::Otp, "public/v1/getOtp").with("udid", udid.as_str())
}

fn known(field: &str) -> Option<&'static str> {
    Purpose::ALL.iter().find(|purpose| purpose.json_field() == field).map(|purpose| purpose.name())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn set(body: &str) -> Option<OtpSet> {
        OtpSet::from_fields(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn the_older_form_has_the_generic_password_alone() {
        let set = set(r#"{"otp":"gen3r1c"}"#).unwrap();
        assert_eq!(set.generic().unwrap().expose_secret(), "gen3r1c");
        let names: Vec<&str> = set.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["generic"]);
    }

    #[test]
    fn the_newer_form_has_one_for_each_purpose_and_strangers_pass() {
        let set = set(
            r#"{"logoutOtp":"a1","exitOtp":"","zdxDisableOtp":null,"antiTemperingDisableOtp":"b2","ziaDisableOtp":7,
                "newThingOtp":"c3","companyName":"x","Otp":"y"}"#,
        )
        .unwrap();
        let names: Vec<&str> = set.iter().map(|(name, _)| name).collect();
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
