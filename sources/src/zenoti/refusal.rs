//! Errors, in all the forms that the service has given them over the years.

use secrecy::{ExposeSecret, SecretString};

use crate::error::{FailureClass, NamedFailure};
use crate::json::Fields;
use crate::transport::Answer;
use crate::{Action, Attempt, Said, SourceError};

/// What went wrong, as far as the answer says.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Often a status of HTTP.
    code: Option<u16>,
    said: Said,
}

impl Refusal {
    /// Reads members whose names are in lower case; `None` if they tell of no error.
    pub(super) fn of(fields: &Fields, secrets: &[SecretString]) -> Option<Self> {
        if !fields.is_null("error") {
            // A text or anything else in its place is an error, too.
            let error = fields.object("error").unwrap_or(fields);
            return Some(Refusal { code: code(error), said: said(error, secrets) });
        }
        if let Some(first) = fields.objects("errors").next() {
            let all = fields.objects("errors").map(|error| said(error, secrets));
            let code = status(fields, "status").or_else(|| code(first));
            return Some(Refusal { code, said: all.fold(Said::default(), Said::and) });
        }
        let is_error = !fields.is_null("code") || !fields.is_null("message");
        is_error.then(|| Refusal { code: code(fields), said: said(fields, secrets) })
    }

    /// One that gives no reason beyond its status.
    pub(super) fn unexplained(said: Said) -> Self {
        Refusal { code: None, said }
    }

    /// The failure that the answer stands for. One that looks good counts as what its code says; without a status
    /// of HTTP in it, it is a refused login.
    pub(super) fn failure(self, attempt: &Attempt, answer: &Answer) -> SourceError {
        let status = answer.status.as_u16();
        let meant = if answer.status.is_success() { self.code.unwrap_or(401) } else { status };
        let (attempt, said) = (attempt.clone(), self.said);
        match meant {
            // Wrong user names and passwords come with these; tried again, they could lock the account.
            400 | 422 if attempt.action == Action::Login => {
                SourceError::LoginRefused { attempt, status, said }
            }
            400 | 422 => SourceError::BadRequest { attempt, status, said },
            403 => SourceError::NoAccess { attempt, status, said },
            429 => SourceError::RateLimited { attempt, status, until: answer.until(meant) },
            500..=599 => SourceError::ServerError { attempt, status, said, until: answer.until(meant) },
            _ if answer.status.is_success() => SourceError::LoginRefused { attempt, status, said },
            _ => answer.failure_saying(&attempt, said),
        }
    }
}

/// What an answer means that looks good and tells of an error that passes.
pub(super) fn passing(answer: &Answer) -> Option<u16> {
    let fields =
        answer.status.is_success().then(|| Fields::parse(&answer.body).ok()).flatten()?.in_lower_case();
    let code = Refusal::of(&fields, &[])?.code?;
    let has_token = fields.is_null("error") && !fields.is_null("credentials");
    (!has_token && matches!(code, 429 | 500 | 502..=504)).then_some(code)
}

/// What it means that an answer has a token, and a login policy that does not let the user in.
pub(super) fn denied_by_policy(attempt: &Attempt, answer: &Answer) -> SourceError {
    SourceError::Named {
        attempt: attempt.clone(),
        status: answer.status.as_u16(),
        failure: &DENIED_BY_POLICY,
        said: Said::default(),
    }
}

/// What it means that a token that was to be revoked is not accepted.
pub(super) fn not_revoked(attempt: &Attempt, answer: &Answer, said: Said) -> SourceError {
    SourceError::Named {
        attempt: attempt.clone(),
        status: answer.status.as_u16(),
        failure: &NOT_REVOKED,
        said,
    }
}

fn code(error: &Fields) -> Option<u16> {
    status(error, "code").or_else(|| status(error, "statuscode"))
}

/// A status of HTTP that means a failure, as a number or a text.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn status(fields: &Fields, name: &str) -> Option<u16> {
    let in_text = || fields.text(name).and_then(|text| text.expose_secret().trim().parse().ok());
    let number: f64 = fields.number(name).or_else(in_text)?;
    (400.0..600.0).contains(&number).then_some(number as u16)
}

/// The code, whatever it looks like, and the texts that may be shown.
fn said(error: &Fields, secrets: &[SecretString]) -> Said {
    let code = ["code", "statuscode"].into_iter().find_map(|name| match error.number(name) {
        Some(number) => Some(number.to_string()),
        None => error.text(name).map(|text| text.expose_secret().to_owned()),
    });
    Said::of(code, secrets).labelled("code").and(Said::from_fields(error, secrets))
}

static DENIED_BY_POLICY: NamedFailure = NamedFailure {
    class: FailureClass::LoginRefused,
    headline: "does not let the user log in",
    text: "user name and password are right, but the login policy of the organisation does not let the user in",
    advice: "Have an administrator of Zenoti check the login policy for this user (place, device and hours). A refused \
             login is not tried again.",
};

static NOT_REVOKED: NamedFailure = NamedFailure {
    class: FailureClass::TokenRejected,
    headline: "did not accept the token to be revoked",
    text: "the token to be revoked is not accepted, so it is over already or was never good",
    advice: "Nothing needs to be done if the token was over; other tokens of the user may still be good.",
};
