//! The passwords of an app profile of Zscaler Client Connector.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostic, Diagnostics, Object, Type, Value};
use tokenferry_sources::zscaler::{OsType, PROFILE_PURPOSES, PasswordSet, ProfileQuery};
use tokenferry_sources::{ExposeSecret, SecretString, SourceError};

use super::{CREDENTIAL, minimum_lifetime, name};
use crate::diagnostics::of_source;
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_zscaler_profile_passwords`.
pub(crate) struct ZscalerProfilePasswords;

/// Which password of whose profile.
pub(crate) struct ProfileArguments {
    profile: Option<ProfileQuery>,
    purpose: Option<String>,
}

#[async_trait]
impl Reading for ZscalerProfilePasswords {
    type Arguments = ProfileArguments;

    fn type_name(&self) -> String {
        "tokenferry_zscaler_profile_passwords".to_owned()
    }

    fn summary(&self) -> String {
        "The passwords of the app profile that a user has on an operating system, from Zscaler Client Connector: for \
         logging out, uninstalling, disabling and more, the same on every device of the profile."
            .to_owned()
    }

    fn calls(&self) -> String {
        "one login, and one `getPasswords` call for each user and operating system, of the 100 calls an hour that \
         Zscaler allows"
            .to_owned()
    }

    fn details(&self) -> String {
        format!(
            "These passwords can be used again and again, by everybody who knows them; the ones of \
             `tokenferry_zscaler_otp` are good for one device and once. {CREDENTIAL}"
        )
    }

    fn minimum_lifetime(&self) -> String {
        minimum_lifetime("the passwords")
    }

    fn arguments(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("username")
                .required()
                .describe("The enrolled user, usually by the user principal name."),
            Attribute::string("os_type").required().describe(
                "The operating system of the user's device: `ios`, `android`, `windows`, `macos` or `linux`, in \
                 capitals or not.",
            ),
            Attribute::string("purpose").optional().describe(format!(
                "Which password `password` shall hold: {}, or another one that `passwords` has. It is an error if the \
                 profile has none for it.",
                PROFILE_PURPOSES.iter().map(|purpose| format!("`{purpose}`")).collect::<Vec<_>>().join(", ")
            )),
        ]
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> ProfileArguments {
        let username = name(reader, "username").known();
        let os_type = reader.parse("os_type", str::parse::<OsType>).known();
        let profile = username.zip(os_type).map(|(username, os_type)| ProfileQuery { username, os_type });
        ProfileArguments { profile, purpose: reader.parse("purpose", purpose).known() }
    }

    fn computed(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("password")
                .sensitive()
                .describe("The password for `purpose`; null without `purpose`."),
            Attribute::new("passwords", Type::map(Type::String))
                .sensitive()
                .describe("Every password that the app profile has, by purpose."),
        ]
    }

    async fn read(
        &self,
        systems: &Systems,
        arguments: ProfileArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        // Required by the schema; absent only while the block is validated.
        let profile = arguments.profile.ok_or_else(|| {
            Diagnostic::error("Missing required arguments", "Set `username` and `os_type`.")
        })?;
        let reader = systems.zscaler()?;
        let passwords =
            reader.profile_passwords(&profile, minimum_lifetime).await.map_err(|error| of_source(&error))?;
        let computed =
            computed(&passwords, arguments.purpose.as_deref()).map_err(|error| of_source(&error))?;
        Ok(Values { computed, expires_at: None }.into())
    }
}

fn computed(passwords: &PasswordSet, purpose: Option<&str>) -> Result<Object, SourceError> {
    let password = purpose.map(|purpose| passwords.get(purpose)).transpose()?;
    let all = passwords.iter().map(|(purpose, password)| (purpose.to_owned(), text(password))).collect();
    Ok(Object::from([
        ("password".to_owned(), password.map_or(Value::Null, text)),
        ("passwords".to_owned(), Value::Map(all)),
    ]))
}

/// The documented ones, and whatever else the vendor may add.
fn purpose(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.is_empty() && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    let known: Vec<_> = PROFILE_PURPOSES.iter().map(|purpose| format!("`{purpose}`")).collect();
    Err(format!(
        "it is no purpose: those are {}, and others of lower-case letters, digits and `_`",
        known.join(", ")
    ))
}

fn text(secret: &SecretString) -> Value {
    Value::string(secret.expose_secret())
}
