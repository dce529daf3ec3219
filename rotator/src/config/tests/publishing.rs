//! What can be said of destinations, of trying tokens out, and of sessions.

use tokenferry_vault::KvPath;

use super::{Config, RIGHT, lines, parse, problems};
use crate::rotation::Destination;

fn with(more: &str) -> String {
    RIGHT.replace("path  = \"notes\"", &format!("path  = \"notes\"\n    {more}"))
}

fn destination(config: &Config) -> &Destination {
    &config.rotations[0].destinations[0]
}

#[test]
fn fields_are_renamed_for_one_destination() {
    let config = parse(&with("fields = { token = \"access_token\", expires_at = \"exp\" }")).unwrap();
    let fields = &destination(&config).fields;
    assert_eq!(
        (fields.of("token"), fields.of("expires_at"), fields.of("ttl")),
        ("access_token", "exp", "ttl")
    );
    assert_eq!(destination(&parse(RIGHT).unwrap()).fields.renamed().count(), 0);
}

#[test]
fn what_fields_cannot_be_called_is_said_where_it_stands() {
    for (fields, expected) in [
        ("{ tokn = \"a\" }", "11:16 `fields`: an entry has no such field"),
        ("{ token = \"a\", ttl = \"a\" }", "11:29 `fields`: `token` would have the name of `ttl`"),
        ("{ token = \"subject\" }", "11:24 `fields`: `token` would have the name of `subject`"),
        ("{ token = \"\" }", "11:24 `fields`: the name of `token` is empty, begins or ends with white space"),
        (
            "{ token = \"a\\n\" }",
            "11:24 `fields`: the name of `token` is empty, begins or ends with white space",
        ),
        ("{ token = 1 }", "11:24 `fields` must be a text, not a number"),
        ("\"token\"", "11:14 `fields` must be an object, not a text"),
    ] {
        let found = lines(&problems(&with(&format!("fields = {fields}"))));
        let [found] = found.as_slice() else { panic!("{fields}: {found:?}") };
        let without_column = |text: &str| text.split_once(' ').unwrap().1.to_owned();
        assert!(without_column(found).starts_with(&without_column(expected)), "{fields}: {found}");
    }
    let shown = problems(&with("fields = { tokn = \"a\" }")).to_string();
    assert!(shown.contains("did you mean `token`?"), "{shown}");
}

#[test]
fn a_namespace_names_another_entry_unless_it_is_that_of_the_login() {
    let second = |namespace: &str, vault: &str| {
        let second = format!(
            "  destination {{\n    mount = \"secret\"\n    path = \"notes\"\n    namespace = \"{namespace}\"\n  }}\n}}\n{vault}"
        );
        RIGHT.trim_end().trim_end_matches('}').to_owned() + &second
    };
    let same = |text: &str| lines(&problems(text)) == ["13:3 the destination at t.hcl:9 is the same entry"];
    let config = parse(&second("team-a", "")).unwrap();
    let expected = KvPath { namespace: Some("team-a".into()), ..KvPath::new("secret", "notes") };
    assert_eq!(config.rotations[0].destinations[1].entry, expected);
    assert!(parse(&second("team-a/b", "vault {\n  namespace = \"team-a\"\n}\n")).is_ok());
    assert!(parse(&second("root", "vault {\n  namespace = \"team-a\"\n}\n")).is_ok());
    assert!(same(&second("root", "")));
    assert!(same(&second("/team-a/", "vault {\n  namespace = \"team-a\"\n}\n")));
    for (namespace, wrong) in [
        ("", "`namespace` is empty"),
        ("a//b", "`namespace` contains an empty step"),
        ("tëam", "`namespace` contains a character"),
    ] {
        let found = lines(&problems(&second(namespace, "")));
        assert!(found[0].contains(wrong), "{found:?}");
    }
}

#[test]
fn a_namespace_of_the_environment_is_that_of_the_login_too() {
    let text = with("namespace = \"team-a\"");
    let environment =
        super::variables(&[("VAULT_ADDR", "https://vault.example"), ("VAULT_NAMESPACE", "team-a/")]);
    let config = Config::parse(vec![("t.hcl".into(), text)], &environment).unwrap();
    assert_eq!(destination(&config).entry, KvPath::new("secret", "notes"));
}

#[test]
fn a_secret_can_be_kept_in_another_namespace_and_is_never_a_destination() {
    let kept = |namespace: &str| {
        let kept = format!(
            "{{ vault = {{ namespace = \"{namespace}\", mount = \"secret\", path = \"notes\", field = \"x\" }} }}"
        );
        RIGHT.replace("{ env = \"ZETTELSTORE_PASSWORD\" }", &kept)
    };
    assert!(parse(&kept("team-a")).is_ok());
    let found = lines(&problems(&kept("root")));
    assert_eq!(found, ["9:3 the source at t.hcl:2 reads a secret from this very entry"]);
}

const HTTP: &str = r#"
source "http" "api" {
  request {
    url    = "https://api.example/login"
    values = { token = { json_pointer = "/token" } }
  }
  VERIFY
}
rotation "api" {
  source   = "http.api"
  schedule = "0 * * * *"
  destination {
    mount = "secret"
    path  = "notes"
  }
}
"#;

