mod checks;
mod logins;
mod preset;
mod trials;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::SYSTEM;
use crate::test_server::default_context;
use crate::{BuildContext, FieldProblem, Given, GivenFields, Place, TokenSource};

/// Settings as JSON; a text is `{"?": null}` where it is not known yet.
fn given(settings: Value) -> GivenFields {
    let Value::Object(members) = settings else { panic!("settings are an object") };
    members.into_iter().map(|(name, value)| (name, one(value))).collect()
}

fn one(value: Value) -> Given {
    match value {
        Value::Bool(flag) => Given::Flag(flag),
        Value::String(text) => Given::from(text.as_str()),
        Value::Array(blocks) => Given::List(blocks.into_iter().map(given).collect()),
        Value::Object(members) if members.contains_key("?") => Given::Unknown,
        object @ Value::Object(_) => Given::Map(given(object)),
        other => panic!("no setting is {other}"),
    }
}

fn build_in(settings: Value, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let given = given(settings);
    let (settings, problems) = SYSTEM.resolve(&given, &BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    SYSTEM.build(&settings, context)
}

fn source(settings: Value) -> Arc<dyn TokenSource> {
    build_in(settings, &default_context()).unwrap()
}

/// Where a problem is, as in `request[0].url`.
fn place(problem: &FieldProblem) -> String {
    problem.within.iter().fold(problem.field.to_owned(), |path, place| match place {
        Place::Index(index) => format!("{path}[{index}]"),
        Place::Name(name) => format!("{path}.{name}"),
    })
}
