use serde_json::{Value, json};

use super::{build_in, given, place};
use crate::test_server::default_context;
use crate::{Given, SYSTEMS};

use super::super::SYSTEM;

fn problems(settings: Value) -> Vec<(String, String)> {
    let problems = SYSTEM.check(&given(settings));
    problems.iter().map(|problem| (place(problem), problem.reason.clone())).collect()
}

/// A chain of one request with these members beside what every request needs.
fn request(members: &Value) -> Value {
    let mut request = json!({
        "url": "https://id.example/login",
        "values": { "token": { "json_pointer": "/token" } },
    });
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "secrets": { "password": "hunter2" }, "request": [request] })
}

#[test]
fn a_request_has_each_of_these_problems_at_its_place() {
    let cases = [
        (json!({ "url": "id.example" }), "url", "not a URL"),
        (json!({ "url": "https://anna:hunter2@id.example/" }), "url", "user name or password"),
        (json!({ "url": "https://{{secrets.password}}/" }), "url", "fixed"),
        (json!({ "url": "https://id.example/{{values.x}}" }), "url", "earlier request"),
        (json!({ "url": "https://id.example/?api_key=hunter2" }), "url", "`secrets`"),
        (json!({ "url": "http://id.example/" }), "url", "allow_http"),
        (json!({ "headers": { "X-A": "{{secrets.other}}" } }), "headers.X-A", "not declared"),
        (json!({ "headers": { "X-A": "{{values.x}}" } }), "headers.X-A", "earlier request"),
        (json!({ "headers": { "X-A": "{{values.token}}" } }), "headers.X-A", "earlier request"),
        (json!({ "headers": { "X-A": "{{secret.password}}" } }), "headers.X-A", "`{{{{`"),
        (json!({ "headers": { "X A": "x" } }), "headers.X A", "not the name of a header"),
        (json!({ "headers": { "X-A": "a\r\nb" } }), "headers.X-A", "line break"),
        (json!({ "headers": { "Host": "other.example" } }), "headers.Host", "cannot be set"),
        (json!({ "headers": { "content-length": "1" } }), "headers.content-length", "cannot be set"),
        (json!({ "headers": { "Accept": "a", "accept": "b" } }), "headers.accept", "twice"),
        (json!({ "headers": { "Authorization": "Bearer hunter2" } }), "headers.Authorization", "`secrets`"),
        (
            json!({ "headers": { "Authorization": "Bearer hunter2{{secrets.password}}" } }),
            "headers.Authorization",
            "`secrets`",
        ),
        (json!({ "url": "https://id.example/?jwt=hunter2{{secrets.password}}" }), "url", "`secrets`"),
        (json!({ "headers": { "X-Access-Key": "hunter2" } }), "headers.X-Access-Key", "`secrets`"),
        (json!({ "form": { "passcode": "hunter2" } }), "form.passcode", "`secrets`"),
        (json!({ "json": "{\"token\":{\"value\":\"hunter2\"}}" }), "json", "\"/token/value\""),
        (json!({ "headers": { "X-Vault-Token": "hunter2" } }), "headers.X-Vault-Token", "`secrets`"),
        (json!({ "query": { "access_token": "hunter2" } }), "query.access_token", "`secrets`"),
        (json!({ "form": { "client_secret": "hunter2" } }), "form.client_secret", "`secrets`"),
        (json!({ "form": { "{{secrets.password}}": "x" } }), "form.{{secrets.password}}", "not for a name"),
        (json!({ "json": "{\"a\":{\"password\":\"hunter2\"}}" }), "json", "\"/a/password\""),
        (json!({ "json": "{\"a\":\"{{secrets.other}}\"}" }), "json", "not declared"),
        (json!({ "json": "{" }), "json", "not JSON"),
        (json!({ "json": "{}", "form": {} }), "form", "one body"),
        (json!({ "json": "{}", "method": "GET" }), "method", "no body"),
        (json!({ "method": "TRACE" }), "method", "one of"),
        (
            json!({ "basic_auth": { "username": "anna", "password": "hunter2" } }),
            "basic_auth.password",
            "`secrets`",
        ),
        (json!({ "basic_auth": { "username": "hunter2" } }), "basic_auth.username", "`secrets`"),
        (
            json!({ "basic_auth": { "username": "an:na", "password": "{{secrets.password}}" } }),
            "basic_auth.username",
            "colon",
        ),
        (
            json!({ "basic_auth": { "username": "an:{{secrets.password}}", "password": "{{secrets.password}}" } }),
            "basic_auth.username",
            "colon",
        ),
        (json!({ "values": {} }), "", "none of the requests takes the token"),
        (json!({ "values": { "token": {} } }), "values.token", "json_pointer"),
        (
            json!({ "values": { "token": { "json_pointer": "token" } } }),
            "values.token.json_pointer",
            "begin with `/`",
        ),
        (json!({ "values": { "token": { "header": "a b" } } }), "values.token.header", "not the name"),
        (
            json!({ "values": { "token": { "regex": "(" } } }),
            "values.token.regex",
            "not a regular expression",
        ),
        (json!({ "values": { "token": { "regex": "a" } } }), "values.token.regex", "exactly one group"),
        (json!({ "values": { "token": { "regex": "(a)(b)" } } }), "values.token.regex", "exactly one group"),
        (
            json!({ "values": { "token": { "regex": "(a)", "header": "A", "json_pointer": "/a" } } }),
            "values.token.header",
            "not from both",
        ),
        (
            json!({ "values": { "token": { "json_pointer": "/t" }, "a.b": { "json_pointer": "/t" } } }),
            "values.a.b",
            "begin with a letter",
        ),
    ];
    for (members, at, reason) in cases {
        let told = members.to_string();
        let expected = match at {
            "" => "request".to_owned(),
            at => format!("request[0].{at}"),
        };
        let found = problems(request(&members));
        assert!(
            found.len() == 1 && found[0].0 == expected && found[0].1.contains(reason),
            "{told}: {found:?}"
        );
        assert!(!format!("{found:?}").contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_right_has_no_problem() {
    for members in [
        json!({}),
        json!({ "headers": { "Authorization": "Bearer {{secrets.password}}", "X-CSRF-Token": "fetch", "Cookie": "" } }),
        json!({ "json": "{\"password\":\"{{ secrets.password }}\",\"secret\":\"\",\"token_type\":\"x\"}" }),
        json!({ "form": { "grant_type": "password", "password": "{{secrets.password}}", "token": "" } }),
        json!({ "query": { "q": "{{{{" }, "url": "https://id.example/a/{{secrets.password}}?api_key={{secrets.password}}" }),
        json!({ "basic_auth": { "username": "anna", "password": "{{secrets.password}}" } }),
        json!({ "basic_auth": { "username": "{{secrets.password}}" } }),
        json!({ "url": "http://127.0.0.1:8080/" }),
        json!({ "values": { "token": { "header": "Set-Cookie", "regex": "sid=([^;]+)" } } }),
    ] {
        assert_eq!(problems(request(&members)), [], "{members}");
    }
    let mut plain = request(&json!({ "url": "http://id.example/" }));
    plain["allow_http"] = json!(true);
    assert_eq!(problems(plain), []);
}

#[test]
fn all_problems_of_a_chain_are_found_at_once() {
    let found = problems(json!({
        "request": [
            { "url": "https://{{values.a}}/", "values": { "session": { "json_pointer": "x" }, "token": { "header": "A" } } },
            { "headers": { "A": "{{values.session}}", "B": "{{values.later}}", "C": "{{secrets.none}}" } },
            { "url": "https://id.example", "values": { "later": { "header": "A" }, "token": { "header": "B" } } },
        ],
        "header": "a b",
        "scheme": "two words",
        "ttl": "0s",
    }));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        "ttl",
        "header",
        "request[0].url",
        "request[0].values.session.json_pointer",
        "request[1].url",
        "request[1].headers.B",
        "request[1].headers.C",
        "request[2].values.token",
        "scheme",
    ];
    assert_eq!(places, expected);
}

#[test]
fn there_is_one_way_to_log_in() {
    assert_eq!(problems(json!({}))[0].0, "request");
    assert_eq!(problems(json!({ "request": [] }))[0].0, "request");
    let mut both = request(&json!({}));
    both["oauth2_client_credentials"] = json!({ "token_url": "https://id.example/", "client_id": "c" });
    assert_eq!(
        problems(both),
        [(
            "oauth2_client_credentials".into(),
            "it takes the place of `request` blocks: leave it or them out".into()
        )]
    );
    assert_eq!(SYSTEM.flaws(&given(json!({}))), [], "it is told by the check");
}

#[test]
fn what_is_not_known_yet_is_no_problem_until_the_login() {
    let unknown = || json!({ "?": null });
    let mut settings = request(&json!({
        "headers": { "X-A": unknown(), "X-B": "{{secrets.a}} {{values.b}}" },
        "query": unknown(),
    }));
    settings["secrets"] = unknown();
    let first = json!({ "url": unknown(), "values": unknown() });
    settings["request"].as_array_mut().unwrap().insert(0, first);
    assert_eq!(problems(settings.clone()), []);
    let late = build_in(settings, &default_context()).unwrap_err();
    let places: Vec<String> = late.iter().map(place).collect();
    let expected =
        ["secrets", "request[0].url", "request[0].values", "request[1].query", "request[1].headers.X-A"];
    assert_eq!(places, expected);
    assert_eq!(late[1].summary, "`request[0].url` is not known yet");
    for name in ["request", "oauth2_client_credentials"] {
        assert_eq!(problems(json!({ name: unknown() })), []);
    }
    for (json, form) in [(unknown(), json!({})), (json!("{}"), unknown())] {
        assert_eq!(problems(request(&json!({ "json": json, "form": form }))), []);
    }
}

#[test]
fn a_body_too_many_hides_no_credential() {
    let both = json!({ "json": "{\"password\":\"hunter2\"}", "form": { "client_secret": "hunter2" } });
    let found = problems(request(&both));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["request[0].form", "request[0].json", "request[0].form.client_secret"]);
}

#[test]
fn while_the_authentication_is_not_known_yet_either_secret_is_enough() {
    for (secrets, expected) in [
        (json!({ "private_key": "x" }), &[][..]),
        (json!({ "client_secret": "x" }), &[]),
        (json!({ "other": "x" }), &["secrets.client_secret"]),
    ] {
        let client = json!({
            "token_url": "https://id.example/",
            "client_id": "c",
            "authentication": { "?": null },
        });
        let found = problems(json!({ "secrets": secrets, "oauth2_client_credentials": client }));
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, expected);
    }
}

#[test]
fn a_secret_that_was_not_read_stops_the_login_only() {
    let mut settings = given(request(&json!({})));
    let place = crate::Reference::Env("API_PASSWORD".to_owned());
    let secrets = crate::GivenFields::from([("password".to_owned(), Given::Reference(place))]);
    settings.insert("secrets".to_owned(), Given::Map(secrets));
    assert_eq!(SYSTEM.check(&settings), []);
    assert_eq!(SYSTEM.flaws(&settings), []);
}

#[test]
fn the_system_is_in_the_list_and_tells_logins_apart_by_everything() {
    assert!(SYSTEMS.iter().any(|system| system.name == "http"));
    let material = |settings| SYSTEM.material(&given(settings)).to_vec();
    let base = material(request(&json!({})));
    assert_eq!(base, material(request(&json!({}))));
    let mut other_secret = request(&json!({}));
    other_secret["secrets"]["password"] = json!("hunter3");
    for other in [
        other_secret,
        request(&json!({ "url": "https://id.example/other" })),
        request(&json!({ "query": { "a": "" } })),
    ] {
        assert_ne!(base, material(other));
    }
}
