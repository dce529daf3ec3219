use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::source;
use crate::test_server::{Reply, TestServer, status};
use crate::{FailureClass, SourceError, Verification};

fn settings(server: &TestServer, verify: &Value) -> Value {
    json!({
        "secrets": { "tenant": "hunter2" },
        "header": "X-Token",
        "scheme": "none",
        "request": [{
            "method": "POST",
            "url": server.url("/login"),
            "values": { "token": { "json_pointer": "/token" } },
        }],
        "verify": verify,
    })
}

async fn tried(reply: Reply, more: Value) -> (TestServer, Result<Verification, SourceError>) {
    let server = TestServer::scripted(vec![status(200, r#"{"token":"t0ken"}"#), reply]).await;
    let mut verify = json!({ "url": server.url("/me?full=1") });
    verify.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let source = source(settings(&server, &verify));
    let token = source.login().await.unwrap();
    assert_eq!(token.value.expose_secret(), "t0ken");
    let tried = source.verify(&token).await;
    (server, tried)
}

#[tokio::test]
async fn a_token_is_tried_out_in_its_own_header_by_the_request_that_is_described() {
    let more = json!({ "headers": { "X-Tenant": "{{secrets.tenant}}" }, "query": { "page": "1" } });
    let (server, tried) = tried(status(200, "{}"), more).await;
    assert_eq!(tried.unwrap(), Verification::Good);
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/me?full=1&page=1"));
    assert_eq!((seen.header("x-token"), seen.header("x-tenant")), (Some("t0ken"), Some("hunter2")));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn only_what_is_refused_is_rejected_and_only_what_is_accepted_is_good() {
    use FailureClass as C;
    for (code, statuses, expected) in [
        (204, None, Ok(Verification::Good)),
        (204, Some("[200]"), Err(C::UnexpectedStatus)),
        (404, Some("[200, 404]"), Ok(Verification::Good)),
        (401, None, Err(C::TokenRejected)),
        (403, Some("[200]"), Err(C::TokenRejected)),
        (404, None, Err(C::NotFound)),
        (429, None, Err(C::RateLimited)),
        (503, None, Err(C::ServerError)),
    ] {
        let more = statuses.map_or_else(|| json!({}), |statuses| json!({ "statuses": statuses }));
        let (_server, tried) = tried(status(code, "t0ken hunter2"), more).await;
        let said = format!("{tried:?}");
        assert!(!said.contains("t0ken") && !said.contains("hunter2"), "{said}");
        assert_eq!(tried.map_err(|error| error.class()), expected, "{code}");
    }
}

#[tokio::test]
async fn without_a_request_nothing_is_asked() {
    let server = TestServer::scripted(vec![status(200, r#"{"token":"t0ken"}"#)]).await;
    let mut settings = settings(&server, &json!({}));
    settings.as_object_mut().unwrap().remove("verify");
    let source = source(settings);
    let token = source.login().await.unwrap();
    assert_eq!(source.verify(&token).await.unwrap(), Verification::CannotTell);
    assert_eq!(server.seen().len(), 1);
}
