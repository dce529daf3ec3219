//! A made-up system with every kind of field.

use tfplugin::{AttributePath, ConfigReader, Diagnostics, Object, SchemaUse, Value};
use tokenferry_sources::{Given, GivenFields, Place, Reference, Severity};

use super::*;

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, description: "A setting.", default: None, environment: None, rule: None }
}

const EXTRACT: &[Field] = &[field("pointer", FieldKind::Text), field("header", FieldKind::Text)];
const RETRY: &[Field] = &[field("after", FieldKind::Duration)];
const STEP: &[Field] = &[
    field("url", FieldKind::Url),
    field("json", FieldKind::Json),
    field("headers", FieldKind::Texts),
    field("extract", FieldKind::Objects(EXTRACT)),
    field("retry", FieldKind::Object(RETRY)),
    field("part", FieldKind::Blocks(RETRY)),
];
static FIELDS: &[Field] = &[
    field("request", FieldKind::Blocks(STEP)),
    field("secrets", FieldKind::Secrets),
    field("key", FieldKind::Secret),
    field("lax", FieldKind::Flag),
    field("verify", FieldKind::Object(STEP)),
    field("mode", FieldKind::Choice(&["a", "b"])),
];

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn read_all(config: Value) -> (GivenFields, Diagnostics) {
    let Value::Map(config) = config else { panic!("an object") };
    let config: Object = config;
    let mut diagnostics = Diagnostics::new();
    let given = read(FIELDS, &mut ConfigReader::new(&config, &mut diagnostics));
    (given, diagnostics)
}

fn paths(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.iter().map(|problem| problem.path().to_string()).collect()
}

/// `Given` cannot be compared: it holds secrets.
fn shown(given: &Given) -> String {
    use tokenferry_sources::ExposeSecret;
    let inside = |given: &GivenFields| {
        given.iter().map(|(name, given)| format!("{name}={}", shown(given))).collect::<Vec<_>>().join(" ")
    };
    match given {
        Given::Text(text) => text.expose_secret().to_owned(),
        Given::Flag(flag) => flag.to_string(),
        Given::Map(map) => format!("{{{}}}", inside(map)),
        Given::List(list) => format!("[{}]", list.iter().map(inside).collect::<Vec<_>>().join("; ")),
        Given::Reference(Reference::Env(name)) => format!("${name}"),
        Given::Reference(Reference::File(path)) => path.display().to_string(),
        Given::Unknown => "?".to_owned(),
    }
}

#[test]
fn every_kind_of_field_has_its_shape_in_the_schema() {
    let schema = schema("A made-up system.".to_owned(), FIELDS);
    assert_eq!(schema.problems(SchemaUse::Resource), Vec::<String>::new());
    let step = &schema.blocks[0];
    assert_eq!(
        (step.name.as_str(), step.nesting, step.min_items, step.max_items),
        ("request", Nesting::List, 0, 0)
    );
    assert_eq!(step.block.blocks[0].name, "part");
    let of = |attributes: &[Attribute], name: &str| {
        attributes.iter().find(|attribute| attribute.name == name).unwrap().clone()
    };
    let nesting = |attribute: Attribute| match attribute.kind {
        AttributeKind::Nested(nesting, _) => Some(nesting),
        _ => None,
    };
    assert_eq!(nesting(of(&schema.attributes, "verify")), Some(Nesting::Single));
    assert_eq!(nesting(of(&schema.attributes, "secrets")), Some(Nesting::Map));
    assert_eq!(nesting(of(&step.block.attributes, "extract")), Some(Nesting::Map));
    assert_eq!(nesting(of(&step.block.attributes, "headers")), None);
    let sensitive = schema.attributes.iter().filter(|attribute| attribute.sensitive);
    assert_eq!(sensitive.map(|attribute| attribute.name.as_str()).collect::<Vec<_>>(), ["key"]);
    assert!(of(&step.block.attributes, "json").description.contains("jsonencode"));
    assert!(of(&schema.attributes, "mode").description.contains("One of `a`, `b`."));
}

