//! The ways to log in at Vault.

use tokenferry_sources::ExposeSecret;
use tokenferry_vault::{Kept, SERVICE_ACCOUNT_TOKEN, VaultAuth, VaultSettings};

use super::{RIGHT, lines, parse, problems};
use crate::source::Reference;

fn with(auth: &str) -> String {
    format!("vault {{\n  auth {auth}\n}}\n{RIGHT}")
}

fn settings(auth: &str) -> VaultSettings {
    parse(&with(auth)).unwrap().vault
}

fn file(path: &str) -> Reference {
    Reference::File(path.into())
}

fn env(name: &str) -> Reference {
    Reference::Env(name.to_owned())
}

#[test]
fn a_secret_id_may_be_handed_over_wrapped() {
    let auth = |more: &str| {
        let secret_id = format!("{{ file = \"/run/w\"{more} }}");
        settings(&format!("\"approle\" {{\n role_id = \"r\"\n secret_id = {secret_id}\n }}")).auth
    };
    let VaultAuth::WrappedAppRole { mount, wrapping_token: Kept::At(token), .. } = auth(", wrapped = true")
    else {
        panic!("not wrapped")
    };
    assert_eq!((mount.as_str(), token), ("approle", file("/run/w")));
    for more in ["", ", wrapped = false"] {
        assert!(
            matches!(auth(more), VaultAuth::AppRole { secret_id: Kept::At(at), .. } if at == file("/run/w"))
        );
    }
}

#[test]
fn a_service_account_needs_no_more_than_a_role() {
    let VaultAuth::Kubernetes { mount, role, jwt: Kept::At(jwt) } =
        settings("\"kubernetes\" {\n role = \"rotator\"\n }").auth
    else {
        panic!("not Kubernetes")
    };
    assert_eq!((mount.as_str(), role.as_str(), jwt), ("kubernetes", "rotator", file(SERVICE_ACCOUNT_TOKEN)));
    let other =
        "\"kubernetes\" {\n role = \"r\"\n mount = \"clusters/one\"\n jwt = { file = \"/run/jwt\" }\n }";
    let VaultAuth::Kubernetes { mount, jwt: Kept::At(jwt), .. } = settings(other).auth else {
        panic!("not Kubernetes")
    };
    assert_eq!((mount.as_str(), jwt), ("clusters/one", file("/run/jwt")));
}

#[test]
fn a_certificate_has_two_files_and_perhaps_the_name_of_a_role() {
    let auth = |more: &str| {
        let text =
            format!("\"cert\" {{\n cert_file = \"/run/c.pem\"\n key_file = \"/run/k.pem\"\n {more}\n }}");
        let VaultAuth::Cert { mount, name, cert_file, key_file } = settings(&text).auth else {
            panic!("no certificate")
        };
        assert_eq!((cert_file, key_file), ("/run/c.pem".into(), "/run/k.pem".into()));
        (mount, name)
    };
    assert_eq!(auth(""), ("cert".to_owned(), None));
    let named = auth("name = \"rotator\"\n mount = \"robots\"");
    assert_eq!(named, ("robots".to_owned(), Some("rotator".to_owned())));
}

#[test]
fn a_user_name_may_stand_here_and_its_password_may_not() {
    let auth = |username: &str| {
        let password = "password = { env = \"P\" }";
        settings(&format!("\"userpass\" {{\n username = {username}\n {password}\n }}")).auth
    };
    let VaultAuth::Userpass { mount, username: Kept::Here(username), password: Kept::At(password) } =
        auth("\"rotator\"")
    else {
        panic!("no password")
    };
    assert_eq!((mount.as_str(), username.expose_secret(), password), ("userpass", "rotator", env("P")));
    let kept = auth("{ env = \"U\" }");
    assert!(matches!(kept, VaultAuth::Userpass { username: Kept::At(at), .. } if at == env("U")));
}

#[test]
fn a_login_may_be_in_a_namespace_of_its_own() {
    let auth = |more: &str| format!("\"token\" {{\n token = {{ env = \"T\" }}\n {more}\n }}");
    assert_eq!(settings(&auth("")).auth_namespace, None);
    assert_eq!(settings(&auth("namespace = \"root\"")).auth_namespace.as_deref(), Some("root"));
}

#[test]
fn everything_that_is_wrong_with_a_login_is_told_at_once() {
    let cases = [
        (
            "\"approle\" {\n role_id = 5\n secret_id = { file = \"/s\", wrapped = \"yes\" }\n mount = \"/\"\n }",
            ["5:10 `mount` ", "3:12 `role_id` must be a text", "4:39 `wrapped` must be true or false"]
                .as_slice(),
        ),
        (
            "\"approle\" {\n role_id = \"r\"\n secret_id = { wrapped = true }\n }",
            &["4:14 `secret_id` must name exactly one place"],
        ),
        (
            "\"approle\" {\n role_id = { file = \"/r\", wrapped = true }\n secret_id = { env = \"S\" }\n }",
            &["3:12 `role_id` must name exactly one place"],
        ),
        (
            "\"cert\" {\n cert_file = { file = \"/c\" }\n name = \" \"\n }",
            &["2:3 this `auth` has no `key_file`", "3:14 `cert_file` must be a text", "4:9 `name` is empty"],
        ),
        (
            "\"kubernetes\" {\n jwt = \"hunter2\"\n token = { env = \"T\" }\n }",
            &[
                "2:3 this `auth` has no `role`",
                "3:8 `jwt` is a secret",
                "4:2 `auth` has no attribute `token`",
            ],
        ),
        (
            "\"userpass\" {\n username = \"a/b\"\n password = \"hunter2\"\n namespace = \"\"\n }",
            &[
                "3:13 a user name of Vault has no `/`",
                "4:13 `password` is a secret",
                "5:14 `namespace` is empty",
            ],
        ),
        (
            "\"userpass\" {\n usernme = \"a\"\n }",
            &["2:3 this `auth` has no `password`", "3:2 `auth` has no attribute `usernme`"],
        ),
        ("\"ldap\" {\n }", &["2:8 there is no such way to log in at Vault"]),
    ];
    for (auth, expected) in cases {
        let errors = problems(&with(auth));
        let mut found = lines(&errors);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}: {expected}");
        }
        assert!(!format!("{errors} {errors:?}").contains("hunter2"));
    }
}

#[test]
fn a_login_whose_kind_is_not_written_is_read_as_what_it_looks_like() {
    for (body, missing) in [
        ("key_file = \"/k\"", "`cert_file`"),
        ("jwt = { env = \"J\" }", "`role`"),
        ("role = 5", "`role`"),
        ("username = \"a\"", "`password`"),
    ] {
        let found = lines(&problems(&with(&format!("{{\n {body}\n }}"))));
        assert!(found.len() == 2 && found[0].starts_with("2:3 `auth` takes one name"), "{found:#?}");
        assert!(found[1].contains(missing), "{found:#?}");
    }
}

#[test]
fn a_certificate_cannot_be_shown_over_plain_http() {
    let auth = "auth \"cert\" {\n cert_file = \"/c\"\n key_file = \"/k\"\n }";
    let text = format!("vault {{\n address = \"http://127.0.0.1:8200\"\n {auth}\n}}\n{RIGHT}");
    let found = lines(&problems(&text));
    assert_eq!(found, ["1:1 `auth \"cert\"` shows a TLS certificate, and plain http has none"]);
    assert!(parse(&text.replace("http:", "https:")).is_ok());
}
