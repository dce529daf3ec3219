//! JSON Web Tokens that prove a login by a private key (RFC 7523).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

/// A private key that signs assertions, by RS256 or ES256 as it is an RSA or a P-256 key.
#[derive(Debug)]
pub(crate) struct Signer(Key);

#[derive(Debug)]
enum Key {
    Rsa(Box<KeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// Why a text is no key to sign with. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum KeyError {
    #[error(
        "it is not a private key in PEM form, which begins with a line such as `-----BEGIN PRIVATE KEY-----`"
    )]
    NotPem,
    #[error("its key is encrypted; take the passphrase off, for example with `openssl pkcs8 -in key.pem`")]
    Encrypted,
    #[error(
        "its form is not supported; bring it into PKCS#8 form, for example with `openssl pkcs8 -topk8 -nocrypt -in \
         key.pem`"
    )]
    Form,
    #[error("it is neither a usable RSA key of 2048 to 4096 bits nor an EC key on the curve P-256")]
    Unusable,
}

/// There was no randomness to sign with.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("this machine gave no random numbers to sign with")]
pub(crate) struct NotSigned;

impl Signer {
    /// Reads a key in PEM form: PKCS#8, or PKCS#1 for RSA. Line breaks may be written as `\n`, as in variables.
    pub(crate) fn parse(pem: &SecretString) -> Result<Self, KeyError> {
        let pem = Zeroizing::new(pem.expose_secret().replace("\\n", "\n"));
        if pem.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let key = match &key {
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).map(rsa),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                KeyPair::from_pkcs8(der).map(rsa).or_else(|_| p256(der))
            }
            _ => return Err(KeyError::Form),
        };
        key.map(Signer).map_err(|_| KeyError::Unusable)
    }

    /// A signed token with these claims, and with the id of the key if there is one.
    pub(crate) fn sign(&self, claims: &Value, key_id: Option<&str>) -> Result<SecretString, NotSigned> {
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = Zeroizing::new(format!("{}.{}", part(&header), part(claims)));
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token.as_str().into())
    }

    fn algorithm(&self) -> &'static str {
        match self.0 {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
        }
    }

    fn signature(&self, text: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let random = SystemRandom::new();
        match &self.0 {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).map_err(|_| NotSigned)?;
                Ok(signature)
            }
            Key::P256(key) => {
                key.sign(&random, text).map(|signature| signature.as_ref().to_vec()).map_err(|_| NotSigned)
            }
        }
    }
}

fn rsa(key: KeyPair) -> Key {
    Key::Rsa(Box::new(key))
}

fn p256(der: &[u8]) -> Result<Key, ring::error::KeyRejected> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())?;
    Ok(Key::P256(Box::new(key)))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};
    use tokenferry_sandbox::ExampleKey;

    use super::*;

    fn pem(kind: &str, der: &[u8]) -> SecretString {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der)).into()
    }

    fn parts(token: &SecretString) -> (String, Value, Value, Vec<u8>) {
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        (signed.to_owned(), part(header), part(claims), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn an_rsa_key_signs_by_rs256_in_whatever_form_it_is_given() {
        let example = ExampleKey::new();
        let (pkcs8, pkcs1) = (example.pkcs8_pem(), example.pkcs1_pem());
        let in_variable = pkcs8.replace('\n', "\\n");
        for pem in [&pkcs8, &pkcs1, &in_variable] {
            let key = Signer::parse(&pem.as_str().into()).unwrap();
            let token = key.sign(&json!({ "sub": "anna" }), None).unwrap();
            let (signed, header, claims, signature) = parts(&token);
            assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT" }));
            assert_eq!(claims, json!({ "sub": "anna" }));
            assert!(example.verifies(signed.as_bytes(), &signature));
            assert!(!example.verifies(b"something else", &signature));
        }
    }

    #[test]
    fn a_p256_key_signs_by_es256_and_may_have_an_id() {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let public = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &SystemRandom::new()).unwrap();
        let key = Signer::parse(&pem("PRIVATE KEY", der.as_ref())).unwrap();
        let (signed, header, _, signature) = parts(&key.sign(&json!({}), Some("k1")).unwrap());
        assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.public_key().as_ref());
        assert_eq!(public.verify(signed.as_bytes(), &signature), Ok(()));
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_reason() {
        let cases = [
            ("hunter2".into(), KeyError::NotPem),
            (pem("CERTIFICATE", b"hunter2"), KeyError::NotPem),
            (pem("PRIVATE KEY", b"hunter2"), KeyError::Unusable),
            (pem("EC PRIVATE KEY", b"hunter2"), KeyError::Form),
            (pem("ENCRYPTED PRIVATE KEY", b"hunter2"), KeyError::Encrypted),
        ];
        for (pem, reason) in cases {
            let error = Signer::parse(&pem).unwrap_err();
            assert_eq!(error, reason);
            assert!(!error.to_string().contains("hunter2") && error.to_string().ends_with(|c| c != '.'));
        }
    }

    #[test]
    fn debug_hides_the_key() {
        let signer = Signer::parse(&ExampleKey::new().pkcs8_pem().into()).unwrap();
        let all = format!("{signer:?}");
        assert!(all.contains("Rsa") && !all.contains("d:") && all.len() < 3000, "{all}");
    }
}
