//! Private keys in PEM form, and why a text is none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use thiserror::Error;
use zeroize::Zeroizing;

/// A key that signs, by RS256 or ES256.
#[derive(Debug)]
pub(super) enum Key {
    Rsa(Box<KeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// Why a text is no key to sign with. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum KeyError {
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
    #[error("it is not an RSA key, and only such keys are accepted here")]
    NotRsa,
    #[error("it is a certificate or a public key; the private key is needed")]
    Public,
    #[error("it is longer than 4096 bits, which cannot be used here")]
    TooLong,
    #[error("it is shorter than 2048 bits, which is not safe")]
    TooShort,
    #[error(
        "it is neither an RSA key nor an EC key on the curve P-256 in PKCS#8 form; \"openssl pkey -in FILE\" writes \
         that form"
    )]
    Unsupported,
}

impl Key {
    /// Reads the first private key of a PEM text. Line breaks may be written as `\n`: variables of build systems often
    /// hold the two characters instead.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        let text = Zeroizing::new(text.replace("\\n", "\n"));
        let (label, der) = private_key(&text)?;
        let parsed = match label {
            "RSA PRIVATE KEY" => KeyPair::from_der(&der),
            _ => KeyPair::from_pkcs8(&der),
        };
        match parsed {
            Ok(key) => Ok(Key::Rsa(Box::new(key))),
            Err(error) => match error.to_string().as_str() {
                "TooSmall" => Err(KeyError::TooShort),
                "TooLarge" => Err(KeyError::TooLong),
                "WrongAlgorithm" => p256(&der),
                _ => Err(KeyError::Malformed),
            },
        }
    }
}

fn p256(der: &[u8]) -> Result<Key, KeyError> {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
    key.map(|key| Key::P256(Box::new(key))).map_err(|_| KeyError::Unsupported)
}

/// The first private key of a PEM text: its label and its bytes.
fn private_key(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    let begins = || text.split("-----BEGIN ").skip(1);
    let Some(block) = begins().find(|block| label(block).is_some_and(|label| label.ends_with("PRIVATE KEY")))
    else {
        return Err(match begins().next() {
            Some(_) => KeyError::Public,
            None if text.trim_start().starts_with('{') => KeyError::Jwk,
            None => KeyError::NotPem,
        });
    };
    let label = label(block).unwrap_or_default();
    if label == "ENCRYPTED PRIVATE KEY" || block.contains("4,ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    if !matches!(label, "PRIVATE KEY" | "RSA PRIVATE KEY") {
        return Err(KeyError::Unsupported);
    }
    let (_, rest) = block.split_once("-----").ok_or(KeyError::Malformed)?;
    let (body, _) = rest.split_once("-----END ").ok_or(KeyError::Malformed)?;
    let body = Zeroizing::new(body.split_whitespace().collect::<String>());
    let der = STANDARD.decode(body.as_bytes()).map_err(|_| KeyError::Malformed)?;
    Ok((label, Zeroizing::new(der)))
}

fn label(block: &str) -> Option<&str> {
    block.split_once("-----").map(|(label, _)| label)
}
