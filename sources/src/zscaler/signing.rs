//! The private key of an API client, and the assertions that it signs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use secrecy::SecretString;
use serde_json::json;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Timestamp;

/// An RSA key that signs.
pub(super) struct SigningKey(KeyPair);

/// Why a text is no key to sign with. The text itself is not repeated.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum SigningKeyError {
    #[error(
        "it is encrypted; give it without its passphrase, for example as written by \"openssl pkey -in FILE\""
    )]
    Encrypted,
    #[error("it is a key in JSON form (JWK); convert it to PEM")]
    Jwk,
    #[error("it is damaged: what stands between its first and last line is not a key in this form")]
    Malformed,
    #[error(
        "it is not a private key in PEM form, which begins with \"-----BEGIN PRIVATE KEY-----\" or \
         \"-----BEGIN RSA PRIVATE KEY-----\"; give the text of the file, not its path"
    )]
    NotPem,
    #[error("it is not an RSA key; ZIdentity needs one")]
    NotRsa,
    #[error("it is a certificate or a public key; the private key is needed")]
    Public,
    #[error("it is longer than 4096 bits, which cannot be used here")]
    TooLong,
    #[error("it is shorter than 2048 bits, which ZIdentity does not accept")]
    TooShort,
}

impl SigningKey {
    pub(super) fn parse(text: &str) -> Result<Self, SigningKeyError> {
        // Variables of build systems often hold the two characters instead of the line break.
        let text = Zeroizing::new(text.replace("\\n", "\n"));
        let (label, der) = private_key(&text)?;
        let parsed = match label {
            "PRIVATE KEY" => KeyPair::from_pkcs8(&der),
            _ => KeyPair::from_der(&der),
        };
        parsed.map(SigningKey).map_err(|error| match error.to_string().as_str() {
            "TooSmall" => SigningKeyError::TooShort,
            "TooLarge" => SigningKeyError::TooLong,
            "WrongAlgorithm" => SigningKeyError::NotRsa,
            _ => SigningKeyError::Malformed,
        })
    }

    /// What proves for ten minutes that the client asks.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, now: Timestamp) -> SecretString {
        let random = SystemRandom::new();
        let mut id = [0; 16];
        // A source of randomness that fails here fails the signature below, too.
        drop(random.fill(&mut id));
        let now = now.timestamp();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": audience,
            "iat": now, "exp": now + LIFE_SECS, "jti": URL_SAFE_NO_PAD.encode(id),
        });
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.0.public().modulus_len()];
        // It can fail only for want of randomness; the issuer then refuses the zeros.
        drop(self.0.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} bits)", self.0.public().modulus_len() * 8)
    }
}

/// The first private key of a PEM text: its label and its bytes.
fn private_key(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), SigningKeyError> {
    let begins = || text.split("-----BEGIN ").skip(1);
    let Some(block) = begins().find(|block| label(block).is_some_and(|label| label.ends_with("PRIVATE KEY")))
    else {
        return Err(match begins().next() {
            Some(_) => SigningKeyError::Public,
            None if text.trim_start().starts_with('{') => SigningKeyError::Jwk,
            None => SigningKeyError::NotPem,
        });
    };
    let label = label(block).unwrap_or_default();
    if label == "ENCRYPTED PRIVATE KEY" || block.contains("4,ENCRYPTED") {
        return Err(SigningKeyError::Encrypted);
    }
    if !matches!(label, "PRIVATE KEY" | "RSA PRIVATE KEY") {
        return Err(SigningKeyError::NotRsa);
    }
    let (_, rest) = block.split_once("-----").ok_or(SigningKeyError::Malformed)?;
    let (body, _) = rest.split_once("-----END ").ok_or(SigningKeyError::Malformed)?;
    let body = Zeroizing::new(body.split_whitespace().collect::<String>());
    let der = STANDARD.decode(body.as_bytes()).map_err(|_| SigningKeyError::Malformed)?;
    Ok((label, Zeroizing::new(der)))
}

fn label(block: &str) -> Option<&str> {
    block.split_once("-----").map(|(label, _)| label)
}

const LIFE_SECS: i64 = 600;
