//! An RSA key for examples and tests. It is made from two neighbouring primes, so that everybody can take it apart,
//! and reckoned anew each time, so that no key has to be kept in a file.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rsa::PublicKeyComponents;
use ring::signature::RSA_PKCS1_2048_8192_SHA256;
use tokenferry_leaks::note_secret;

/// The key with which clients of the sandbox may sign, of 2048 bits.
#[derive(Clone)]
pub struct ExampleKey {
    modulus: Number,
    pkcs1: Vec<u8>,
}

impl ExampleKey {
    /// The key. There is only one.
    #[expect(clippy::new_without_default, reason = "it is no default for anything")]
    pub fn new() -> Self {
        let (p, q) = (below_2_1024(105), below_2_1024(179));
        let (p1, q1) = (below_2_1024(106), below_2_1024(180));
        let modulus = product(&p, &q);
        // As q is p - 74, the inverse of q modulo p is p less that of 74.
        let coefficient = difference(&p, &inverse(74, &p));
        let numbers = [
            modulus.clone(),
            vec![EXPONENT],
            inverse(EXPONENT, &product(&p1, &q1)),
            p,
            q,
            inverse(EXPONENT, &p1),
            inverse(EXPONENT, &q1),
            coefficient,
        ];
        let integers: Vec<u8> = numbers.iter().flat_map(|number| der_integer(number)).collect();
        let pkcs1 = der(0x30, &[&[0x02, 0x01, 0x00], integers.as_slice()].concat());
        Self { modulus, pkcs1 }
    }

    /// The private key in PKCS#8 form, as PEM.
    pub fn pkcs8_pem(&self) -> String {
        // Version 0, then rsaEncryption with its empty parameters (RFC 8017, appendix A.1).
        const HEAD: [u8; 18] = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        pem("PRIVATE KEY", &der(0x30, &[HEAD.as_slice(), &der(0x04, &self.pkcs1)].concat()))
    }

    /// The private key in PKCS#1 form, as PEM.
    pub fn pkcs1_pem(&self) -> String {
        pem("RSA PRIVATE KEY", &self.pkcs1)
    }

    /// Whether this key signed the text, by RS256.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        let public = PublicKeyComponents { n: bytes(&self.modulus), e: bytes(&[EXPONENT]) };
        public.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok()
    }
}

impl fmt::Debug for ExampleKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ExampleKey").finish_non_exhaustive()
    }
}

/// An integer, the least digit first.
type Number = Vec<u32>;

/// A small number below 2 to the power of 1024.
fn below_2_1024(less: u32) -> Number {
    let mut number = vec![u32::MAX; 32];
    number[0] -= less - 1;
    number
}

fn product(a: &[u32], b: &[u32]) -> Number {
    let mut sum = vec![0; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, y) in b.iter().chain(&[0]).enumerate() {
            let total = u64::from(*x) * u64::from(*y) + u64::from(sum[i + j]) + carry;
            sum[i + j] = low(total);
            carry = total >> 32;
        }
    }
    sum
}

fn difference(a: &[u32], b: &[u32]) -> Number {
    let mut borrow = 0;
    let less = |(i, x): (usize, &u32)| {
        let total = i64::from(*x) - i64::from(b.get(i).copied().unwrap_or_default()) - borrow;
        borrow = i64::from(total < 0);
        low(total.rem_euclid(1 << 32).unsigned_abs())
    };
    a.iter().enumerate().map(less).collect()
}

/// The inverse of a small number: (1 + k·modulus) / small, with the k that leaves no rest.
fn inverse(small: u32, modulus: &[u32]) -> Number {
    let rest = divided(modulus, small).1;
    let fits = |k: &u32| (u64::from(*k) * u64::from(rest) + 1).is_multiple_of(u64::from(small));
    let k = (1..small).find(fits).unwrap_or_default();
    let mut multiple = product(modulus, &[k]);
    // It is the same numbers each time, and none of them carries here.
    multiple[0] += 1;
    divided(&multiple, small).0
}

fn divided(number: &[u32], small: u32) -> (Number, u32) {
    let mut rest = 0;
    let mut quotient = vec![0; number.len()];
    for (digit, place) in number.iter().zip(&mut quotient).rev() {
        let total = (rest << 32) | u64::from(*digit);
        *place = low(total / u64::from(small));
        rest = total % u64::from(small);
    }
    (quotient, low(rest))
}

fn low(number: u64) -> u32 {
    (number & u64::from(u32::MAX)) as u32
}

/// Big-endian, without leading zeros.
fn bytes(number: &[u32]) -> Vec<u8> {
    number.iter().rev().flat_map(|digit| digit.to_be_bytes()).skip_while(|byte| *byte == 0).collect()
}

fn der_integer(number: &[u32]) -> Vec<u8> {
    let bytes = bytes(number);
    let sign = bytes.first().is_some_and(|first| *first >= 0x80).then_some(0);
    der(0x02, &sign.into_iter().chain(bytes).collect::<Vec<u8>>())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = bytes(&[u32::try_from(content.len()).unwrap_or(u32::MAX)]);
    let prefix = match length.as_slice() {
        [short] if *short < 0x80 => Vec::new(),
        long => vec![0x80 | u8::try_from(long.len()).unwrap_or_default()],
    };
    [vec![tag], prefix, length, content.to_vec()].concat()
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let pem = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"));
    // A folder that cannot be written into is told by the first request.
    drop(note_secret("private key", &pem));
    pem
}

const EXPONENT: u32 = 65_537;
