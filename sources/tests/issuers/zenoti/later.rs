//! Sections 5 and 6: what can be done with a token later.

use tokenferry_sandbox::Fault;
use tokenferry_sources::{Expiry, ExposeSecret, FailureClass, Revocation};

use super::{NAME, TOKENS, asked, used};
use crate::desk::{answering, patient_source, source, start};

#[tokio::test]
async fn section_5_a_refresh_token_is_used_only_on_request() {
    let sandbox = start(|_| ()).await;
    let source = source(&sandbox, NAME, &[]);
    let (first, other) = (source.login().await.unwrap(), source.login().await.unwrap());
    // What a session does near the end of a token must not end those of others.
    let again = source.refresh(&first).await.unwrap();
    assert_eq!(used(&sandbox, &other).await, 200);
    let refresh = first.refresh.clone().unwrap();
    // The sandbox takes exactly the two members, and no authorization.
    let fresh = source.refresh_with(&refresh.value).await.unwrap();
    assert_ne!(fresh.refresh.clone().unwrap().value.expose_secret(), refresh.value.expose_secret());
    assert!(matches!(fresh.expiry, Expiry::Reported(_)));
    for (token, status) in [(&first, 401), (&other, 401), (&again, 401), (&fresh, 200)] {
        assert_eq!(used(&sandbox, token).await, status);
    }
    let counters = sandbox.control().counters();
    assert_eq!(counters.logins(NAME, "sandbox").attempted, 3);
    assert_eq!(counters.renewals(NAME, "sandbox").succeeded, 1);
}

#[tokio::test]
async fn section_5_no_login_follows_by_itself_whatever_keeps_a_refresh_from_working() {
    let sandbox = start(|_| ()).await;
    let spent = source(&sandbox, NAME, &[]).login().await.unwrap().refresh.unwrap().value;
    source(&sandbox, NAME, &[]).refresh_with(&spent).await.unwrap();
    for (fault, class) in [
        (None, FailureClass::LoginRefused),
        (Some(Fault::status(500)), FailureClass::ServerError),
        (Some(Fault::status(429)), FailureClass::RateLimited),
        (Some(Fault::cut()), FailureClass::BrokenAnswer),
    ] {
        sandbox.control().reset();
        if let Some(fault) = fault {
            sandbox.control().fault(fault.times(1));
        }
        // Even a patient source tries a refresh once: it spends the refresh token.
        let error = patient_source(&sandbox, NAME).refresh_with(&spent).await.unwrap_err();
        assert_eq!(error.class(), class);
        assert_eq!(asked(&sandbox), [format!("POST {TOKENS}")]);
    }
}

#[tokio::test]
async fn section_6_revoking_ends_all_tokens_of_the_user() {
    let sandbox = start(|_| ()).await;
    let source = source(&sandbox, NAME, &[]);
    let (one, other) = (source.login().await.unwrap(), source.login().await.unwrap());
    assert_eq!(source.revoke(&one).await.unwrap(), Revocation::Done);
    let request = sandbox.control().requests().pop().unwrap();
    let line = (request.method.as_str(), request.path.as_str(), request.query.as_deref());
    assert_eq!(line, ("DELETE", "/zenoti/v1/tokens/sessions/revoke", None));
    assert_eq!(request.authorization_scheme.as_deref(), Some("bearer"));
    for token in [&one, &other] {
        assert_eq!(used(&sandbox, token).await, 401);
    }
    let error = source.revoke(&one).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::TokenRejected);
    assert!(error.to_string().starts_with("revoking a token of Zenoti at 127.0.0.1"), "{error}");
    // The body is not described, so it does not matter.
    for (status, body, done) in
        [(200, "{\"error\":{}}", true), (204, "", true), (200, "x", true), (403, "", false)]
    {
        let sandbox = answering(status, &[], body).await;
        let outcome = crate::desk::source(&sandbox, NAME, &[]).revoke(&one).await;
        assert_eq!(outcome.is_ok(), done, "{status} {body}");
    }
}
