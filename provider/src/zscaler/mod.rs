//! What Zscaler Client Connector has besides tokens.

mod attributes;
mod device;
mod devices;
mod otp;
mod profile_passwords;
mod remove_devices;

pub(crate) use device::ZscalerDevice;
pub(crate) use devices::ZscalerDevices;
pub(crate) use otp::ZscalerOtp;
pub(crate) use profile_passwords::ZscalerProfilePasswords;
pub(crate) use remove_devices::ZscalerRemoveDevices;

use tfplugin::{ConfigReader, Setting};

/// A name that is sent as it is.
fn name(reader: &mut ConfigReader<'_>, attribute: &str) -> Setting<String> {
    reader.parse(attribute, checked_name)
}

fn checked_name(text: &str) -> Result<String, &'static str> {
    match text {
        text if text.trim().is_empty() => Err("it cannot be empty; leave it out instead"),
        text if text.trim() != text => Err("it begins or ends with white space; take that off"),
        text if text.contains(['\r', '\n']) => Err("it contains a line break"),
        text if text.chars().any(char::is_control) => Err("it contains a control character"),
        text => Ok(text.to_owned()),
    }
}

/// What `minimum_lifetime` demands of reads that do not give the token.
fn minimum_lifetime(what: &str) -> String {
    format!(
        "How long the access token has to live at least with which {what} are read, for example `5m`. Where neither \
         Zscaler nor the token says when it ends, this needs `ttl` in the provider block. Default: any life is enough."
    )
}

const CREDENTIAL: &str =
    "The credential stands in the provider block's `zscaler` attribute or in environment variables.";
