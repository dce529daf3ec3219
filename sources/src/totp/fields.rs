//! The settings of one account, described once.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Algorithm, Parameters, Totp, TotpError};
use crate::system::check_fields;
use crate::{Field, FieldKind, FieldProblem, Given, GivenFields, parse_duration};

/// The settings of one account, described once.
pub static FIELDS: &[Field] = &[
    Field {
        name: "secret",
        kind: FieldKind::Secret,
        description: "The secret that was shown when two-factor authentication was set up, in base32: blanks, \
                      dashes, lower case and padding do not matter. Or the whole URI behind the QR code, as in \
                      `otpauth://totp/…?secret=…`, which may say the algorithm, the number of digits and the \
                      period, too.",
        default: None,
        environment: None,
        rule: Some(is_secret),
    },
    Field {
        name: "algorithm",
        kind: FieldKind::Choice(&["SHA1", "SHA256", "SHA512"]),
        description: "The hash function: `SHA1`, `SHA256` or `SHA512`. Default `SHA1`, or what the URI says.",
        default: None,
        environment: None,
        rule: None,
    },
    Field {
        name: "digits",
        kind: FieldKind::Choice(&["6", "7", "8"]),
        description: "How many digits a code has: 6, 7 or 8. Default 6, or what the URI says.",
        default: None,
        environment: None,
        rule: None,
    },
    Field {
        name: "period",
        kind: FieldKind::Duration,
        description: "How long each code holds, for example `60s`. Default `30s`, or what the URI says.",
        default: None,
        environment: None,
        rule: Some(is_period),
    },
];

/// Checks every value that is known, and whether they agree.
pub fn check(given: &GivenFields) -> Vec<FieldProblem> {
    let problems = check_fields("", FIELDS, given);
    if !problems.is_empty()
        || matches!(given.get("secret"), None | Some(Given::Unknown | Given::Reference(_)))
    {
        return problems;
    }
    from_given(given).err().unwrap_or_default()
}

/// Reads the values of [`FIELDS`]; of what may be left out, unknown counts as that.
///
/// # Errors
/// One problem for each value that is missing or malformed, or contradicts another.
pub fn from_given(given: &GivenFields) -> Result<Totp, Vec<FieldProblem>> {
    let problems = check_fields("", FIELDS, given);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = |name| match given.get(name) {
        Some(Given::Text(text)) => Some(text),
        _ => None,
    };
    let plain = |name| text(name).map(ExposeSecret::expose_secret);
    let Some(secret) = text("secret") else { return Err(vec![missing()]) };
    let parameters = Parameters {
        algorithm: plain("algorithm").and_then(|text| Algorithm::parse(text).ok()),
        digits: plain("digits").and_then(|text| text.parse().ok()),
        period: plain("period").and_then(|text| parse_duration(text).ok()),
    };
    Totp::parse(secret, parameters).map_err(|error| vec![problem(&error)])
}

fn missing() -> FieldProblem {
    let detail =
        "One-time passwords are made from `secret`. Set it to the secret or the otpauth URI of the account.";
    FieldProblem::error("secret", "Missing `secret`".to_owned(), detail.to_owned())
}

fn problem(error: &TotpError) -> FieldProblem {
    let field = match error {
        TotpError::Contradiction(name) => name,
        _ => "secret",
    };
    FieldProblem::malformed(field, field, error.to_string())
}

fn is_secret(text: &str) -> Result<(), String> {
    parsed(text, Parameters::default())
}

fn is_period(text: &str) -> Result<(), String> {
    let period = parse_duration(text).unwrap_or(Duration::ZERO);
    parsed(ANY_SECRET, Parameters { period: Some(period), ..Parameters::default() })
}

fn parsed(secret: &str, parameters: Parameters) -> Result<(), String> {
    Totp::parse(&secret.into(), parameters).map(drop).map_err(|error| error.to_string())
}

const ANY_SECRET: &str = "AAAAAAAA";
