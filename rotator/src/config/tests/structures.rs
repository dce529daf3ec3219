//! Fields that hold more than one text.

use std::path::Path;

use tokenferry_sources::{ExposeSecret, Field, FieldKind, FieldProblem, Given, GivenFields, Place, Severity};

use super::super::document::Document;
use super::super::reader::Block;
use super::super::written::Written;
use super::super::{ConfigErrors, Problem};
use crate::source::{Setting, Settings};

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, description: "", default: None, environment: None, rule: None }
}

/// One of each kind.
pub(in super::super) const FIELDS: &[Field] = &[
    field("exchange", FieldKind::Blocks(EXCHANGE)),
    field("grant", FieldKind::Object(GRANT)),
    field("grants", FieldKind::Objects(GRANT)),
    field("labels", FieldKind::Texts),
    field("hidden", FieldKind::Secrets),
    field("payload", FieldKind::Json),
];
const EXCHANGE: &[Field] = &[
    field("target", FieldKind::Url),
    field("payload", FieldKind::Json),
    field("follows", FieldKind::Flag),
    field("labels", FieldKind::Texts),
    field("grant", FieldKind::Object(GRANT)),
];
const GRANT: &[Field] = &[
    field("scope", FieldKind::Text),
    field("proof", FieldKind::Secret),
    field("style", FieldKind::Choice(&["basic", "body"])),
    field("lasts", FieldKind::Duration),
];

/// What the fields hold, and what is wrong.
fn read(text: &str, problems: &[FieldProblem]) -> (Settings, GivenFields, ConfigErrors) {
    let document = Document::parse(Path::new("t.hcl").into(), text.to_owned());
    let (mut settings, mut given) = (Settings::new(), GivenFields::new());
    if let Ok(root) = Block::root(&document) {
        let mut written = Written::at(root.header);
        for field in FIELDS {
            written.read(&root, field);
        }
        written.judge(problems);
        let named = written.settings.into_iter().map(|(name, setting)| (name.to_owned(), setting));
        (settings, given) = (named.collect(), written.given);
        root.finish();
    }
    let problems: Vec<Problem> = document.into_problems().collect();
    (settings, given, ConfigErrors(problems))
}

fn lines(text: &str) -> Vec<String> {
    super::lines(&read(text, &[]).2)
}

fn text<'a>(given: &'a GivenFields, name: &str) -> &'a str {
    match given.get(name) {
        Some(Given::Text(text)) => text.expose_secret(),
        other => panic!("{name}: {other:?}"),
    }
}

fn map<'a>(given: &'a GivenFields, name: &str) -> &'a GivenFields {
    match given.get(name) {
        Some(Given::Map(map)) => map,
        other => panic!("{name}: {other:?}"),
    }
}

const RIGHT: &str = r#"
exchange {
  target  = "https://a.example"
  payload = { user = "anna", more = [1, -2, 1.5, true, null, { "x-y" = "z" }] }
  labels  = { Accept = "text/plain", "x-more" = "{{secrets.id}}" }
}
exchange {
  target  = "https://b.example"
  follows = true
  payload = <<-EOT
    {"user":
      "anna"}
  EOT
  grant = { scope = "all", proof = { vault = { mount = "kv", path = "a/b", field = "proof" } } }
}
grant  = { scope = { file = "scope" }, lasts = "5m" }
grants = { one = { style = "basic" }, "two" = { style = "body", proof = { env = "PROOF" } } }
hidden = { id = { env = "ID" }, key = { file = "/key" }, "the rest" = { vault = { mount = "kv/", path = "c", field = "d" } } }
payload = "[]"
"#;

