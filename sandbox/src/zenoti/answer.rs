//! The forms of answers.

use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::tokens::Pair;
use super::{ZenotiErrors, ZenotiForm, ZenotiOptions, ZenotiUser};
use crate::answer::granted;
use crate::json::json as answer;

/// When the tokens of a pair were made, and when each ends, in Unix seconds.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) begin: i64,
    pub(crate) access_end: i64,
    pub(crate) refresh_end: i64,
}

/// A pair of tokens.
pub(crate) fn welcome(
    form: ZenotiForm,
    user: &ZenotiUser,
    pair: &Pair,
    life: Life,
    allowed: bool,
) -> Response {
    let answered = answer(
        StatusCode::OK,
        &match form {
            ZenotiForm::Current => current(user, pair, Some(life), allowed),
            ZenotiForm::Legacy => legacy(pair, life),
            ZenotiForm::NoDates => current(user, pair, None, allowed),
        },
    );
    if allowed { granted(answered) } else { answered }
}

/// An answer that looks good, without a token.
pub(crate) fn no_token() -> Response {
    answer(StatusCode::OK, &json!({"credentials": null, "error": null}))
}

/// An error in the form that the options ask for.
pub(crate) fn error(options: &ZenotiOptions, status: StatusCode, message: &str) -> Response {
    let code = status.as_u16();
    let body = match options.errors {
        ZenotiErrors::Nested => json!({"credentials": null, "error": {"code": code, "message": message}}),
        ZenotiErrors::NestedLegacy => json!({"Error": {"StatusCode": code, "Message": message}}),
        ZenotiErrors::Flat => json!({"code": code, "message": message}),
        ZenotiErrors::FlatLegacy => json!({"Message": message}),
        ZenotiErrors::List => {
            json!({"errors": [{"code": code.to_string(), "message": message, "field": null}], "status": code})
        }
    };
    answer(if options.errors_look_good { StatusCode::OK } else { status }, &body)
}

fn current(user: &ZenotiUser, pair: &Pair, life: Option<Life>, allowed: bool) -> Value {
    json!({
        "credentials": {
            "access_token": pair.access,
            "access_token_expiry": life.map(|life| seven_digits(life.access_end)),
            "refresh_token": pair.refresh,
            "refresh_token_expiry": life.map(|life| seven_digits(life.refresh_end)),
            "token_type": "bearer",
            "token_id": new_id(),
            "app_id": user.app_id,
            "user_type": "Employee",
        },
        "login_policy_evaluation": {
            "allowlogin": allowed,
            "policyaction": 0,
            "policyactiondata": null,
            "userid": null,
            "passwordexpiryreminder": false,
        },
        "error": null,
    })
}

fn legacy(pair: &Pair, life: Life) -> Value {
    json!({
        "access_token": pair.access,
        "token_type": "Authorization",
        "expires_in": life.access_end - life.begin,
        "refresh_token": pair.refresh,
        ".issued": http_date(life.begin),
        ".expires": http_date(life.access_end),
    })
}

/// A random UUID, as real ones are: other text does not look like it.
fn new_id() -> String {
    let digits = |count| (0..count).map(|_| fastrand::digit(16)).collect::<String>();
    format!("{}-{}-4{}-8{}-{}", digits(8), digits(4), digits(3), digits(3), digits(12))
}

/// As the service writes its dates; the digits after the second are made up.
fn seven_digits(unix_secs: i64) -> Option<String> {
    let time = DateTime::from_timestamp(unix_secs, 701_683_900)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Nanos, true).replace("00Z", "Z"))
}

fn http_date(unix_secs: i64) -> Option<String> {
    Some(DateTime::from_timestamp(unix_secs, 0)?.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids() {
        let id = new_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!((lengths, id.get(14..15)), (vec![8, 4, 4, 4, 12], Some("4")), "{id}");
        assert_ne!(id, new_id());
    }

    #[test]
    fn dates_have_seven_digits_after_the_second() {
        assert_eq!(seven_digits(1_654_687_158).as_deref(), Some("2022-06-08T11:19:18.7016839Z"));
    }
}
