//! Which servers are trusted.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::VaultError;
use super::cause::deepest_cause;

/// The certificates of a PEM file, each of them usable as a trust anchor.
pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, VaultError> {
    let refused = |cause: String| VaultError::CaFile { path: path.to_owned(), cause };
    let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut store = RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| refused("it is not in PEM form".to_owned()))?;
        let usable = reqwest::Certificate::from_der(&certificate);
        store.add(certificate).map_err(|error| refused(error.to_string()))?;
        certificates.push(usable.map_err(|error| refused(deepest_cause(&error)))?);
    }
    if certificates.is_empty() {
        return Err(refused("it contains no certificate".to_owned()));
    }
    Ok(certificates)
}

/// Building a client fails over certificates only.
pub(super) fn build_failure(file: Option<&Path>, error: &reqwest::Error) -> VaultError {
    let cause = deepest_cause(error);
    match file {
        Some(path) => VaultError::CaFile { path: path.to_owned(), cause },
        None => VaultError::CaStore { cause },
    }
}
