//! The TLS certificate that we show, and the key that belongs to it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustls::InconsistentKeys;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::VaultError;

/// A certificate with its key, which fit.
pub(crate) struct Identity(reqwest::Identity);

/// Why a file is of no use for that.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The key is one for another certificate.
    #[error("it holds the key of another certificate")]
    Mismatch,
    /// There is nothing of what should be in it.
    #[error("it contains no {0} in PEM form")]
    Missing(&'static str),
    /// Everybody on this machine can read the key.
    #[error("everybody on this machine may read it (mode {0:04o}), and it is to hold a private key")]
    OpenToAll(u32),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The key, or the certificate, is of a kind that is not supported, or broken.
    #[error("its {0} is broken, or of a kind that is not supported")]
    Unusable(&'static str),
}

impl Identity {
    /// Reads both files anew.
    pub(crate) fn read(cert_file: &Path, key_file: &Path) -> Result<Self, VaultError> {
        let of_cert = |cause| VaultError::Identity { path: cert_file.to_owned(), cause };
        let of_key = |cause| VaultError::Identity { path: key_file.to_owned(), cause };
        let cert = read(cert_file).map_err(of_cert)?;
        let chain = chain(&cert).map_err(of_cert)?;
        protected(key_file).map_err(of_key)?;
        let key = read(key_file).map_err(of_key)?;
        let leaf = fits(chain, &key);
        leaf.map_err(|error| match error {
            IdentityError::Unusable(CERTIFICATE) => of_cert(error),
            error => of_key(error),
        })?;
        let both = Zeroizing::new([cert.as_slice(), b"\n", key.as_slice()].concat());
        let identity = reqwest::Identity::from_pem(&both);
        Ok(Identity(identity.map_err(|_| of_key(IdentityError::Unusable(KEY)))?))
    }

    pub(crate) fn into_inner(self) -> reqwest::Identity {
        self.0
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

fn unreadable(error: io::Error) -> IdentityError {
    IdentityError::Unreadable(error.to_string())
}

/// Whoever has the key can log in as we do.
fn protected(key_file: &Path) -> Result<(), IdentityError> {
    let mode = fs::metadata(key_file).map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o006 != 0 { Err(IdentityError::OpenToAll(mode)) } else { Ok(()) }
}

fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::Missing(CERTIFICATE))
}

fn fits(chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<(), IdentityError> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::Missing(KEY))?;
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(key).map_err(|_| IdentityError::Unusable(KEY))?;
    match CertifiedKey::new(chain, key).keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::Mismatch),
        Err(_) => Err(IdentityError::Unusable(CERTIFICATE)),
    }
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";
