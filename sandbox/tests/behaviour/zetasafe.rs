//! ZetaSafe: what a login has to look like, and what comes of it.

use tokenferry_sandbox::{Fault, ZetasafeMode, ZetasafeUser};

use crate::client::{Ask, Reply, start};

const CLIENT: &str = "POST /zetasafe/ext/userclientauthtoken/get?adminClientId=sandbox-client";
const ROLE: &str = "POST /zetasafe/ext/x-auth/get?id=7e67e260-202c-4bf5-b486-98502508cfe0";
const GOOD: &str = r#"{"username":"sandbox","password":"sandbox-password"}"#;
const JSON: Option<&str> = Some("application/json");

fn ask(line: &str) -> Ask {
    Ask::new(line).body("application/json", GOOD)
}

fn has_token(reply: &Reply) -> bool {
    reply.header("x-auth-token").is_some() || reply.json()["token"].is_string()
}

#[tokio::test]
async fn tokens_come_in_the_body_or_in_a_header() {
    let sandbox = start(|_| ()).await;
    for dev in ["", "/dev"] {
        let reply = ask(&CLIENT.replace("/ext", &format!("{dev}/ext"))).send(&sandbox).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, JSON));
        assert_eq!(reply.json()["admins"], serde_json::json!([]));
        assert!(has_token(&reply) && reply.header("x-auth-token").is_none());
        let reply = ask(&ROLE.replace("/ext", &format!("{dev}/ext"))).send(&sandbox).await;
        assert_eq!((reply.status, reply.text()), (200, ""));
        assert!(has_token(&reply));
    }
    let logins = sandbox.control().counters().logins("zetasafe", "sandbox");
    assert_eq!((logins.attempted, logins.succeeded), (4, 4));
}

#[tokio::test]
async fn requests_that_are_not_as_documented_are_refused() {
    let sandbox = start(|_| ()).await;
    let client = || Ask::new(CLIENT);
    let query = |line: &str, query: &str| ask(&format!("{}{query}", line.split('?').next().unwrap()));
    for (what, ask, status) in [
        ("GET", ask(&CLIENT.replace("POST", "GET")), 405),
        ("another path", ask("POST /zetasafe/userclientauthtoken/get?adminClientId=sandbox-client"), 404),
        ("no client", query(CLIENT, ""), 400),
        ("an empty client", query(CLIENT, "?adminClientId="), 400),
        ("a client in other letters", query(CLIENT, "?adminclientid=sandbox-client"), 400),
        ("a client twice", query(CLIENT, "?adminClientId=sandbox-client&adminClientId=sandbox-client"), 400),
        ("a password in the query", query(CLIENT, "?adminClientId=sandbox-client&password=x"), 400),
        ("no id", query(ROLE, ""), 400),
        ("another id", query(ROLE, "?id=7"), 400),
        ("an empty role", ask(&format!("{ROLE}&roleId=")), 400),
        ("a form", client().form("username=sandbox&password=sandbox-password"), 400),
        ("a wrong label", client().body("text/plain", GOOD), 400),
        ("a label with a charset", client().body("application/json; charset=utf-8", GOOD), 200),
        ("no body", client(), 400),
        ("half a body", client().body("application/json", r#"{"username":"sandbox"}"#), 400),
        (
            "a third member",
            client()
                .body("application/json", r#"{"username":"sandbox","password":"sandbox-password","x":1}"#),
            400,
        ),
        (
            "a wrong password",
            client().body("application/json", r#"{"username":"sandbox","password":"x"}"#),
            401,
        ),
        ("an unknown user", client().body("application/json", r#"{"username":"x","password":"x"}"#), 401),
    ] {
        let reply = ask.send(&sandbox).await;
        assert_eq!(reply.status, status, "{what}");
        assert!(status == 200 || reply.text().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn who_may_not_have_a_token_is_told_why() {
    let modes = [
        ("expired", ZetasafeMode::PasswordExpired, "PASSWORD_EXPIRED"),
        ("reader", ZetasafeMode::NoApplicableRole, "USER_HAS_NO_APPLICABLE_ROLE"),
        ("unlucky", ZetasafeMode::UnexpectedError, "UNEXPECTED_ERROR"),
    ];
    let sandbox = start(|options| {
        let users = modes.map(|(name, mode, _)| ZetasafeUser::new(name, "sandbox-password").mode(mode));
        options.zetasafe.users.extend(users);
    })
    .await;
    for (name, _, code) in modes {
        for line in [CLIENT, ROLE] {
            let reply = Ask::new(line).body("application/json", GOOD.replacen("sandbox", name, 1));
            let reply = reply.send(&sandbox).await;
            assert_eq!((reply.status, reply.header("content-type")), (400, JSON), "{name}");
            assert!(reply.json()[code].is_string(), "{name}");
        }
    }
    for (line, code) in [
        (CLIENT.replace("sandbox-client", "x"), "NO_ACCESS_TO_CLIENT"),
        (format!("{ROLE}&roleId=x"), "NO_ACCESS_TO_ROLE"),
        (format!("{ROLE}&clientId=x"), "NO_ACCESS_TO_CLIENT"),
    ] {
        let reply = ask(&line).send(&sandbox).await;
        assert_eq!((reply.status, reply.json()[code].as_str()), (400, Some("Access denied")), "{line}");
    }
}

#[tokio::test]
async fn strangers_are_named_the_admins_with_either_status() {
    for (refuses_strangers, status) in [(false, 200), (true, 400)] {
        let sandbox = start(|options| options.zetasafe.refuses_strangers = refuses_strangers).await;
        let reply = ask(&CLIENT.replace("sandbox-client", "other-client")).send(&sandbox).await;
        assert_eq!((reply.status, reply.text()), (status, r#"{"admins":["anna","berta"],"token":null}"#));
        assert_eq!(sandbox.control().counters().logins("zetasafe", "sandbox").succeeded, 0);
    }
}

#[tokio::test]
async fn a_user_can_be_taken_away() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::key_revoked("sandbox"));
    assert_eq!(ask(CLIENT).send(&sandbox).await.status, 401);
}
