//! Mutual TLS with the host: it pins the certificate that we print, we pin the one that it gave us.
//!
//! rustls' own client verifier refuses the host's certificate, which is self-signed and marked as a CA, so this
//! module brings its own. What it must never leave out is the check of the signature: without it anybody who has
//! seen the certificate could connect.

use std::sync::{Arc, LazyLock};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SignatureVerificationAlgorithm, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use super::p521::EcdsaP521Sha512;

/// What proves to the host that it talks to the process it started.
pub(super) struct ServerIdentity {
    /// DER, for the handshake line.
    pub(super) certificate: CertificateDer<'static>,
    /// Accepts connections of that host only.
    pub(super) acceptor: TlsAcceptor,
}

/// Why there is no identity.
#[derive(Debug, Error)]
pub(super) enum TlsError {
    #[error("cannot generate a certificate for the connection with the host: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot set up TLS for the connection with the host: {0}")]
    Configuration(#[from] rustls::Error),
}

impl ServerIdentity {
    /// A fresh key, which never leaves memory, for a host that presents `client_certificate`.
    pub(super) fn generate(client_certificate: &CertificateDer<'static>) -> Result<Self, TlsError> {
        let (certificate, key) = self_signed()?;
        let verifier = PinnedClient { certificate: client_certificate.clone(), algorithms: algorithms() };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![certificate.clone()], key)?;
        // Newer hosts insist on it.
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Nobody resumes a session with a process that serves one command.
        config.send_tls13_tickets = 0;
        Ok(Self { certificate, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// Back-dated, since clocks may step; the host knows us as `localhost`.
fn self_signed() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    let today = chrono::Utc::now().date_naive();
    let day = |date: chrono::NaiveDate| {
        use chrono::Datelike as _;
        let small = |number| u8::try_from(number).unwrap_or(1);
        date_time_ymd(date.year(), small(date.month()), small(date.day()))
    };
    params.not_before = day(today - chrono::Days::new(1));
    params.not_after = day(today + chrono::Months::new(12 * 10));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Lets in who holds the key of exactly this certificate.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if end_entity == &self.certificate && intermediates.is_empty() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

type Algorithms = Vec<&'static dyn SignatureVerificationAlgorithm>;
type Mapping = Vec<(SignatureScheme, &'static [&'static dyn SignatureVerificationAlgorithm])>;

/// What ring verifies, and P-521.
fn algorithms() -> WebPkiSupportedAlgorithms {
    static P521: &[&dyn SignatureVerificationAlgorithm] = &[&EcdsaP521Sha512];
    static WITH_P521: LazyLock<(Algorithms, Mapping)> = LazyLock::new(|| {
        let ring = ring::default_provider().signature_verification_algorithms;
        let all = [ring.all, P521].concat();
        let p521 = (SignatureScheme::ECDSA_NISTP521_SHA512, P521);
        (all, [ring.mapping, &[p521]].concat())
    });
    WebPkiSupportedAlgorithms { all: &WITH_P521.0, mapping: &WITH_P521.1 }
}
