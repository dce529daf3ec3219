//! Zenoti: logins, refreshes, the end of sessions, and errors in every form.

use serde_json::{Value, json};
use tokenferry_sandbox::{Fault, Sandbox, ZenotiErrors, ZenotiForm, ZenotiMode, ZenotiUser};

use crate::client::{Ask, Reply, start};

const TOKENS: &str = "POST /zenoti/v1/tokens";
const JSON: &str = "application/json";

fn login() -> Value {
    json!({
        "account_name": "sandbox", "user_name": "sandbox", "password": "sandbox-password",
        "grant_type": "password", "app_id": "00000000-0000-4000-8000-000000000001",
        "app_secret": "sandbox-app-secret", "device_id": "any",
    })
}

fn ask(body: &Value) -> Ask {
    Ask::new(TOKENS).body(JSON, body.to_string())
}

async fn pair(sandbox: &Sandbox) -> (String, String) {
    both(&ask(&login()).send(sandbox).await)
}

fn both(reply: &Reply) -> (String, String) {
    let credentials = &reply.json()["credentials"];
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn is_good(sandbox: &Sandbox, token: &str) -> bool {
    let reply = Ask::new("GET /zenoti/v1/centers").header("authorization", &format!("bearer {token}"));
    reply.send(sandbox).await.status == 200
}

async fn refresh(sandbox: &Sandbox, token: &str) -> Reply {
    ask(&json!({"grant_type": "refresh_token", "refresh_token": token})).send(sandbox).await
}

fn revoke(token: &str) -> Ask {
    let ask = Ask::new("DELETE /zenoti/v1/tokens/sessions/revoke").header("accept", "text/plain");
    ask.header("authorization", &format!("bearer {token}"))
}

#[tokio::test]
async fn a_login_brings_a_pair_with_dates_of_seven_digits() {
    let sandbox = start(|_| ()).await;
    let reply = ask(&login()).send(&sandbox).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(JSON)));
    let answer = reply.json();
    assert!(answer["error"].is_null() && answer["login_policy_evaluation"]["allowlogin"] == true);
    let (access, refresh) = both(&reply);
    assert!(access.starts_with("AN:sandbox|") && access.len() > 1000 && access != refresh);
    for name in ["access_token_expiry", "refresh_token_expiry"] {
        let date = answer["credentials"][name].as_str().unwrap();
        assert_eq!((date.len(), date.ends_with('Z')), (28, true), "{date}");
    }
    assert!(is_good(&sandbox, &access).await && !is_good(&sandbox, &refresh).await);
    assert_eq!(sandbox.control().counters().logins("zenoti", "sandbox").succeeded, 1);
}

#[tokio::test]
async fn requests_that_are_not_as_documented_are_refused() {
    let sandbox = start(|_| ()).await;
    for name in login().as_object().unwrap().keys() {
        let mut less = login();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(ask(&less).send(&sandbox).await.status, 422, "without {name}");
        let mut wrong = login();
        wrong[name] = "".into();
        assert!([401, 422].contains(&ask(&wrong).send(&sandbox).await.status), "{name} empty");
        wrong[name] = 7.into();
        assert_eq!(ask(&wrong).send(&sandbox).await.status, 422, "{name} a number");
    }
    let mut more = login();
    more["scope"] = "x".into();
    let body = login().to_string();
    for (what, ask, status) in [
        ("a member more", ask(&more), 422),
        ("an authorization", ask(&login()).header("authorization", "bearer x"), 422),
        ("another label", Ask::new(TOKENS).body("text/plain", &body), 422),
        ("a query", Ask::new(&format!("{TOKENS}?a=b")).body(JSON, &body), 422),
        ("a slash more", Ask::new(&format!("{TOKENS}/")).body(JSON, &body), 404),
        ("another method", Ask::new("PUT /zenoti/v1/tokens").body(JSON, &body), 405),
    ] {
        assert_eq!(ask.send(&sandbox).await.status, status, "{what}");
    }
}

#[tokio::test]
async fn a_refresh_token_works_once_and_ends_all_access_tokens_of_the_user() {
    let sandbox = start(|_| ()).await;
    let ((first, spent), (second, _)) = (pair(&sandbox).await, pair(&sandbox).await);
    assert!(is_good(&sandbox, &first).await, "a login leaves other tokens alone");
    let (fresh, next) = both(&refresh(&sandbox, &spent).await);
    let alive =
        [is_good(&sandbox, &first).await, is_good(&sandbox, &second).await, is_good(&sandbox, &fresh).await];
    assert_eq!(alive, [false, false, true]);
    assert_eq!(refresh(&sandbox, &spent).await.status, 401);
    assert_eq!(refresh(&sandbox, &next).await.status, 200);
    assert_eq!(sandbox.control().counters().renewals("zenoti", "sandbox").succeeded, 2);
}

