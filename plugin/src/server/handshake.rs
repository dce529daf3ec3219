//! What the host asks for in the environment, and the one line that answers it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

use super::listener::Address;
use super::tls::ServerIdentity;
use super::{About, arguments};

/// Proves nothing; it tells a host from a person who started the binary by hand.
const COOKIE_NAME: &str = "TF_PLUGIN_MAGIC_COOKIE";
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const CORE_PROTOCOL: u8 = 1;
/// A server with one version prints it whatever the host offers; the host reports a mismatch.
const PLUGIN_PROTOCOL: u8 = 6;

/// The host's wishes.
#[derive(Debug)]
pub(super) struct HostRequest {
    /// With this the host will prove who it is. Absent when TLS is switched off.
    pub(super) client_certificate: Option<CertificateDer<'static>>,
    /// Where the socket has to lie, if not in the directory for temporary files.
    pub(super) socket_directory: Option<PathBuf>,
    /// Which group may use the socket, beside its owner.
    pub(super) socket_group: Option<String>,
    /// For TCP, where a socket is not possible.
    pub(super) ports: std::ops::RangeInclusive<u16>,
    /// Whether the host would multiplex side channels. We have none.
    multiplex: bool,
}

/// Why there is no host to serve.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    #[error("PLUGIN_CLIENT_CERT is not a PEM certificate")]
    Certificate,
    #[error("this program is a plugin and is not meant to be executed directly")]
    NoHost,
}

impl HandshakeError {
    /// The message for standard error.
    pub(super) fn advice(&self, about: &About) -> String {
        let About { name, description, .. } = about;
        match self {
            Self::Certificate => {
                format!("{name}: {self}. It is set by the program that starts the provider.\n")
            }
            Self::NoHost => format!(
                "{name}: {description}\n\
                 \n\
                 This program is a plugin and is not meant to be executed directly: Terraform and OpenTofu start it, once\n\
                 a configuration names the provider and `terraform init` has installed it:\n\
                 \n\
                 {}\
                 \n\
                 `{name} --help` says more.\n",
                arguments::requirement(about)
            ),
        }
    }
}

impl HostRequest {
    /// Reads the environment that the host has set.
    pub(super) fn from_environment() -> Result<Self, HandshakeError> {
        Self::from_variables(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Values need not be Unicode: a certificate that cannot be read must not pass for one that is not there.
    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HandshakeError> {
        if variable(COOKIE_NAME).as_deref() != Some(OsStr::new(COOKIE)) {
            return Err(HandshakeError::NoHost);
        }
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        let port = |name, default| text(name).and_then(|port| port.parse().ok()).unwrap_or(default);
        let certificate = variable("PLUGIN_CLIENT_CERT");
        Ok(Self {
            client_certificate: certificate
                .map(|pem| CertificateDer::from_pem_slice(pem.as_encoded_bytes()))
                .transpose()
                .map_err(|_| HandshakeError::Certificate)?,
            socket_directory: variable("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            socket_group: text("PLUGIN_UNIX_SOCKET_GROUP"),
            ports: port("PLUGIN_MIN_PORT", 10_000)..=port("PLUGIN_MAX_PORT", 25_000),
            multiplex: variable("PLUGIN_MULTIPLEX_GRPC").is_some(),
        })
    }

    /// The line that tells the host where and how to connect.
    pub(super) fn line(&self, address: &Address, identity: Option<&ServerIdentity>) -> String {
        let certificate = identity.map(|identity| STANDARD_NO_PAD.encode(&identity.certificate));
        let certificate = certificate.unwrap_or_default();
        let network = address.network();
        let multiplex = if self.multiplex { "|false" } else { "" };
        format!("{CORE_PROTOCOL}|{PLUGIN_PROTOCOL}|{network}|{address}|grpc|{certificate}{multiplex}\n")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn request(variables: &[(&str, &str)]) -> Result<HostRequest, HandshakeError> {
        HostRequest::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn without_the_cookie_there_is_no_host() {
        assert!(matches!(request(&[]), Err(HandshakeError::NoHost)));
        assert!(matches!(request(&[(COOKIE_NAME, "other")]), Err(HandshakeError::NoHost)));
    }

    #[test]
    fn the_line_keeps_its_empty_last_field_without_tls() {
        let request = request(&[(COOKIE_NAME, COOKIE)]).unwrap();
        let address = Address::Unix("/tmp/plugin1".into());
        assert_eq!(request.line(&address, None), "1|6|unix|/tmp/plugin1|grpc|\n");
    }

    #[test]
    fn multiplexing_is_declined_only_when_the_host_asks() {
        let request = request(&[(COOKIE_NAME, COOKIE), ("PLUGIN_MULTIPLEX_GRPC", "true")]).unwrap();
        let address = Address::Tcp(([127, 0, 0, 1], 10_000).into());
        assert_eq!(request.line(&address, None), "1|6|tcp|127.0.0.1:10000|grpc||false\n");
    }

    #[test]
    fn a_broken_certificate_is_an_error_not_a_fall_back_to_plaintext() {
        let broken = request(&[(COOKIE_NAME, COOKIE), ("PLUGIN_CLIENT_CERT", "nonsense")]);
        assert!(matches!(broken, Err(HandshakeError::Certificate)));
        let not_unicode = HostRequest::from_variables(|name| match name {
            COOKIE_NAME => Some(COOKIE.into()),
            "PLUGIN_CLIENT_CERT" => Some(OsString::from_vec(vec![0xff, 0xfe])),
            _ => None,
        });
        assert!(matches!(not_unicode, Err(HandshakeError::Certificate)));
    }
}