#[test]
fn what_the_user_wrote_arrives_as_it_was_written() {
    let first = object([
        ("url", Value::string("https://one.example")),
        (
            "headers",
            object([("accept", Value::string("x")), ("none", Value::Null), ("late", Value::Unknown)]),
        ),
        ("extract", object([("token", object([("pointer", Value::string("/t")), ("header", Value::Null)]))])),
        ("part", Value::List(vec![])),
    ]);
    let config = object([
        ("request", Value::List(vec![first, object([("json", Value::string("{}"))])])),
        (
            "secrets",
            object([
                ("a", object([("env", Value::string("A")), ("file", Value::Null)])),
                ("b", object([("env", Value::Null), ("file", Value::string("/run/b"))])),
            ]),
        ),
        ("lax", Value::Bool(true)),
        ("mode", Value::Null),
    ]);
    let (given, diagnostics) = read_all(config);
    assert_eq!(diagnostics, Diagnostics::new());
    assert_eq!(
        shown(&Given::Map(given)),
        "{lax=true request=[extract={token={pointer=/t}} headers={accept=x late=?} part=[] \
         url=https://one.example; json={}] secrets={a=$A b=/run/b}}"
    );
}

#[test]
fn what_is_unknown_is_tolerated_at_every_depth() {
    let half = object([("url", Value::Unknown), ("extract", object([("token", Value::Unknown)]))]);
    let config = object([
        ("request", Value::List(vec![half, object([])])),
        (
            "secrets",
            object([
                ("a", Value::Unknown),
                ("b", object([("env", Value::Unknown), ("file", Value::Null)])),
                ("c", object([("env", Value::Unknown), ("file", Value::Unknown)])),
            ]),
        ),
        ("verify", Value::Unknown),
    ]);
    let (given, diagnostics) = read_all(config);
    assert_eq!(diagnostics, Diagnostics::new());
    assert_eq!(
        shown(&Given::Map(given)),
        "{request=[extract={token=?} url=?; ] \
         secrets={a=? b=? c=?} verify=?}"
    );
    let one_block = Value::List(vec![object([]), Value::Unknown]);
    for (name, unknown) in [("request", Value::Unknown), ("request", one_block), ("secrets", Value::Unknown)]
    {
        let (given, diagnostics) = read_all(object([(name, unknown)]));
        assert_eq!((shown(&given[name]).as_str(), diagnostics), ("?", Diagnostics::new()));
    }
}

#[test]
fn a_secret_has_exactly_one_place() {
    let both = object([("env", Value::string("A")), ("file", Value::string("/a"))]);
    let malformed = |name: &str, text: &str| object([(name, Value::string(text))]);
    let (given, diagnostics) = read_all(object([(
        "secrets",
        object([
            ("both", both),
            ("neither", object([])),
            ("no_name", malformed("env", "A B")),
            ("no_path", malformed("file", " ")),
        ]),
    )]));
    // There were messages about them, so nobody else has to miss them.
    assert_eq!(shown(&given["secrets"]), "{both=? neither=? no_name=? no_path=?}");
    let expected = [
        "secrets[\"both\"]",
        "secrets[\"neither\"]",
        "secrets[\"no_name\"].env",
        "secrets[\"no_path\"].file",
    ];
    assert_eq!(paths(&diagnostics), expected);
}

#[test]
fn a_problem_is_shown_where_it_is() {
    let name = |name: &str| Place::Name(name.to_owned());
    let cases = [
        ("lax", vec![], "lax"),
        ("request", vec![Place::Index(1), name("url")], "request[1].url"),
        (
            "request",
            vec![Place::Index(0), name("extract"), name("t"), name("pointer")],
            "request[0].extract[\"t\"].pointer",
        ),
        ("request", vec![Place::Index(0), name("headers"), name("accept")], "request[0].headers[\"accept\"]"),
        (
            "request",
            vec![Place::Index(0), name("part"), Place::Index(2), name("after")],
            "request[0].part[2].after",
        ),
        ("verify", vec![name("retry"), name("after")], "verify.retry.after"),
        ("secrets", vec![name("a")], "secrets[\"a\"]"),
        ("secrets", vec![name("a"), name("env")], "secrets[\"a\"].env"),
        ("request", vec![name("odd")], "request"),
        ("unheard_of", vec![], "unheard_of"),
    ];
    for (field, within, expected) in cases {
        let problem = tokenferry_sources::FieldProblem {
            field,
            within,
            severity: Severity::Error,
            summary: "Wrong".to_owned(),
            detail: "It is wrong.".to_owned(),
            reason: "wrong".to_owned(),
        };
        assert_eq!(placed(problem, &AttributePath::root(), FIELDS).path().to_string(), expected);
    }
}
