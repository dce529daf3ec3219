//! Which servers are trusted.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::SourceError;
use crate::cause::deepest_cause;

/// The certificates of a PEM file, each of them usable as a trust anchor.
///
/// # Errors
/// What is wrong with the file.
pub fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut store = RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| "it is not in PEM form".to_owned())?;
        let usable = reqwest::Certificate::from_der(&certificate);
        store.add(certificate).map_err(|error| error.to_string())?;
        certificates.push(usable.map_err(|error| deepest_cause(&error))?);
    }
    if certificates.is_empty() {
        return Err("it contains no certificate".to_owned());
    }
    Ok(certificates)
}

/// The certificates of the configured file.
pub(super) fn configured(path: &Path) -> Result<Vec<reqwest::Certificate>, SourceError> {
    certificates(path).map_err(|cause| SourceError::CaFile { path: path.to_owned(), cause })
}

/// Building a client fails over certificates only.
pub(super) fn build_failure(file: Option<&Path>, error: &reqwest::Error) -> SourceError {
    let cause = deepest_cause(error);
    match file {
        Some(path) => SourceError::CaFile { path: path.to_owned(), cause },
        None => SourceError::CaStore { cause },
    }
}
