//! Telling whether a login has changed, without keeping anything of it.

use std::fmt;

use ring::{digest, hmac};

/// A keyed hash of everything that a login sends, cut down to 24 bits, with its key.
///
/// It stands in Vault's metadata, which more people may read than secrets. Another login has another fingerprint
/// but for one case in 16 million, which is enough to see that somebody changed it. But of all passwords that
/// could be guessed, one in 16 million has it too: whoever has the fingerprint cannot tell a right guess from the
/// many wrong ones that fit as well. That holds as long as nobody sees two of one login: the key is always the same for
/// a credential, whoever makes the fingerprint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint {
    salt: Salt,
    hash: [u8; HASH],
}

impl Fingerprint {
    /// The fingerprint of this material.
    pub fn of(salt: Salt, material: &[u8]) -> Self {
        Fingerprint { salt, hash: hash(salt, material) }
    }

    /// Whether it is that of this material.
    pub fn fits(&self, material: &[u8]) -> bool {
        hash(self.salt, material) == self.hash
    }

    /// Reads `SALT:FINGERPRINT`. `None` if it is nothing of that kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (salt, hash) = text.split_once(':')?;
        Some(Fingerprint { salt: Salt(from_hex(salt)?), hash: from_hex(hash)? })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.salt.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(":")?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The key of all fingerprints of a credential. It is no secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Salt([u8; SALT]);

impl Salt {
    /// By what a credential is named for everybody.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for name in names {
            context.update(name.as_bytes());
            context.update(b"\0");
        }
        Salt(cut(context.finish().as_ref()))
    }
}

/// Those of the last logins that failed, the latest at the end: few enough to be noted, and more than one so that
/// logins that take turns are not sent again each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fingerprints(Vec<Fingerprint>);

impl Fingerprints {
    /// Whether one of them is that of this material.
    pub fn fit(&self, material: &[u8]) -> bool {
        self.0.iter().any(|fingerprint| fingerprint.fits(material))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds that of this material, or makes the one that is there the latest: former versions chose another salt each
    /// time. The oldest makes room for it.
    pub fn add(&mut self, salt: Salt, material: &[u8]) {
        let known = self.0.iter().find(|known| known.fits(material)).copied();
        self.0.retain(|other| !other.fits(material));
        self.0.push(known.unwrap_or_else(|| Fingerprint::of(salt, material)));
        self.keep_the_latest();
    }

    /// These, and then later ones.
    #[must_use]
    pub fn and(mut self, later: &Fingerprints) -> Self {
        self.0.retain(|fingerprint| !later.0.contains(fingerprint));
        self.0.extend(&later.0);
        self.keep_the_latest();
        self
    }

    /// Reads fingerprints with commas between them. Whatever is nothing of that kind is left out.
    pub fn parse(text: &str) -> Self {
        let mut fingerprints = Fingerprints(text.split(',').filter_map(Fingerprint::parse).collect());
        fingerprints.keep_the_latest();
        fingerprints
    }

    fn keep_the_latest(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(KEPT));
    }
}

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fingerprint) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            fingerprint.fmt(f)?;
        }
        Ok(())
    }
}

fn hash(salt: Salt, material: &[u8]) -> [u8; HASH] {
    cut(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt.0), material).as_ref())
}

fn cut<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut cut = [0; N];
    cut.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    cut
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
const KEPT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn salt() -> Salt {
        Salt::of(["zettelstore", "anna"])
    }

    #[test]
    fn a_fingerprint_fits_its_material_only_and_survives_writing() {
        let fingerprint = Fingerprint::of(salt(), b"anna\0hunter2");
        let read = Fingerprint::parse(&fingerprint.to_string()).unwrap();
        assert_eq!(read, fingerprint);
        assert!(read.fits(b"anna\0hunter2"));
        assert!(!read.fits(b"anna\0hunter3"));
    }

    #[test]
    fn it_is_short_and_always_the_same_for_one_login_of_one_credential() {
        let of = |name| Fingerprint::of(Salt::of([name]), b"x");
        assert_eq!(of("anna"), of("anna"));
        assert_ne!(of("anna").hash, of("ben").hash);
        assert_eq!(of("anna").to_string().len(), 32 + 1 + 6);
        assert_ne!(Salt::of(["a", "b"]), Salt::of(["ab"]));
    }

    #[test]
    fn a_login_that_is_refused_again_shows_nothing_new() {
        for noted in [Fingerprint::of(salt(), b"x"), Fingerprint::of(Salt([7; SALT]), b"x")] {
            let mut fingerprints = Fingerprints::parse(&noted.to_string());
            fingerprints.add(salt(), b"x");
            assert_eq!(fingerprints.to_string(), noted.to_string());
        }
    }

    #[test]
    fn its_text_stays_the_same_in_every_version() {
        let noted = Fingerprint::parse("00000000000000000000000000000000:3cb45e").unwrap();
        assert!(noted.fits(b"anna"));
    }

    #[test]
    fn the_last_four_are_kept_each_once_and_survive_writing() {
        let mut fingerprints = Fingerprints::default();
        for material in [b"a", b"b", b"c", b"b", b"d", b"e", b"e"] {
            fingerprints.add(salt(), material);
        }
        let read = Fingerprints::parse(&fingerprints.to_string());
        assert_eq!(read, fingerprints);
        assert_eq!(read.to_string().len(), 4 * 39 + 3);
        let fit = [b"a", b"b", b"c", b"d", b"e"].map(|material| read.fit(material));
        assert_eq!(fit, [false, true, true, true, true]);
    }

    #[test]
    fn what_two_know_is_put_together_and_the_latest_stay() {
        let of = |materials: &[&[u8]]| {
            let mut fingerprints = Fingerprints::default();
            for material in materials {
                fingerprints.add(salt(), material);
            }
            fingerprints
        };
        let earlier = of(&[b"a", b"b", b"c"]);
        let later = Fingerprints::default().and(&earlier).and(&of(&[b"d", b"e"]));
        let all = earlier.and(&later);
        assert_eq!(all, later);
        assert!(!all.fit(b"a") && all.fit(b"b") && all.fit(b"e"));
    }

    #[test]
    fn one_fingerprint_is_read_as_former_versions_noted_it() {
        let noted = Fingerprint::of(salt(), b"anna").to_string();
        assert!(Fingerprints::parse(&noted).fit(b"anna"));
        assert!(Fingerprints::parse(&format!("x,{noted},:")).fit(b"anna"));
        assert!(Fingerprints::parse("").is_empty());
    }

    #[test]
    fn garbage_is_no_fingerprint() {
        for text in ["", ":", "00:11", "zz000000000000000000000000000000:8c6efc", "é:é", &"0".repeat(39)] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
