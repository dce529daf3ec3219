//! The fact sheet on ZetaSafe, section by section; here those on the primary call and its refusals.

mod others;

use tokenferry_sandbox::{Answer, Fault, Sandbox, ZetasafeClient, ZetasafeMode, ZetasafeUser};
use tokenferry_sources::{ExposeSecret, FailureClass, Retry};

use crate::desk::{Outcome, Pairs, answering, assert_outcome, patient_source, source, start};

const NAME: &str = "zetasafe";
const ROLE: &[(&str, &str)] = &[("token_kind", "role"), ("admin_client_id", "")];

/// The last request: method, path and query.
fn asked(sandbox: &Sandbox) -> (String, String, String) {
    let last = sandbox.control().requests().pop().unwrap();
    assert!(last.headers.contains(&"accept".to_owned()) && last.authorization_scheme.is_none());
    (last.method, last.path, last.query.unwrap_or_default())
}

fn tries(sandbox: &Sandbox) -> usize {
    sandbox.control().requests().len()
}

#[tokio::test]
async fn section_1_the_primary_call() {
    let sandbox = start(|options| {
        options.zetasafe.clients.push(ZetasafeClient::new("a b&c=1/ö", &["sandbox"]));
    })
    .await;
    let development = format!("{}/dev/", sandbox.zetasafe_base_url());
    let cases: [(Pairs<'_>, &str, &str); 3] = [
        (&[], "/zetasafe/ext/userclientauthtoken/get", "adminClientId=sandbox-client"),
        (
            &[("admin_client_id", "a b&c=1/ö")],
            "/zetasafe/ext/userclientauthtoken/get",
            "adminClientId=a%20b%26c%3D1%2F%C3%B6",
        ),
        (
            &[("base_url", &development)],
            "/zetasafe/dev/ext/userclientauthtoken/get",
            "adminClientId=sandbox-client",
        ),
    ];
    for (settings, path, query) in cases {
        // The sandbox refuses any other body than the two members, and any other content type.
        let token = source(&sandbox, NAME, settings).login().await.unwrap();
        assert_eq!(asked(&sandbox), ("POST".to_owned(), path.to_owned(), query.to_owned()));
        assert_eq!(token.value.expose_secret().len(), 40);
    }
}

#[tokio::test]
async fn section_1_every_answer_of_the_table_is_understood() {
    use FailureClass as Class;
    let not_an_admin = |texts| Outcome::Fails(Class::NoAccess, texts);
    let no_token = Outcome::Fails(Class::LoginRefused, &["the answer has no token (HTTP 200)"]);
    let malformed = Outcome::Fails(Class::Malformed, &["is not understood"]);
    let bad_request = Outcome::Fails(Class::BadRequest, &["(HTTP 400)"]);
    let cases = [
        // 200, a token.
        (200, r#"{"token":"abc.1","admins":[]}"#, Outcome::Token("abc.1")),
        (200, r#"{"token":"abc.1"}"#, Outcome::Token("abc.1")),
        (200, r#"{"token":"abc.1","admins":null,"later":{"a":[1]}}"#, Outcome::Token("abc.1")),
        (200, r#"{"token":"abc.1","admins":["anna"]}"#, Outcome::Token("abc.1")),
        // 200 or 400, no token, but admins.
        (
            200,
            r#"{"token":null,"admins":["anna","ber\nta"]}"#,
            not_an_admin(&["not an admin of the client (HTTP 200)", "admins: anna; berta"]),
        ),
        (200, r#"{"token":"","admins":["anna"]}"#, not_an_admin(&["admins: anna"])),
        (200, r#"{"admins":["anna"]}"#, not_an_admin(&["admins: anna"])),
        (400, r#"{"token":null,"admins":["anna"]}"#, not_an_admin(&["(HTTP 400)", "admins: anna"])),
        (400, r#"{"token":"","admins":["anna"]}"#, not_an_admin(&["admins: anna"])),
        (400, r#"{"admins":["anna","sandbox-password"]}"#, not_an_admin(&["admins: anna; ***"])),
        // 200, neither token nor admins.
        (200, r#"{"token":null,"admins":[]}"#, no_token),
        (200, r#"{"token":"","admins":null}"#, no_token),
        (200, r#"{"token":null}"#, no_token),
        (200, r#"{"admins":["", 7]}"#, no_token),
        (200, "{}", no_token),
        // 200, something else.
        (200, r#"{"token":5,"admins":["anna"]}"#, malformed),
        (200, r#"{"token":{"a":"hunter2"}}"#, malformed),
        (200, r#"{"token":"abc\n1"}"#, malformed),
        (200, "<html>hunter2</html>", malformed),
        (200, "", malformed),
        // 400, anything else.
        (400, r#"{"token":null,"admins":[]}"#, bad_request),
        (400, r#"{"token":"abc.1","admins":["anna"]}"#, bad_request),
        (400, r#"{"message":"no id","stack":"hunter2"}"#, Outcome::Fails(Class::BadRequest, &["\"no id;"])),
        (
            400,
            r#"{"AccountLocked":"hunter2","NEW-CODE":"hunter2"}"#,
            Outcome::Fails(Class::BadRequest, &["members: AccountLocked; NEW-CODE"]),
        ),
        (400, r#"{"Detail":"hunter2"}"#, bad_request),
        (400, "<html>hunter2</html>", bad_request),
        (400, "", bad_request),
    ];
    for (status, body, expected) in cases {
        let sandbox = answering(status, &[], body).await;
        let outcome = source(&sandbox, NAME, &[]).login().await;
        assert_outcome(&outcome, expected, &format!("{status} {body}"));
        assert_eq!(tries(&sandbox), 1);
    }
}

#[tokio::test]
async fn section_1_who_is_no_admin_is_told_whom_to_ask_with_either_status() {
    for refuses_strangers in [false, true] {
        let sandbox = start(|options| options.zetasafe.refuses_strangers = refuses_strangers).await;
        let outcome = source(&sandbox, NAME, &[("admin_client_id", "other-client")]).login().await;
        let expected = Outcome::Fails(FailureClass::NoAccess, &["admins: anna; berta", "`admin_client_id`"]);
        assert_outcome(&outcome, expected, &format!("refuses_strangers = {refuses_strangers}"));
        assert_eq!(outcome.unwrap_err().retry(), Retry::Never);
    }
}

#[tokio::test]
async fn section_2_every_code_has_a_failure_of_its_own() {
    use FailureClass as Class;
    let long = format!(r#"{{"PASSWORD_EXPIRED":"{}sandbox-password"}}"#, "x".repeat(190));
    let cases: [(&str, Class, Retry, &[&str]); 12] = [
        (
            r#"{"PASSWORD_EXPIRED":"Change it"}"#,
            Class::PasswordExpired,
            Retry::Never,
            &[
                "PASSWORD_EXPIRED: Change it",
                "asks for a new password",
                "the password of the user has expired",
            ],
        ),
        (
            r#"{"USER_HAS_NO_APPLICABLE_ROLE":"Read only"}"#,
            Class::NoAccess,
            Retry::Never,
            &["USER_HAS_NO_APPLICABLE_ROLE: Read only", "no role"],
        ),
        (
            r#"{"NO_ACCESS_TO_ROLE":"Access denied"}"#,
            Class::NoAccess,
            Retry::Never,
            &["NO_ACCESS_TO_ROLE: Access denied", "`role_id`"],
        ),
        (
            r#"{"NO_ACCESS_TO_CLIENT":"Access denied"}"#,
            Class::NoAccess,
            Retry::Never,
            &["NO_ACCESS_TO_CLIENT: Access denied", "`admin_client_id`"],
        ),
        (
            r#"{"UNEXPECTED_ERROR":"Access denied"}"#,
            Class::ServerError,
            Retry::Backoff,
            &["UNEXPECTED_ERROR: Access denied", "failed unexpectedly"],
        ),
        // More than one: all are reported, and the one that a person must see to decides.
        (
            r#"{"NO_ACCESS_TO_CLIENT":"Access denied","PASSWORD_EXPIRED":null,"UNEXPECTED_ERROR":"x"}"#,
            Class::PasswordExpired,
            Retry::Never,
            &["NO_ACCESS_TO_CLIENT: Access denied; PASSWORD_EXPIRED; UNEXPECTED_ERROR: x"],
        ),
        (
            r#"{"UNEXPECTED_ERROR":"Access denied","NO_ACCESS_TO_ROLE":"Access denied"}"#,
            Class::NoAccess,
            Retry::Never,
            &["NO_ACCESS_TO_ROLE: Access denied; UNEXPECTED_ERROR: Access denied"],
        ),
        (
            r#"{"NO_ACCESS_TO_CLIENT":"Access denied","token":null,"admins":["anna"]}"#,
            Class::NoAccess,
            Retry::Never,
            &["NO_ACCESS_TO_CLIENT: Access denied; admins: anna"],
        ),
        // Unknown ones stay visible by name.
        (
            r#"{"ACCOUNT_LOCKED":"Too many\u001b[31m sandbox-password"}"#,
            Class::BadRequest,
            Retry::Never,
            &["ACCOUNT_LOCKED: Too many[31m ***"],
        ),
        (
            r#"{"ACCOUNT_LOCKED":"x","UNEXPECTED_ERROR":"y"}"#,
            Class::BadRequest,
            Retry::Never,
            &["ACCOUNT_LOCKED: x; UNEXPECTED_ERROR: y"],
        ),
        (
            r#"{"ACCOUNT_LOCKED":"x","NO_ACCESS_TO_ROLE":"y"}"#,
            Class::NoAccess,
            Retry::Never,
            &["ACCOUNT_LOCKED: x; NO_ACCESS_TO_ROLE: y"],
        ),
        (&long, Class::PasswordExpired, Retry::Never, &["PASSWORD_EXPIRED: xxx"]),
    ];
    for (body, class, retry, texts) in cases {
        for settings in [&[][..], ROLE] {
            let sandbox = answering(400, &[], body).await;
            let outcome = source(&sandbox, NAME, settings).login().await;
            let error = outcome.unwrap_err();
            let all = format!("{error} {error:?} {} {}", error.summary(), error.advice());
            assert_eq!(texts.iter().find(|text| !all.contains(**text)), None, "{body}: {all}");
            assert!(!all.contains("sandbox-p") && !all.contains('\u{1b}'), "{body}: {all}");
            assert_eq!((error.class(), error.retry(), tries(&sandbox)), (class, retry, 1), "{body}");
        }
    }
}

#[tokio::test]
async fn section_2_users_of_the_sandbox_meet_the_codes() {
    let cases = [
        (ZetasafeMode::PasswordExpired, FailureClass::PasswordExpired),
        (ZetasafeMode::NoApplicableRole, FailureClass::NoAccess),
        (ZetasafeMode::UnexpectedError, FailureClass::ServerError),
        (ZetasafeMode::NoToken, FailureClass::LoginRefused),
    ];
    for (mode, class) in cases {
        let user = ZetasafeUser::new("sandbox", "sandbox-password").mode(mode);
        let sandbox = start(|options| options.zetasafe.users = vec![user]).await;
        for settings in [&[][..], ROLE] {
            assert_eq!(
                source(&sandbox, NAME, settings).login().await.unwrap_err().class(),
                class,
                "{mode:?}"
            );
        }
    }
    let sandbox = start(|_| ()).await;
    let nowhere = source(&sandbox, NAME, &[("admin_client_id", "nowhere")]).login().await;
    assert_outcome(&nowhere, Outcome::Fails(FailureClass::NoAccess, &["NO_ACCESS_TO_CLIENT"]), "nowhere");
}

#[tokio::test]
async fn section_2_an_unexpected_error_is_tried_twice_more_and_nothing_else_is() {
    let cases = [
        (400, r#"{"UNEXPECTED_ERROR":"Access denied"}"#, 3),
        (400, r#"{"UNEXPECTED_ERROR":"Access denied","PASSWORD_EXPIRED":"x"}"#, 1),
        (400, r#"{"UNEXPECTED_ERROR":"Access denied","ACCOUNT_LOCKED":"x"}"#, 1),
        (400, r#"{"NO_ACCESS_TO_CLIENT":"Access denied"}"#, 1),
        (400, "", 1),
        (401, r#"{"UNEXPECTED_ERROR":"Access denied"}"#, 1),
    ];
    for (status, body, expected) in cases {
        let sandbox = answering(status, &[], body).await;
        patient_source(&sandbox, NAME).login().await.unwrap_err();
        assert_eq!(tries(&sandbox), expected, "{status} {body}");
    }
    let sandbox = start(|_| ()).await;
    let passing = Answer::new(400).body(r#"{"UNEXPECTED_ERROR":"Access denied"}"#);
    sandbox.control().fault(Fault::answer(passing).times(1));
    patient_source(&sandbox, NAME).login().await.unwrap();
}
