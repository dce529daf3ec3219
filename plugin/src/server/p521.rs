//! ECDSA over P-521 for rustls with ring.
//!
//! Terraform's certificate has a P-521 key, which ring cannot verify. aws-lc-rs can, but costs tens of milliseconds
//! in every process, and three processes make one plan. So this one algorithm comes from the crate `p521`.

use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature, VerifyingKey};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// Verifies ECDSA signatures with P-521 and SHA-512.
#[derive(Debug)]
pub(super) struct EcdsaP521Sha512;

impl SignatureVerificationAlgorithm for EcdsaP521Sha512 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

#[cfg(test)]
mod tests {
    use p521::ecdsa::SigningKey;
    use p521::ecdsa::signature::Signer as _;

    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let key = SigningKey::from_slice(&[[0; 2].as_slice(), &[7; 64]].concat()).unwrap();
        let public = VerifyingKey::from(&key).to_encoded_point(false);
        let signature: Signature = key.sign(b"message");
        let der = signature.to_der();
        let verify = |key: &[u8], message: &[u8], signature: &[u8]| {
            EcdsaP521Sha512.verify_signature(key, message, signature).is_ok()
        };
        assert!(verify(public.as_bytes(), b"message", der.as_bytes()));
        assert!(!verify(public.as_bytes(), b"massage", der.as_bytes()));
        assert!(!verify(&public.as_bytes()[1..], b"message", der.as_bytes()));
        assert!(!verify(public.as_bytes(), b"message", &der.as_bytes()[1..]));
    }
}
