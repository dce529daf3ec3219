use base64::Engine;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::*;
use crate::{Given, GivenFields, TestClock};

/// `12345678901234567890`, the secret of the RFC, in base32.
const SHA1_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The secrets of RFC 6238, appendix B: the ten digits, repeated up to the length of the hash.
fn rfc(algorithm: Algorithm) -> Totp {
    let length = match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha512 => 64,
    };
    let bytes: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
    let secret = totp_rs::Secret::Raw(bytes).to_encoded().to_string();
    let parameters = Parameters { algorithm: Some(algorithm), digits: Some(8), period: None };
    Totp::parse(&secret.into(), parameters).unwrap()
}

fn parse(secret: &str) -> Result<Totp, TotpError> {
    Totp::parse(&secret.into(), Parameters::default())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn code(totp: &Totp, seconds: i64) -> String {
    totp.code_at(at(seconds)).value.expose_secret().to_owned()
}

#[test]
fn the_codes_are_those_of_the_rfc() {
    let vectors = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (time, sha1, sha256, sha512) in vectors {
        assert_eq!(code(&rfc(Algorithm::Sha1), time), sha1, "{time}");
        assert_eq!(code(&rfc(Algorithm::Sha256), time), sha256, "{time}");
        assert_eq!(code(&rfc(Algorithm::Sha512), time), sha512, "{time}");
    }
}

#[test]
fn shorter_codes_are_the_end_of_longer_ones() {
    for (digits, expected) in [(6, "287082"), (7, "4287082"), (8, "94287082")] {
        let parameters = Parameters { digits: Some(digits), ..Parameters::default() };
        assert_eq!(code(&Totp::parse(&SHA1_SECRET.into(), parameters).unwrap(), 59), expected);
    }
}

#[test]
fn a_code_holds_from_one_multiple_of_the_period_to_the_next() {
    let totp = parse(SHA1_SECRET).unwrap();
    for (now, from, left) in [(30, 30, 30), (59, 30, 1), (60, 60, 30)] {
        let code = totp.code_at(at(now));
        assert_eq!((code.valid_from, code.expires_at), (at(from), at(from + 30)));
        assert_eq!(code.seconds_left(at(now)), left);
    }
    assert_eq!(totp.code_at(at(59)).seconds_left(at(61)), 0);
    assert_eq!(totp.code_at(at(-5)).valid_from, at(0));
}

#[test]
fn secrets_are_taken_as_people_write_them() {
    let expected = code(&parse(SHA1_SECRET).unwrap(), 59);
    for text in [
        "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
        "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
        "gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq",
        " GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ==== ",
        "otpauth://totp/Example:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example",
        "OTPAUTH://TOTP/anna?secret=gezd+gnbvgy3tqojqgezdgnbvgy3tqojq%3D&image=x&digits=6&period=30&algorithm=sha1",
    ] {
        assert_eq!(code(&parse(text).unwrap(), 59), expected, "{text}");
    }
    // Ten bytes are less than the RFC wants, and what many a service gives.
    assert!(parse("GEZDGNBVGY3TQOJQ").is_ok());
}

#[test]
fn a_uri_says_everything() {
    let uri = format!(
        "otpauth://totp/ACME%20Co:anna%40example.com?secret={SHA1_SECRET}&algorithm=SHA256&digits=8&period=60"
    );
    let totp = parse(&uri).unwrap();
    let same = Parameters {
        algorithm: Some(Algorithm::Sha256),
        digits: Some(8),
        period: Some(Duration::from_mins(1)),
    };
    assert_eq!(code(&totp, 59), code(&Totp::parse(&SHA1_SECRET.into(), same).unwrap(), 59));
    assert_eq!(totp.period(), Duration::from_mins(1));
    let label = Label { issuer: Some("ACME Co".into()), account: Some("anna@example.com".into()) };
    assert_eq!(totp.label(), &label);
    assert!(Totp::parse(&uri.as_str().into(), same).is_ok());
    let other = Parameters { digits: Some(6), ..Parameters::default() };
    assert_eq!(Totp::parse(&uri.into(), other).unwrap_err(), TotpError::Contradiction("digits"));
}

#[test]
fn what_is_no_secret_is_refused_with_its_reason() {
    let uri = |rest: &str| format!("otpauth://totp/anna?{rest}");
    let cases = [
        (String::new(), TotpError::Empty),
        (" ==".to_owned(), TotpError::Empty),
        ("hunter2!".to_owned(), TotpError::NotBase32),
        ("GEZD1NBV".to_owned(), TotpError::NotBase32),
        ("GEZ=DGNB".to_owned(), TotpError::NotBase32),
        ("GEZDGNBVG".to_owned(), TotpError::CutOff),
        ("otpauth:".to_owned(), TotpError::NotUri),
        ("otpauth://hotp/anna?secret=GEZDGNBV&counter=1".to_owned(), TotpError::Hotp),
        ("otpauth://?secret=GEZDGNBV".to_owned(), TotpError::Hotp),
        (uri("issuer=x"), TotpError::WithoutSecret),
        (uri("secret="), TotpError::WithoutSecret),
        (uri("secret=hunter2!"), TotpError::NotBase32),
        (uri("secret=GEZDGNBV&secret=GEZDGNBV"), TotpError::Duplicate("secret")),
        (uri("secret=GEZDGNBV&digits=5"), TotpError::Digits),
        (uri("secret=GEZDGNBV&digits=six"), TotpError::Digits),
        (uri("secret=GEZDGNBV&period=0"), TotpError::Period),
        (uri("secret=GEZDGNBV&period=99999999999999999999"), TotpError::Period),
        (uri("secret=GEZDGNBV&algorithm=MD5"), TotpError::UnknownAlgorithm),
    ];
    for (text, reason) in cases {
        let error = parse(&text).unwrap_err();
        assert_eq!(error, reason, "{text}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("GEZD"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_about_to_end_is_waited_out() {
    let totp = parse(SHA1_SECRET).unwrap();
    // Seconds into the period, seconds wanted, seconds to wait.
    for (now, minimum, wait) in [(0, 30, 0), (20, 10, 0), (21, 10, 9), (29, 0, 0), (1, 30, 29)] {
        let (clock, start) = (TestClock::new(at(now)), Instant::now());
        let code = totp.wait_for(Duration::from_secs(minimum), PATIENT, &clock).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), wait, "{now} {minimum}");
        assert_eq!(code.valid_from, at(if wait == 0 { 0 } else { 30 }));
        assert!(code.seconds_left(clock.now()) + 1 >= minimum, "the sleep may be a moment too long");
        assert_eq!(code.value.expose_secret(), totp.code_at(clock.now()).value.expose_secret());
    }
}

/// Stands still, as a wall clock does that is set back while somebody waits.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_bring_the_old_code_again() {
    let totp = parse(SHA1_SECRET).unwrap();
    let code = totp.wait_for(Duration::from_secs(30), PATIENT, &Stopped(at(59))).await.unwrap();
    assert_eq!(code.valid_from, at(60));
}

