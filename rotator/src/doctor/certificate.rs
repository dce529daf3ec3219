//! When a certificate ends: the one fact of it that nobody else here tells.

use tokenferry_sources::Timestamp;

/// The end of an X.509 certificate in DER form; `None` if it is none.
pub(super) fn end(der: &[u8]) -> Option<Timestamp> {
    let mut certificate = Der(Der(der).value(SEQUENCE)?);
    let mut signed = Der(certificate.value(SEQUENCE)?);
    if signed.0.first() == Some(&VERSION) {
        signed.value(VERSION)?;
    }
    for tag in [SERIAL_NUMBER, SEQUENCE, SEQUENCE] {
        signed.value(tag)?;
    }
    let mut validity = Der(signed.value(SEQUENCE)?);
    validity.any()?;
    match validity.any()? {
        (UTC_TIME, text) => {
            let text = std::str::from_utf8(text).ok()?;
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            time(&format!("{century}{text}"))
        }
        (GENERALIZED_TIME, text) => time(std::str::from_utf8(text).ok()?),
        _ => None,
    }
}

/// A time as RFC 5280 wants it: to the second, in UTC.
fn time(text: &str) -> Option<Timestamp> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc())
}

/// Values of DER, one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }
}

const SEQUENCE: u8 = 0x30;
const SERIAL_NUMBER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tokenferry_sources::rfc3339;

    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut parameters = CertificateParams::new(vec!["host.example".to_owned()]).unwrap();
        parameters.not_after = date_time_ymd(year, 2, 3);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        for year in [2027, 2049, 2050, 2101] {
            assert_eq!(
                end(&certificate(year)).map(rfc3339),
                Some(format!("{year}-02-03T00:00:00Z")),
                "{year}"
            );
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(2030);
        // The signature comes last, and nobody needs it.
        for length in 0..whole.len() {
            assert_eq!(end(&whole[..length]), None, "{length}");
        }
        for index in 0..200 {
            let mut spoilt = whole.clone();
            spoilt[index] ^= 0xff;
            let _any = end(&spoilt);
        }
        assert_eq!(end(b"-----BEGIN CERTIFICATE-----"), None);
    }
}