#[test]
fn an_http_source_says_how_its_tokens_are_tried_out() {
    let verifies =
        |verify: &str| parse(&HTTP.replace("VERIFY", verify)).map(|config| config.rotations[0].verify);
    assert!(!verifies("").unwrap());
    assert!(verifies("verify = { url = \"https://api.example/me\" }").unwrap());
    assert!(verifies("verify {\n url = \"https://api.example/me\"\n statuses = [200, 404]\n }").unwrap());
    let problem = |verify: &str| lines(&verifies(verify).unwrap_err());
    for (verify, wrong) in [
        ("verify = {}", "7:12 missing `url`"),
        (
            "verify = { url = \"https://api.example/me\", statuses = [\"ok\"] }",
            "`statuses`: it must be a list of statuses",
        ),
        (
            "verify = { url = \"https://api.example/me\", headers = { authorization = \"{{secrets.x}}\" } }\n secrets = { x = { env = \"X\" } }",
            "the token itself is sent in this header",
        ),
        ("verify = { url = \"https://api.example/{{values.token}}\" }", "is not taken from the answer"),
        ("verify = { ur = \"https://api.example/me\" }", "`verify` has no `ur`"),
        (
            "verify {\n url = \"https://a.example\"\n }\n verify {\n url = \"https://a.example\"\n }",
            "more than one `verify`",
        ),
    ] {
        let found = problem(verify);
        assert!(found.iter().any(|found| found.contains(wrong)), "{verify}: {found:?}");
    }
    let wanted = HTTP.replace("VERIFY", "").replace("  schedule", "  verify = true\n  schedule");
    let shown = problems(&wanted).to_string();
    assert!(
        shown.contains("cannot be tried out")
            && shown.contains("write `verify = { url = \"…\" }` in its source"),
        "{shown}"
    );
}

const ZENOTI: &str = r#"
source "zenoti" "salon" {
  account_name = "acme"
  username     = "anna"
  password     = { env = "PASSWORD" }
  app_id       = "app"
  app_secret   = { env = "APP_SECRET" }
  use_refresh_token = true
  session {
    mount = "secret"
    path  = "sessions/salon"
  }
}
rotation "salon" {
  source   = "zenoti.salon"
  schedule = "0 * * * *"
  destination {
    mount = "secret"
    path  = "tokens/salon"
  }
}
"#;

#[test]
fn a_refresh_token_has_an_entry_of_its_own() {
    let config = parse(ZENOTI).unwrap();
    let session = config.sources[0].session.as_deref();
    assert_eq!(session, Some(&KvPath::new("secret", "sessions/salon")));
    let without = ZENOTI.replace("use_refresh_token = true", "");
    assert!(
        lines(&problems(&without))[0].contains("a `session` is of use with `use_refresh_token = true` only")
    );
    let off = ZENOTI.replace("= true", "= false");
    assert!(lines(&problems(&off))[0].contains("a `session` is of use"));
    let alone =
        ZENOTI.replace("  session {\n    mount = \"secret\"\n    path  = \"sessions/salon\"\n  }\n", "");
    assert!(lines(&problems(&alone))[0].starts_with("8:23 `use_refresh_token` needs a `session`"));
    assert!(parse(&alone.replace("= true", "= false")).unwrap().sources[0].session.is_none());
    let key = "source \"zenoti\" \"salon\" {\n  api_key = { env = \"KEY\" }\n  use_refresh_token = true\n  session {\n    mount = \"a\"\n    path = \"b\"\n  }\n}\n";
    assert!(lines(&problems(key)).contains(&"3:23 an API key is never refreshed".to_owned()));
    let others = RIGHT.replace("  username", "  use_refresh_token = true\n  username");
    assert_eq!(lines(&problems(&others)), ["3:3 `source` has no attribute `use_refresh_token`"]);
}

#[test]
fn a_session_is_kept_apart_from_every_destination() {
    for (path, is_right) in [
        ("tokens/salon", false),
        ("tokens", false),
        ("tokens/salon/refresh", false),
        ("tokens/salons", true),
        ("other", true),
    ] {
        let text = ZENOTI.replace("sessions/salon", path);
        match parse(&text) {
            Ok(_) => assert!(is_right, "{path}"),
            Err(errors) => assert!(
                !is_right
                    && lines(&errors)
                        == [
                            "17:3 the `session` at t.hcl:9 is this entry, or one is a folder that holds the other"
                        ],
                "{path}: {errors}"
            ),
        }
    }
    let elsewhere =
        ZENOTI.replace("path  = \"sessions/salon\"", "path = \"tokens/salon\"\n    namespace = \"team\"");
    assert!(parse(&elsewhere).is_ok());
}

#[test]
fn who_refreshes_is_alone_with_a_user() {
    let rotation = ZENOTI.split_at(ZENOTI.find("rotation").unwrap()).1;
    let other = rotation.replace("\"salon\" {", "\"other\" {").replace("tokens/salon", "tokens/other");
    let found = lines(&problems(&format!("{ZENOTI}{other}")));
    assert!(found[0].contains("the rotation at t.hcl:15 has this source"), "{found:?}");
    let source = ZENOTI.split_at(ZENOTI.find("rotation").unwrap()).0;
    let plain = source.replace("\"salon\"", "\"plain\"").replace("use_refresh_token = true", "");
    let plain =
        plain.replace("  session {\n    mount = \"secret\"\n    path  = \"sessions/salon\"\n  }\n", "");
    let found = lines(&problems(&format!("{plain}{ZENOTI}")));
    assert!(found.iter().any(|found| found.contains("logs in as the same user")), "{found:?}");
    assert!(parse(&format!("{}{ZENOTI}", plain.replace("acme", "other"))).is_ok());
}