#[tokio::test]
async fn nobody_waits_for_more_than_the_period() {
    let totp = parse(SHA1_SECRET).unwrap();
    let minimum = Duration::from_secs(31);
    let error = totp.wait_for(minimum, PATIENT, &Stopped(at(0))).await.unwrap_err();
    assert_eq!(error.to_string(), "a code holds for 30 s only, so there is none with 31 s left");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_fails_at_once_and_says_when_the_next_code_comes() {
    let day = Parameters { period: Some(Duration::from_hours(24)), ..Parameters::default() };
    let totp = Totp::parse(&SHA1_SECRET.into(), day).unwrap();
    let (clock, start) = (TestClock::new(at(86_000)), Instant::now());
    let minimum = Duration::from_secs(500);
    let error = totp.wait_for(minimum, Duration::from_secs(399), &clock).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(error.to_string().contains("1970-01-02T00:00:00Z"), "{error}");
    let code = totp.wait_for(minimum, Duration::from_secs(400), &clock).await.unwrap();
    assert_eq!(code.valid_from, at(86_400));
}

#[test]
fn settings_are_checked_one_by_one_and_together() {
    let given = |values: &[(&str, &str)]| -> GivenFields {
        values.iter().map(|(name, text)| ((*name).to_owned(), Given::from(*text))).collect()
    };
    let good = [("secret", SHA1_SECRET), ("algorithm", "SHA512"), ("digits", "7"), ("period", "1m")];
    assert_eq!(check(&given(&good)), []);
    let totp = from_given(&given(&good)).unwrap();
    assert_eq!((totp.period(), code(&totp, 59).len()), (Duration::from_mins(1), 7));

    let bad = [("secret", "hunter2!"), ("algorithm", "MD5"), ("digits", "9"), ("period", "1500ms")];
    let problems = check(&given(&bad));
    let names: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(names, ["secret", "algorithm", "digits", "period"]);
    assert!(!format!("{problems:?}").contains("hunter2"));

    let uri = format!("otpauth://totp/anna?secret={SHA1_SECRET}&period=60");
    let contradiction = check(&given(&[("secret", &uri), ("period", "30s")]));
    assert_eq!(contradiction[0].field, "period");
    assert_eq!(from_given(&given(&[])).unwrap_err()[0].summary, "Missing `secret`");
    let unknown = GivenFields::from([("secret".to_owned(), Given::Unknown)]);
    assert_eq!(check(&unknown), []);
    assert!(from_given(&unknown).is_err());
}

#[test]
fn debug_shows_neither_secret_nor_code() {
    let totp = parse(SHA1_SECRET).unwrap();
    let code = totp.code_at(at(59));
    let all = format!("{totp:?} {totp:#?} {code:?}");
    let base64 = base64::engine::general_purpose::STANDARD.encode("12345678901234567890");
    for secret in [SHA1_SECRET, "12345678901234567890", "287082", &base64, "49, 50, 51"] {
        assert!(!all.contains(secret), "{all}");
    }
}

const PATIENT: Duration = Duration::from_mins(1);
