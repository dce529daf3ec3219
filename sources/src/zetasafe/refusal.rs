//! Answers without a token: the codes of a 400, and the admins who could help.

use secrecy::{ExposeSecret, SecretString};

use crate::error::{FailureClass, NamedFailure};
use crate::json::Fields;
use crate::transport::Answer;
use crate::{Attempt, Said, SourceError};

/// What a failed answer means.
pub(super) fn failure(attempt: &Attempt, answer: &Answer, secrets: &[SecretString]) -> SourceError {
    let refusal = (answer.status.as_u16() == 400).then(|| Fields::parse(&answer.body).ok()).flatten();
    let Some(fields) = refusal else { return answer.failure(attempt, secrets) };
    let said = said(&fields, secrets);
    match named(&fields) {
        Some(failure) => by_name(attempt, answer, failure, said),
        None => SourceError::BadRequest {
            attempt: attempt.clone(),
            status: answer.status.as_u16(),
            said: said.and(Said::from_fields(&fields, secrets)).and(other_names(&fields, secrets)),
        },
    }
}

/// What it means that an answer looks good and has no token.
pub(super) fn no_token(
    attempt: &Attempt,
    answer: &Answer,
    fields: &Fields,
    secrets: &[SecretString],
) -> SourceError {
    let said = said(fields, secrets);
    if lists_admins(fields) {
        return by_name(attempt, answer, &NOT_AN_ADMIN, said);
    }
    let said = said.and(Said::from_fields(fields, secrets));
    SourceError::NoToken { attempt: attempt.clone(), status: answer.status.as_u16(), said }
}

/// A failure of the server that it reports as one of the request.
pub(super) fn passing(answer: &Answer) -> Option<u16> {
    let is_passing = answer.status.as_u16() == 400
        && Fields::parse(&answer.body).is_ok_and(|fields| {
            named(&fields).is_some_and(|failure| failure.class == FailureClass::ServerError)
        });
    is_passing.then_some(500)
}

/// The first of the codes in the order of [`CODES`]. A failure of the server counts only if it is all there is: what
/// stands beside it would come back.
fn named(fields: &Fields) -> Option<&'static NamedFailure> {
    let known = CODES.iter().find(|(code, _)| fields.names().any(|name| name == *code));
    match known {
        Some((_, failure)) if failure.class != FailureClass::ServerError => Some(failure),
        _ if lists_admins(fields) && has_no_token(fields) => Some(&NOT_AN_ADMIN),
        Some((_, failure)) if codes(fields).count() == 1 => Some(failure),
        _ => None,
    }
}

fn by_name(attempt: &Attempt, answer: &Answer, failure: &'static NamedFailure, said: Said) -> SourceError {
    SourceError::Named { attempt: attempt.clone(), status: answer.status.as_u16(), failure, said }
}

/// Every code with its text, and the admins.
fn said(fields: &Fields, secrets: &[SecretString]) -> Said {
    let text = |code: &str| fields.text(code).map_or("", |text| text.expose_secret()).to_owned();
    let codes = codes(fields).map(|code| match text(code) {
        text if text.is_empty() => code.to_owned(),
        text => format!("{code}: {text}"),
    });
    let admins = Said::of(fields.texts("admins").map(ExposeSecret::expose_secret), secrets);
    Said::of(codes, secrets).and(admins.labelled("admins"))
}

/// The names that look like codes, whether we know them or not.
fn codes(fields: &Fields) -> impl Iterator<Item = &str> {
    let of_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    fields
        .names()
        .filter(move |name| name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(of_code))
}

/// The names in an answer of no known form, which could be codes that came later.
fn other_names(fields: &Fields, secrets: &[SecretString]) -> Said {
    let of_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let shown: Vec<&str> = codes(fields).chain(["token", "admins"]).collect();
    let others = fields.names().filter(|name| !shown.contains(name));
    let others = others.filter(|name| name.len() <= LONGEST_NAME && name.chars().all(of_name));
    Said::of(others, secrets).labelled("members")
}

fn lists_admins(fields: &Fields) -> bool {
    fields.texts("admins").any(|name| !name.expose_secret().trim().is_empty())
}

fn has_no_token(fields: &Fields) -> bool {
    fields.is_null("token") || fields.text("token").is_some_and(|text| text.expose_secret().is_empty())
}

const LONGEST_NAME: usize = 64;

/// The documented codes. The more a person has to do about it, the earlier it stands.
static CODES: [(&str, NamedFailure); 5] = [
    (
        "PASSWORD_EXPIRED",
        NamedFailure {
            class: FailureClass::PasswordExpired,
            headline: "asks for a new password",
            text: "the password of the user has expired",
            advice: "Set a new password for the user in ZetaSafe, and then put it into `password` \
                     (ZETASAFE_PASSWORD). With the old one no login is tried again.",
        },
    ),
    (
        "USER_HAS_NO_APPLICABLE_ROLE",
        NamedFailure {
            class: FailureClass::NoAccess,
            headline: "has no role for this user",
            text: "the user has no role that can be used here",
            advice: "Have an administrator of ZetaSafe give the user a role that may use the API: a role that only \
                     reads is not enough. A user with several roles needs `token_kind = \"role\"` with `role_id` \
                     and `client_id`.",
        },
    ),
    (
        "NO_ACCESS_TO_ROLE",
        NamedFailure {
            class: FailureClass::NoAccess,
            headline: "denied access to the role",
            text: "the user has no access to the role that was asked for",
            advice: "Check `role_id` (ZETASAFE_ROLE_ID), and have an administrator of ZetaSafe give the user this \
                     role.",
        },
    ),
    (
        "NO_ACCESS_TO_CLIENT",
        NamedFailure {
            class: FailureClass::NoAccess,
            headline: "denied access to the client",
            text: "the user has no access to the client that was asked for",
            advice: "Check `admin_client_id` (ZETASAFE_ADMIN_CLIENT_ID), or `client_id` (ZETASAFE_CLIENT_ID) with \
                     `token_kind = \"role\"`, and have an administrator of ZetaSafe give the user access to this \
                     client.",
        },
    ),
    (
        "UNEXPECTED_ERROR",
        NamedFailure {
            class: FailureClass::ServerError,
            headline: "failed unexpectedly",
            text: "the server failed on the role or client that was asked for, although it calls that a faulty request",
            advice: "Try again later. If it stays so, check the ids of role and client, and then ask the support of \
                     ZetaSafe.",
        },
    ),
];

static NOT_AN_ADMIN: NamedFailure = NamedFailure {
    class: FailureClass::NoAccess,
    headline: "does not know the user as an admin of this client",
    text: "user name and password are right, but the user is not an admin of the client",
    advice: "Have one of the admins of the client, which the message lists, give the user the role Admin there, or \
             check `admin_client_id` (ZETASAFE_ADMIN_CLIENT_ID).",
};
