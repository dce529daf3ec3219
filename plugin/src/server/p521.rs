//! ECDSA over P-521 for rustls with ring.
//!
//! Terraform's certificate has a P-521 key, which ring cannot verify. aws-lc-rs can, but costs tens of milliseconds
//! in every process, and three processes make one plan. So this one algorithm comes from the crate `p521`.

use p521::ecdsa::{Signature, VerifyingKey};
use p521::elliptic_curve::PrimeField as _;
use p521::elliptic_curve::ops::{Invert as _, Reduce as _};
use p521::elliptic_curve::point::{AffineCoordinates as _, Double as _};
use p521::{FieldBytes, ProjectivePoint, Scalar};
use ring::digest::{SHA512, digest};
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
        if holds(&key, message, &signature) { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

/// The equation of ECDSA (FIPS 186-5, section 6.4.2), with numbers and points that the crate has checked. Its own
/// verification takes twice as long: it doubles for each product on its own, and hides from a clock what is public here.
fn holds(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
    let (r, s) = signature.split_scalars();
    let s_inverse = *s.invert_vartime();
    let sum = sum_of_products(
        &(ProjectivePoint::GENERATOR, hashed(message) * s_inverse),
        &(ProjectivePoint::from(*key.as_affine()), *r * s_inverse),
    );
    // The point at infinity has 0 here, which r is not.
    Scalar::reduce_bytes(&sum.to_affine().x()) == *r
}

/// The hash is shorter than a scalar.
fn hashed(message: &[u8]) -> Scalar {
    let hash = digest(&SHA512, message);
    let mut bytes = FieldBytes::default();
    let zeros = bytes.len() - hash.as_ref().len();
    bytes[zeros..].copy_from_slice(hash.as_ref());
    Scalar::reduce_bytes(&bytes)
}

/// Four bits of both numbers at a time, so that the doublings are done once for the two.
fn sum_of_products(one: &(ProjectivePoint, Scalar), other: &(ProjectivePoint, Scalar)) -> ProjectivePoint {
    let (ones, others) = (multiples(one.0), multiples(other.0));
    let mut sum = ProjectivePoint::IDENTITY;
    for (one, other) in one.1.to_repr().into_iter().zip(other.1.to_repr()) {
        for shift in [4, 0] {
            sum = sum.double().double().double().double();
            sum += ones[usize::from(one >> shift & 0xf)];
            sum += others[usize::from(other >> shift & 0xf)];
        }
    }
    sum
}

/// From nothing to fifteen times the point.
fn multiples(point: ProjectivePoint) -> [ProjectivePoint; 16] {
    let mut multiples = [ProjectivePoint::IDENTITY; 16];
    for times in 1..multiples.len() {
        multiples[times] = multiples[times - 1] + point;
    }
    multiples
}

#[cfg(test)]
mod tests {
    use p521::NonZeroScalar;
    use p521::ecdsa::SigningKey;
    use p521::ecdsa::signature::{Signer as _, Verifier as _};
    use p521::elliptic_curve::rand_core::OsRng;

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

    #[test]
    fn whatever_the_key_and_the_numbers_the_crate_would_say_the_same() {
        for round in 0_u8..4 {
            let key = SigningKey::random(&mut OsRng);
            let public = VerifyingKey::from(&key);
            let good: Signature = key.sign(&[round]);
            let (r, s) = (good.r(), good.s());
            let foreign = NonZeroScalar::random(&mut OsRng);
            let negated = Signature::from_scalars(r, -s).unwrap();
            let replaced_r = Signature::from_scalars(foreign, s).unwrap();
            let replaced_s = Signature::from_scalars(r, foreign).unwrap();
            for (signature, expected) in
                [(good, true), (negated, true), (replaced_r, false), (replaced_s, false)]
            {
                assert_eq!(holds(&public, &[round], &signature), expected);
                assert_eq!(public.verify(&[round], &signature).is_ok(), expected);
                assert!(!holds(&public, &[round, 1], &signature));
            }
        }
    }

    #[test]
    fn products_are_added_as_the_crate_adds_them() {
        let point = || ProjectivePoint::GENERATOR * *NonZeroScalar::random(&mut OsRng);
        for (one, other) in [
            (Scalar::ZERO, Scalar::ZERO),
            (Scalar::ZERO, Scalar::ONE),
            (-Scalar::ONE, Scalar::ONE),
            (-Scalar::ONE, -Scalar::ONE),
            (*NonZeroScalar::random(&mut OsRng), *NonZeroScalar::random(&mut OsRng)),
        ] {
            let (p, q) = (point(), point());
            assert_eq!(sum_of_products(&(p, one), &(q, other)), p * one + q * other);
            assert_eq!(sum_of_products(&(p, one), &(p, other)), p * (one + other));
        }
    }
}
