//! A certificate authority of one's own, whose certificates and keys are files in PEM form.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// Issues certificates into a folder.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    /// Its own certificate.
    pub ca_file: PathBuf,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub cert_file: PathBuf,
    /// The key, which only its owner may read.
    pub key_file: PathBuf,
}

impl Authority {
    /// A new one, which puts its files there.
    pub fn new(folder: &Path) -> Self {
        let mut params = named("authority of tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca_file = folder.join("ca.pem");
        fs::write(&ca_file, pem("CERTIFICATE", issuer.der())).unwrap();
        Self { issuer, folder: folder.to_owned(), ca_file }
    }

    /// A listener of OpenBao at this port of 127.0.0.1, with TLS. It asks clients for a certificate.
    pub fn listener(&self, port: u16, more: &str) -> String {
        let Issued { cert_file, key_file } = self.server();
        let [cert, key, ca] = [&cert_file, &key_file, &self.ca_file].map(|path| path.display());
        format!(
            "listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n tls_cert_file = \"{cert}\"\n \
             tls_key_file = \"{key}\"\n tls_client_ca_file = \"{ca}\"\n {more}\n}}\n"
        )
    }

    /// The certificate of a server at 127.0.0.1.
    pub fn server(&self) -> Issued {
        self.issue("server", "127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// The certificate of a client of that name. Files of that name are replaced.
    pub fn client(&self, name: &str) -> Issued {
        self.issue(name, name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, file: &str, name: &str, usage: ExtendedKeyUsagePurpose) -> Issued {
        let mut params = named(name);
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |end: &str| self.folder.join(format!("{file}{end}.pem"));
        let issued = Issued { cert_file: at(""), key_file: at("-key") };
        fs::write(&issued.cert_file, pem("CERTIFICATE", certificate.der())).unwrap();
        fs::write(&issued.key_file, pem("PRIVATE KEY", key.serialized_der())).unwrap();
        fs::set_permissions(&issued.key_file, fs::Permissions::from_mode(0o600)).unwrap();
        issued
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.replace(' ', "-")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}