#[tokio::test]
async fn revoking_ends_all_access_tokens_of_the_user() {
    let sandbox = start(|_| ()).await;
    let ((first, _), (second, _)) = (pair(&sandbox).await, pair(&sandbox).await);
    let other = Ask::new("DELETE /zenoti/v1/tokens/sessions/revoke").bearer(&first);
    assert_eq!(other.send(&sandbox).await.status, 400, "without `Accept: text/plain`");
    assert_eq!(revoke(&first).send(&sandbox).await.seen(), (200, Some("text/plain"), "done"));
    assert!(!is_good(&sandbox, &first).await && !is_good(&sandbox, &second).await);
    assert_eq!(revoke(&first).send(&sandbox).await.status, 401);
}

#[tokio::test]
async fn tokens_end_with_their_time() {
    let sandbox = start(|_| ()).await;
    let (access, refresh_token) = pair(&sandbox).await;
    sandbox.control().fault(Fault::clock_skew(86_401));
    assert!(!is_good(&sandbox, &access).await);
    sandbox.control().clear_faults();
    sandbox.control().fault(Fault::clock_skew(90 * 86_400 + 1));
    assert_eq!(refresh(&sandbox, &refresh_token).await.status, 401);
}

#[tokio::test]
async fn api_keys_are_sent_with_a_word_in_lower_case() {
    let sandbox = start(|_| ()).await;
    for (value, status) in [
        ("apikey sandbox-api-key", 200),
        ("ApiKey sandbox-api-key", 401),
        ("apikey  sandbox-api-key", 401),
        ("apikey other", 401),
        ("bearer sandbox-api-key", 401),
        ("sandbox-api-key", 401),
    ] {
        let reply = Ask::new("GET /zenoti/v1/centers").header("authorization", value).send(&sandbox).await;
        assert_eq!(reply.status, status, "{value}");
    }
}

#[tokio::test]
async fn errors_come_in_every_form_and_with_either_status() {
    let text = "Invalid user name, password or app";
    for (errors, body) in [
        (ZenotiErrors::Nested, json!({"credentials": null, "error": {"code": 401, "message": text}})),
        (ZenotiErrors::NestedLegacy, json!({"Error": {"StatusCode": 401, "Message": text}})),
        (ZenotiErrors::Flat, json!({"code": 401, "message": text})),
        (ZenotiErrors::FlatLegacy, json!({"Message": text})),
        (
            ZenotiErrors::List,
            json!({"errors": [{"code": "401", "message": text, "field": null}], "status": 401}),
        ),
    ] {
        for (errors_look_good, status) in [(false, 401), (true, 200)] {
            let sandbox = start(|options| {
                options.zenoti.errors = errors;
                options.zenoti.errors_look_good = errors_look_good;
            })
            .await;
            sandbox.control().fault(Fault::key_revoked("sandbox"));
            let reply = ask(&login()).send(&sandbox).await;
            assert_eq!((reply.status, reply.json()), (status, body.clone()), "{errors:?}");
            assert_eq!(sandbox.control().counters().logins("zenoti", "sandbox").succeeded, 0);
        }
    }
}

#[tokio::test]
async fn users_may_be_let_in_or_not() {
    for (mode, status, succeeded) in [
        (ZenotiMode::Normal, 200, 1),
        (ZenotiMode::DeniedByPolicy, 200, 0),
        (ZenotiMode::NoToken, 200, 0),
        (ZenotiMode::Forbidden, 403, 0),
    ] {
        let user = ZenotiUser::new("sandbox", "sandbox", "sandbox-password").mode(mode);
        let sandbox = start(|options| options.zenoti.users = vec![user]).await;
        assert_eq!(ask(&login()).send(&sandbox).await.status, status, "{mode:?}");
        assert_eq!(sandbox.control().counters().logins("zenoti", "sandbox").succeeded, succeeded, "{mode:?}");
    }
}

#[tokio::test]
async fn the_old_form_is_flat() {
    let sandbox = start(|options| options.zenoti.form = ZenotiForm::Legacy).await;
    let answer = ask(&login()).send(&sandbox).await.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Authorization"), &json!(86_400)));
    assert!(answer[".expires"].as_str().unwrap().ends_with(" GMT") && answer["access_token"].is_string());
}
