use super::{login_ok, source};
use crate::test_server::{TestServer, status};
use crate::{FailureClass, Verification};

#[tokio::test]
async fn a_token_is_tried_out_by_one_call_that_reads_one_device() {
    for (code, expected) in [
        (200, Ok(Verification::Good)),
        (401, Err(FailureClass::TokenRejected)),
        (403, Ok(Verification::CannotTell)),
        (404, Ok(Verification::CannotTell)),
        (429, Err(FailureClass::RateLimited)),
    ] {
        let server = TestServer::scripted(vec![login_ok("opaque"), status(code, "[]")]).await;
        let source = source(&server, None);
        let token = source.login().await.unwrap();
        let tried = source.verify(&token).await;
        assert_eq!(tried.map_err(|error| error.class()), expected, "{code}");
        let seen = server.seen();
        assert!(seen.len() == 2 || code == 429, "{code}");
        assert_eq!(seen[1].path(), "/papi/public/v1/getDevices");
        assert!(seen[1].target.contains("page=1&pageSize=1"), "{}", seen[1].target);
        assert_eq!(seen[1].header("auth-token"), Some("opaque"));
    }
}