#[test]
fn every_structure_is_read_as_it_is_described() {
    let (settings, given, errors) = read(RIGHT, &[]);
    assert_eq!(super::lines(&errors), [""; 0]);
    let Some(Given::List(exchanges)) = given.get("exchange") else { panic!("no blocks") };
    let [first, second] = exchanges.as_slice() else { panic!("two blocks") };
    assert_eq!(text(first, "target"), "https://a.example");
    let json = r#"{"more":[1,-2,1.5,true,null,{"x-y":"z"}],"user":"anna"}"#;
    assert_eq!(text(first, "payload"), json);
    assert_eq!(text(map(first, "labels"), "x-more"), "{{secrets.id}}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(text(second, "payload")).unwrap()["user"], "anna");
    assert!(matches!(second.get("follows"), Some(Given::Flag(true))));
    assert_eq!(text(map(map(&given, "grants"), "two"), "style"), "body");
    assert_eq!(text(&given, "payload"), "[]");
    assert!(map(&given, "hidden").values().all(|given| matches!(given, Given::Unknown)));

    let Some(Setting::Map(hidden)) = settings.get("hidden") else { panic!("no map") };
    let Some(Setting::InVault(kept)) = hidden.get("the rest") else { panic!("not in Vault: {hidden:?}") };
    assert_eq!(kept.to_string(), "kv/c#d");
    let Some(Setting::Blocks(blocks)) = settings.get("exchange") else { panic!("no blocks") };
    let Some(Setting::Map(grant)) = blocks[1].get("grant") else { panic!("no grant") };
    assert!(matches!(grant.get("proof"), Some(Setting::InVault(_))), "{grant:?}");
}

#[test]
fn what_is_wrong_within_is_told_where_it_stands_all_at_once() {
    let wrong = r#"
exchange {
  traget  = "https://a.example"
  payload = { user = planted, more = [nul, "${planted}"], "a" = upper("planted") }
  labels  = { Accept = 17, More = ["planted"] }
  grant   = { scop = "planted", proof = "planted", lasts = "planted" }
}
exchange "planted" {
  labels = "planted"
}
exchange = { target = "planted" }
grants = { one = "planted", two = { styl = "planted" } }
hidden = { id = "planted", key = { evn = "planted" }, last = { vault = { path = "a//b", feild = "planted" } } }
payload = <<EOT
${planted}
EOT
labels {
}
"#;
    let (_, _, errors) = read(wrong, &[]);
    let expected = [
        "3:3 `exchange` has no attribute `traget`",
        "4:22 `payload` must be JSON, not a bare word",
        "4:39 `payload` must be JSON, not a bare word",
        "4:44 `payload` must be JSON, not a template",
        "4:65 `payload` must be JSON, not a function call; there are no functions here",
        "5:24 `labels` must be a text, not a number",
        "5:35 `labels` must be a text, not a list",
        "6:15 `grant` has no `scop`",
        "6:41 `proof` is a secret, and a secret never stands in this file",
        "6:60 `lasts` is not a duration: it has no number where one is expected; write a number and a unit, as in \"90s\" \
         or \"1h30m\"",
        "8:1 `exchange` takes no name, not 1",
        "9:12 `labels` must be an object, not a text",
        "11:1 `exchange` is a block, not an attribute",
        "12:18 `grants` must be an object, not a text",
        "12:37 what stands in `grants` has no `styl`",
        "13:17 `hidden` is a secret, and a secret never stands in this file",
        "13:36 `hidden` can be kept in `env`, `file` or `vault` only",
        "13:72 this `vault` has no `mount`",
        "13:72 this `vault` has no `field`",
        "13:81 `path` contains an empty step, `//`; write `a/b`, without an empty step",
        "13:89 `vault` has no `feild`",
        "14:11 `payload` must be a text, not a template",
        "17:1 `labels` is an attribute, not a block",
    ];
    assert_eq!(super::lines(&errors), expected, "{errors}");
    assert!(!format!("{errors} {errors:?}").contains("planted"), "{errors}");
    let help: Vec<&str> = errors.iter().filter_map(|problem| problem.advice.as_deref()).collect();
    for meant in
        ["did you mean `target`?", "did you mean `scope`?", "did you mean `style`?", "did you mean `field`?"]
    {
        assert!(help.contains(&meant), "{help:#?}");
    }
}

#[test]
fn a_problem_within_is_told_at_the_innermost_place_there_is() {
    let problem = |field: &'static str, within: &[Place], reason: &str| FieldProblem {
        field,
        within: within.to_vec(),
        severity: Severity::Error,
        summary: String::new(),
        detail: String::new(),
        reason: reason.to_owned(),
    };
    let name = |name: &str| Place::Name(name.to_owned());
    let problems = [
        problem("exchange", &[Place::Index(1), name("target")], "it is wrong"),
        problem("exchange", &[Place::Index(0), name("follows")], "missing `follows`"),
        problem("grants", &[name("two"), name("style")], "it is wrong"),
        problem("grants", &[name("one"), name("proof")], "missing `proof`"),
        problem("hidden", &[name("the rest")], "nobody uses it"),
    ];
    let (_, _, errors) = read(RIGHT, &problems);
    let expected = [
        "2:1 missing `follows`",
        "8:13 `target`: it is wrong",
        "17:18 missing `proof`",
        "17:57 `style`: it is wrong",
        "18:71 `hidden`: nobody uses it",
    ];
    assert_eq!(super::lines(&errors), expected);
    let help: Vec<&str> = errors.iter().filter_map(|problem| problem.advice.as_deref()).collect();
    assert_eq!(help, ["write `follows = true`", "write `proof = { env = \"NAME\" }`"]);
}

#[test]
fn a_name_that_stands_twice_in_an_object_is_told_once() {
    assert_eq!(
        lines("labels = { a-name = \"x\", a-name = \"y\" }\n"),
        ["1:26 this name is written here again"]
    );
}

#[test]
fn what_a_service_lacks_is_told_where_it_belongs() {
    let text = r#"
source "http" "one" {
  secrets = { id = { file = "id" } }
  request {
    json = { p = "{{secrets.planted}}" }
  }
}
source "http" "two" {
  ttl = "1h"
}
source "http" "three" {
  secrets = { id = { env = "ID" } }
  request {
    url    = "https://a.example/{{secrets.id}}"
    values = { token = { json_pointer = "/t" } }
  }
  oauth2_client_credentials = { token_url = "https://id.example/", client_id = "c" }
}
"#;
    let errors = super::problems(&format!("{text}{}", super::RIGHT));
    let expected = [
        "4:3 missing `url`",
        "4:3 `request`: none of the requests takes the token: one of them needs `values = { token = … }`",
        "5:12 `json`: ",
        "8:1 missing `request`",
        "17:31 `oauth2_client_credentials`: it takes the place of `request` blocks: leave it or them out",
    ];
    let found = super::lines(&errors);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "found: {found}\nexpected: {expected}");
    }
}

#[test]
fn a_request_that_is_not_written_as_one_is_not_missing_too() {
    for (request, expected) in [
        ("requests {\n}", "3:1 `source` has no block `requests`"),
        ("request = { url = \"https://a.example\" }", "3:1 `request` is a block, not an attribute"),
    ] {
        let text = format!("\nsource \"http\" \"one\" {{\n{request}\n}}\n{}", super::RIGHT);
        let found = super::lines(&super::problems(&text));
        assert_eq!(found, [expected]);
    }
}
