//! JSON Web Tokens that prove a login by a private key (RFC 7523).

mod key;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::RSA_PKCS1_SHA256;
use secrecy::SecretString;
use serde_json::{Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

pub(crate) use self::key::KeyError;

use self::key::Key;
use crate::Timestamp;

/// A private key that signs assertions, by RS256 or ES256 as it is an RSA or a P-256 key.
#[derive(Debug)]
pub(crate) struct Signer(Key);

/// What an assertion says (RFC 7523, section 3).
pub(crate) struct Claims<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) life_secs: i64,
}

impl Claims<'_> {
    /// The id makes it one of a kind, as it may be used once only.
    fn to_json(&self, id: &str) -> Value {
        let now = self.now.timestamp();
        json!({
            "iss": self.client_id, "sub": self.client_id, "aud": self.audience,
            "iat": now, "exp": now + self.life_secs, "jti": id,
        })
    }
}

/// There was no randomness to sign with.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("this machine gave no random numbers to sign with")]
pub(crate) struct NotSigned;

impl Signer {
    /// Reads a key in PEM form: PKCS#8, or PKCS#1 for RSA.
    pub(crate) fn parse(pem: &str) -> Result<Self, KeyError> {
        Key::parse(pem).map(Signer)
    }

    /// The same where only RSA keys are accepted.
    pub(crate) fn parse_rsa(pem: &str) -> Result<Self, KeyError> {
        match Key::parse(pem) {
            Ok(Key::P256(_)) | Err(KeyError::Unsupported) => Err(KeyError::NotRsa),
            key => key.map(Signer),
        }
    }

    /// What proves to an audience that a client asks. The id of the key is named if there is one.
    pub(crate) fn sign(&self, claims: &Claims<'_>, key_id: Option<&str>) -> Result<SecretString, NotSigned> {
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).map_err(|_| NotSigned)?;
        let claims = claims.to_json(&URL_SAFE_NO_PAD.encode(id));
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = Zeroizing::new(format!("{}.{}", part(&header), part(&claims)));
        let signature = self.signature(token.as_bytes(), &random)?;
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

    fn signature(&self, text: &[u8], random: &SystemRandom) -> Result<Vec<u8>, NotSigned> {
        match &self.0 {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, random, text, &mut signature).map_err(|_| NotSigned)?;
                Ok(signature)
            }
            Key::P256(key) => {
                key.sign(random, text).map(|signature| signature.as_ref().to_vec()).map_err(|_| NotSigned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    };
    use secrecy::ExposeSecret;
    use tokenferry_sandbox::ExampleKey;

    use super::*;

    fn pem(kind: &str, der: &[u8]) -> String {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
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
        let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let claims = Claims { client_id: "anna", audience: "https://issuer.example", now, life_secs: 600 };
        let mut ids = std::collections::BTreeSet::new();
        let in_variable = pkcs8.replace('\n', "\\n");
        for pem in [&pkcs8, &pkcs1, &in_variable] {
            let key = Signer::parse(pem).unwrap();
            let token = key.sign(&claims, None).unwrap();
            let (signed, header, said, signature) = parts(&token);
            assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT" }));
            let jti = said["jti"].as_str().unwrap().to_owned();
            assert_eq!(
                said,
                json!({
                    "iss": "anna", "sub": "anna", "aud": "https://issuer.example",
                    "iat": 1_800_000_000, "exp": 1_800_000_600, "jti": jti,
                })
            );
            assert!(ids.insert(jti), "an id is used once");
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
        let claims = Claims { client_id: "a", audience: "b", now: Timestamp::UNIX_EPOCH, life_secs: 300 };
        let (signed, header, _, signature) = parts(&key.sign(&claims, Some("k1")).unwrap());
        assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.public_key().as_ref());
        assert_eq!(public.verify(signed.as_bytes(), &signature), Ok(()));
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_reason() {
        let cases = [
            ("hunter2".to_owned(), KeyError::NotPem),
            (pem("CERTIFICATE", b"hunter2"), KeyError::Public),
            (pem("PRIVATE KEY", b"hunter2"), KeyError::Malformed),
            (pem("EC PRIVATE KEY", b"hunter2"), KeyError::Unsupported),
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
        let signer = Signer::parse(&ExampleKey::new().pkcs8_pem()).unwrap();
        let all = format!("{signer:?}");
        assert!(all.contains("Rsa") && !all.contains("d:") && all.len() < 3000, "{all}");
    }
}
