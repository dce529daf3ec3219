//! Telling whether a login has changed, without keeping anything of it.

use std::fmt;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// A keyed hash of everything that a login sends, cut down to 24 bits, with its random key.
///
/// It stands in Vault's metadata, which more people may read than secrets. Another login has another fingerprint
/// but for one case in 16 million, which is enough to see that somebody changed it. But of all passwords that
/// could be guessed, one in 16 million has it too: whoever has the fingerprint cannot tell a right guess from the
/// many wrong ones that fit as well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint {
    salt: [u8; SALT],
    hash: [u8; HASH],
}

impl Fingerprint {
    /// The fingerprint of this material, with a new salt. `None` if the machine has no randomness.
    pub fn of(material: &[u8]) -> Option<Self> {
        let mut salt = [0; SALT];
        SystemRandom::new().fill(&mut salt).ok()?;
        Some(Fingerprint { salt, hash: hash(salt, material) })
    }

    /// Whether it is that of this material.
    pub fn fits(&self, material: &[u8]) -> bool {
        hash(self.salt, material) == self.hash
    }

    /// Reads `SALT:FINGERPRINT`. `None` if it is nothing of that kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (salt, hash) = text.split_once(':')?;
        Some(Fingerprint { salt: from_hex(salt)?, hash: from_hex(hash)? })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.salt.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(":")?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hash(salt: [u8; SALT], material: &[u8]) -> [u8; HASH] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt), material);
    let mut hash = [0; HASH];
    hash.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

const SALT: usize = 16;
const HASH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_fits_its_material_only_and_survives_writing() {
        let fingerprint = Fingerprint::of(b"anna\0hunter2").unwrap();
        let read = Fingerprint::parse(&fingerprint.to_string()).unwrap();
        assert_eq!(read, fingerprint);
        assert!(read.fits(b"anna\0hunter2"));
        assert!(!read.fits(b"anna\0hunter3"));
    }

    #[test]
    fn it_is_short_and_never_the_same_twice() {
        let (one, other) = (Fingerprint::of(b"x").unwrap(), Fingerprint::of(b"x").unwrap());
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(one.to_string().len(), 32 + 1 + 6);
    }

    #[test]
    fn its_text_stays_the_same_in_every_version() {
        let noted = Fingerprint::parse("00000000000000000000000000000000:3cb45e").unwrap();
        assert!(noted.fits(b"anna"));
    }

    #[test]
    fn garbage_is_no_fingerprint() {
        for text in ["", ":", "00:11", "zz000000000000000000000000000000:8c6efc", "é:é", &"0".repeat(39)] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
