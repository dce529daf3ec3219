//! Sections 7 to 11: who is answered, errors, limits, and what there is no more.

use std::time::Duration;

use chrono::Utc;
use tokenferry_sandbox::{Answer, Fault, ZenotiErrors, ZenotiForm};
use tokenferry_sources::{Expiry, ExposeSecret, FailureClass, Retry, system};

use super::{NAME, asked};
use crate::desk::{Outcome, Pairs, answering, assert_outcome, patient_source, source, start};

#[tokio::test]
async fn section_7_guests_and_employees_are_answered_alike() {
    for user_type in ["Employee", "Guest"] {
        let body = format!(r#"{{"credentials":{{"access_token":"abc","user_type":"{user_type}"}}}}"#);
        let sandbox = answering(200, &[], &body).await;
        assert_outcome(&source(&sandbox, NAME, &[]).login().await, Outcome::Token("abc"), user_type);
    }
}

#[tokio::test]
async fn section_8_every_shape_of_an_error_is_read() {
    use FailureClass as Class;
    // Shape, the code in it, and what is said about it.
    let shapes = [
        (r#"{"error":{"code":CODE,"message":"no way"}}"#, true),
        (r#"{"error":{"code":"CODE","message":"no way"}}"#, true),
        (r#"{"ERROR":{"Code":CODE,"MESSAGE":"no way"},"Credentials":null}"#, true),
        (r#"{"code":CODE,"message":"no way"}"#, true),
        (r#"{"Code":"CODE","Message":"no way"}"#, true),
        (r#"{"Error":{"StatusCode":CODE,"Message":"no way"}}"#, true),
        (r#"{"Message":"no way"}"#, false),
        (r#"{"errors":[{"code":"E1","message":"no way","field":"hunter2"}],"status":CODE}"#, true),
        (r#"{"errors":[{"code":CODE,"message":"no way","field":"hunter2"}]}"#, true),
        (r#"{"error":"no way"}"#, false),
    ];
    let statuses = [
        (400, Class::LoginRefused),
        (401, Class::LoginRefused),
        (403, Class::NoAccess),
        (422, Class::LoginRefused),
        (429, Class::RateLimited),
        (500, Class::ServerError),
        (503, Class::ServerError),
    ];
    for (shape, has_code) in shapes {
        for (status, class) in statuses {
            let body = shape.replace("CODE", &status.to_string());
            let says: &[&str] = if matches!(status, 429 | 500 | 503) { &[] } else { &["no way"] };
            let sandbox = answering(status, &[], &body).await;
            let outcome = source(&sandbox, NAME, &[]).login().await;
            assert_outcome(&outcome, Outcome::Fails(class, says), &format!("{status} {body}"));

            // The same with HTTP 200: what it says counts.
            let sandbox = answering(200, &[], &body).await;
            let outcome = source(&sandbox, NAME, &[]).login().await;
            let class = if has_code { class } else { Class::LoginRefused };
            let says: &[&str] =
                if class == Class::RateLimited { &["(HTTP 200)"] } else { &["no way", "(HTTP 200)"] };
            assert_outcome(&outcome, Outcome::Fails(class, says), &format!("200 {body}"));
        }
        // A code that is no status of HTTP is a refused login.
        for code in ["12", "1001", "-3", "40.5"] {
            let body = shape.replace("CODE", code);
            let sandbox = answering(200, &[], &body).await;
            let outcome = source(&sandbox, NAME, &[]).login().await;
            assert_outcome(&outcome, Outcome::Fails(Class::LoginRefused, &["no way"]), &body);
        }
    }
}

#[tokio::test]
async fn section_8_a_turned_down_password_is_a_refused_login_even_without_a_reason() {
    for body in ["", "<html>", "{}", r#"{"code":422,"message":"Invalid user name or password"}"#] {
        for status in [400, 422] {
            let sandbox = answering(status, &[], body).await;
            let outcome = source(&sandbox, NAME, &[]).login().await;
            assert_outcome(&outcome, Outcome::Fails(FailureClass::LoginRefused, &[]), body);
        }
    }
}

#[tokio::test]
async fn section_8_passing_errors_that_look_good_are_tried_again_or_say_when() {
    for (code, headers) in [(429, ["retry-after", "0"]), (500, ["x-none", "1"]), (503, ["retry-after", "0"])]
    {
        let body = format!(r#"{{"error":{{"code":{code},"message":"x"}}}}"#);
        let sandbox = start(|_| ()).await;
        let answer = Answer::new(200).header(headers[0], headers[1]).body(&body);
        sandbox.control().fault(Fault::answer(answer).times(1));
        patient_source(&sandbox, NAME).login().await.unwrap();
        assert_eq!(asked(&sandbox).len(), 2, "{code}");

        let sandbox = answering(200, &[("retry-after", "3600")], &body).await;
        let error = patient_source(&sandbox, NAME).login().await.unwrap_err();
        assert_eq!(asked(&sandbox).len(), 1, "{code}");
        assert!(matches!(error.retry(), Retry::At(_)), "{code}: {error}");
    }
}

#[tokio::test]
async fn section_8_errors_of_the_sandbox_in_every_form() {
    let forms = [
        ZenotiErrors::Nested,
        ZenotiErrors::NestedLegacy,
        ZenotiErrors::Flat,
        ZenotiErrors::FlatLegacy,
        ZenotiErrors::List,
    ];
    for errors in forms {
        for errors_look_good in [false, true] {
            let sandbox = start(|options| {
                options.zenoti.errors = errors;
                options.zenoti.errors_look_good = errors_look_good;
            })
            .await;
            let outcome = source(&sandbox, NAME, &[("password", "wrong")]).login().await;
            let expected =
                Outcome::Fails(FailureClass::LoginRefused, &["Invalid user name, password or app"]);
            assert_outcome(&outcome, expected, &format!("{errors:?} {errors_look_good}"));
        }
    }
}

#[tokio::test]
async fn section_8_texts_are_short_masked_and_named() {
    let long = "x".repeat(500);
    let body = format!(r#"{{"error":{{"code":"sandbox-app-secret","message":"{long}","stack":"hunter2"}}}}"#);
    let sandbox = answering(401, &[], &body).await;
    let error = source(&sandbox, NAME, &[]).login().await.unwrap_err().to_string();
    assert!(error.contains("code: ***; xxx") && error.len() < 400 && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn section_8_no_refused_login_is_tried_again() {
    for status in [400, 401, 403, 404, 409, 422] {
        let sandbox = answering(status, &[], r#"{"error":{"code":500,"message":"x"}}"#).await;
        let error = patient_source(&sandbox, NAME).login().await.unwrap_err();
        assert_eq!((error.retry(), asked(&sandbox).len()), (Retry::Never, 1), "{status}");
    }
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::status(502).times(1));
    patient_source(&sandbox, NAME).login().await.unwrap();
}

#[tokio::test]
async fn section_9_rate_limits_say_when_to_come_back() {
    let cases: [(Pairs<'_>, Option<i64>); 5] = [
        (&[("retry-after", "3600")], Some(3601)),
        (&[("ratelimit-reset", "3600"), ("ratelimit-remaining", "0")], Some(3601)),
        (&[("retry-after", "1800"), ("ratelimit-reset", "3600")], Some(1801)),
        (&[("organization-ratelimit-limit", "60;w=60;b=60"), ("ratelimit-reset", "3600")], Some(3601)),
        (&[("organization-ratelimit-limit", "60;w=60;b=60")], None),
    ];
    for (headers, wait) in cases {
        let sandbox = answering(429, headers, "").await;
        let before = Utc::now();
        let error = source(&sandbox, NAME, &[]).login().await.unwrap_err();
        assert_eq!(error.class(), FailureClass::RateLimited);
        match (error.retry(), wait) {
            (Retry::At(until), Some(wait)) => {
                assert!((wait..wait + 5).contains(&(until - before).num_seconds()), "{headers:?}: {until}");
            }
            (Retry::Backoff, None) => {}
            (retry, _) => panic!("{headers:?}: {retry:?}"),
        }
    }
}

#[test]
fn section_10_there_is_no_source_of_one_time_passwords_and_it_is_said_why() {
    let details = system(NAME).unwrap().details;
    for said in ["one-time passwords", "no call returns them", "**all** sessions", "RateLimit-Reset"] {
        assert!(details.contains(said), "{said}");
    }
}

#[tokio::test]
async fn section_11_the_old_form_is_accepted() {
    let cases = [
        (r#""expires_in":35999,".expires":"Wed, 08 Jun 2022 11:19:18 GMT""#, Some(35_999)),
        (r#""expires_in":"35999""#, Some(35_999)),
        (r#"".expires":"Sat, 08 Jun 2999 11:19:18 GMT""#, None),
        (r#""expires_in":"soon""#, Some(0)),
    ];
    for (members, seconds) in cases {
        let body =
            format!(r#"{{"access_token":"abc","token_type":"Authorization",{members},"refresh_token":"r"}}"#);
        let sandbox = answering(200, &[], &body).await;
        let token = source(&sandbox, NAME, &[]).login().await.unwrap();
        assert_eq!(token.header_value().expose_secret(), "bearer abc");
        assert_eq!(token.refresh.clone().unwrap().value.expose_secret(), "r");
        match (token.expiry, seconds) {
            (Expiry::Unknown, Some(0)) => {}
            (Expiry::Reported(end), Some(seconds)) => {
                assert_eq!((end - token.issued_at).num_seconds(), seconds, "{members}");
            }
            (Expiry::Reported(end), None) => assert_eq!(end.to_rfc3339(), "2999-06-08T11:19:18+00:00"),
            other => panic!("{members}: {other:?}"),
        }
    }
    let sandbox = start(|options| options.zenoti.form = ZenotiForm::Legacy).await;
    let token = source(&sandbox, NAME, &[]).login().await.unwrap();
    assert_eq!(token.life(), Some(Duration::from_hours(24)));
}
