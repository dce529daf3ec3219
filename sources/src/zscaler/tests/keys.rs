//! Keys to sign with, made while the tests run.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::OsRng;

/// One key for all tests: making it takes a while.
fn key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

/// It in the form that most tools write today.
pub(super) fn pkcs8() -> String {
    pem("PRIVATE KEY", key().to_pkcs8_der().unwrap().as_bytes())
}

/// It in the older form.
pub(super) fn pkcs1() -> String {
    pem("RSA PRIVATE KEY", key().to_pkcs1_der().unwrap().as_bytes())
}

pub(super) fn short() -> String {
    let key = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
    pem("PRIVATE KEY", key.to_pkcs8_der().unwrap().as_bytes())
}

pub(super) fn elliptic() -> String {
    pem("PRIVATE KEY", &rcgen::KeyPair::generate().unwrap().serialize_der())
}

/// The public half in the form that signatures are checked with.
pub(super) fn public() -> Vec<u8> {
    use rsa::pkcs1::EncodeRsaPublicKey;
    key().to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec()
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> = STANDARD
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
