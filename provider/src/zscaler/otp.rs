//! The one-time passwords of a device from Zscaler Client Connector.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostic, Diagnostics, Object, Type, Value};
use tokenferry_sources::zscaler::{OtpSet, Purpose, Udid};
use tokenferry_sources::{ExposeSecret, SecretString, SourceError};

use crate::diagnostics::of_source;
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_zscaler_otp`.
pub(crate) struct ZscalerOtp;

/// Which password of which device.
pub(crate) struct OtpArguments {
    udid: Option<Udid>,
    purpose: Option<Purpose>,
}

#[async_trait]
impl Reading for ZscalerOtp {
    type Arguments = OtpArguments;

    fn type_name(&self) -> String {
        "tokenferry_zscaler_otp".to_owned()
    }

    fn summary(&self) -> String {
        "The one-time passwords of a device from Zscaler Client Connector: for logging out, uninstalling, disabling \
         and more."
            .to_owned()
    }

    fn calls(&self) -> String {
        "one login, and one `getOtp` call for each device, of the 100 calls an hour that Zscaler allows"
            .to_owned()
    }

    fn details(&self) -> String {
        "A password can be used once; reading it does not make a new one, and Zscaler does not say when it ends. The \
         credential stands in the provider block's `zscaler` attribute or in environment variables."
            .to_owned()
    }

    fn minimum_lifetime(&self) -> String {
        "How long the access token has to live at least with which the passwords are read, for example `5m`; the \
         passwords themselves have no known end. Where Zscaler does not say when a token ends, this needs `ttl` in \
         the provider block. Default: any life is enough."
            .to_owned()
    }

    fn arguments(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("udid")
                .required()
                .describe("The unique id of the device, as the Client Connector portal shows it."),
            Attribute::string("purpose").optional().describe(format!(
                "Which password `otp` shall hold: {}. It is an error if the device has none for it. Default: the \
                 generic one, where there is one.",
                purposes()
            )),
        ]
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> OtpArguments {
        OtpArguments {
            udid: reader.parse("udid", |text| Udid::try_from(text)).known(),
            purpose: reader.parse("purpose", str::parse::<Purpose>).known(),
        }
    }

    fn computed(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("otp").sensitive().describe(
                "The one-time password for `purpose`; without `purpose` the generic one, or null if the device has \
                 none.",
            ),
            Attribute::new("otps", Type::map(Type::String))
                .sensitive()
                .describe("Every one-time password that the device has, by purpose."),
        ]
    }

    async fn read(
        &self,
        systems: &Systems,
        arguments: OtpArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        // Required by the schema; absent only while the block is validated.
        let udid = arguments
            .udid
            .ok_or_else(|| Diagnostic::error("Missing required argument `udid`", "Set `udid`."))?;
        let reader = systems.zscaler()?;
        let otps = reader.otps(&udid, minimum_lifetime).await.map_err(|error| of_source(&error))?;
        let computed = computed(&otps, arguments.purpose).map_err(|error| of_source(&error))?;
        Ok(Values { computed, expires_at: None }.into())
    }
}

fn computed(otps: &OtpSet, purpose: Option<Purpose>) -> Result<Object, SourceError> {
    let otp = match purpose {
        Some(purpose) => Some(otps.get(&purpose)?),
        None => otps.generic(),
    };
    let all = otps.iter().map(|(purpose, otp)| (purpose.to_owned(), text(otp))).collect();
    Ok(Object::from([
        ("otp".to_owned(), otp.map_or(Value::Null, text)),
        ("otps".to_owned(), Value::Map(all)),
    ]))
}

fn text(secret: &SecretString) -> Value {
    Value::string(secret.expose_secret())
}

fn purposes() -> String {
    Purpose::ALL.iter().map(|purpose| format!("`{purpose}`")).collect::<Vec<_>>().join(", ")
}
