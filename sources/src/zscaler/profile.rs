//! The passwords of an app profile, which all devices of the profile share.

use secrecy::SecretString;

use super::OsType;
use super::named_secrets::NamedSecrets;
use super::query::{ApiAnswer, Query};
use crate::json::Fields;
use crate::{Action, FailureClass, NamedFailure, SourceError};

/// Whose profile: that of a user on an operating system.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ProfileQuery {
    /// The enrolled user.
    pub username: String,
    /// The operating system of the device.
    pub os_type: OsType,
}

/// The passwords that an app profile has, at least one.
#[derive(Debug)]
pub struct PasswordSet(NamedSecrets);

impl PasswordSet {
    /// Takes the passwords out of an answer.
    pub(super) fn from_answer(answer: ApiAnswer) -> Result<Self, SourceError> {
        let answer = answer.good(|attempt, status, said| SourceError::Named {
            attempt,
            status,
            failure: &NO_PROFILE,
            said,
        })?;
        let set = PasswordSet::from_fields(answer.fields()?);
        set.ok_or_else(|| {
            let status = answer.answer.status.as_u16();
            let said = crate::Said::default();
            SourceError::Named { attempt: answer.attempt, status, failure: &NO_PASSWORDS, said }
        })
    }

    fn from_fields(fields: Fields) -> Option<Self> {
        NamedSecrets::from_fields(fields, "Pass", |_| None).map(PasswordSet)
    }

    /// The password for a purpose.
    ///
    /// # Errors
    /// Names the purposes there are, if this one is missing.
    pub fn get(&self, purpose: &str) -> Result<&SecretString, SourceError> {
        self.0.get(purpose).ok_or_else(|| SourceError::MissingPassword {
            purpose: purpose.to_owned(),
            present: self.0.names(),
        })
    }

    /// Every password with its purpose.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter()
    }
}

/// The purposes of such passwords that are documented; answers may have more.
pub const PROFILE_PURPOSES: &[&str] = &[
    "exit",
    "logout",
    "uninstall",
    "zad_disable",
    "zd_settings_access",
    "zdp_disable",
    "zdx_disable",
    "zia_disable",
    "zpa_disable",
];

/// The question for them.
pub(super) fn query(profile: &ProfileQuery) -> Query {
    Query::new(Action::ProfilePasswords, "public/v1/getPasswords")
        .with("username", &profile.username)
        .with("osType", profile.os_type.code().to_string())
}

/// The vendor says so without a word.
static NO_PROFILE: NamedFailure = NamedFailure {
    class: FailureClass::MissingPassword,
    headline: "has no app profile passwords for this user",
    text: "there is no app profile password for this user and operating system",
    advice: "Check `username`: it is the name under which the user is enrolled, usually the user principal name. Then \
             check `os_type`, and in the portal whether an app profile with passwords applies to this user there.",
};

static NO_PASSWORDS: NamedFailure = NamedFailure {
    class: FailureClass::MissingPassword,
    headline: "has no passwords in this app profile",
    text: "the app profile of this user has no password at all",
    advice: "Set the passwords of the app profile in the portal, if devices shall ask for them.",
};

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// The members of section 5.2 of the fact sheet.
    const FULL: &str = r#"{"exitPass":"a1","logoutPass":"b2","uninstallPass":"c3","ziaDisablePass":"d4",
        "zpaDisablePass":"e5","zdxDisablePass":"f6","zdSettingsAccessPass":"g7","zadDisablePass":"h8",
        "zdpDisablePass":"i9"}"#;

    fn set(body: &str) -> Option<PasswordSet> {
        PasswordSet::from_fields(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn every_documented_password_has_its_purpose() {
        let set = set(FULL).unwrap();
        assert_eq!(set.iter().map(|(name, _)| name).collect::<Vec<_>>(), PROFILE_PURPOSES);
        assert_eq!(set.get("zd_settings_access").unwrap().expose_secret(), "g7");
        assert!(!format!("{set:?}").contains("g7"));
    }

    #[test]
    fn empty_and_foreign_members_count_for_nothing() {
        let some = set(r#"{"exitPass":"","logoutPass":null,"newPass":"x","companyName":"y","Pass":"z"}"#);
        assert_eq!(some.unwrap().iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), ["new"]);
        for body in ["{}", r#"{"exitPass":""}"#, r#"{"message":"x"}"#] {
            assert!(set(body).is_none(), "{body}");
        }
        let error = set(r#"{"exitPass":"a"}"#).unwrap().get("logout").unwrap_err().to_string();
        assert!(error.contains("`logout`") && error.contains("`exit`"), "{error}");
    }
}
