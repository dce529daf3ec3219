//! Rows of what can be written and is wrong, and how they are tried: each on a configuration that is right but for
//! that.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use tfplugin_proto::tfplugin6::schema::{Attribute, Block};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::{Problem, Reply};
use tokenferry_tests::schema;
use tokenferry_tests::value::Value;

/// Which configuration block is meant.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Data(String),
    Ephemeral(String),
    Provider,
}

/// What can be wrong in some blocks.
pub(super) struct Table {
    pub(super) kinds: Vec<Kind>,
    /// A configuration without a problem.
    pub(super) good: Json,
    pub(super) rows: Vec<Row>,
}

/// One attribute with a value that is wrong, and what has to be said about it.
#[derive(Clone)]
pub(super) struct Row {
    /// The attribute, as in `request[0].headers["Host"]`.
    pub(super) at: String,
    value: Json,
    /// Whether something else is wrong if this is not set.
    is_needed: bool,
    /// Whether it is wrong whatever its value.
    is_wrong_anyway: bool,
    /// What is written besides.
    with: Vec<(String, Json)>,
    /// Where each problem has to be shown, and words of it.
    problems: Vec<(String, String)>,
}

/// A value that is a problem at its own place.
pub(super) fn row(at: &str, value: impl Into<Json>, says: &str) -> Row {
    let problems = vec![(at.to_owned(), says.to_owned())];
    let (at, value, with) = (at.to_owned(), value.into(), Vec::new());
    Row { at, value, is_needed: false, is_wrong_anyway: false, with, problems }
}

impl Row {
    /// The same beside another value.
    pub(super) fn with(mut self, at: &str, value: impl Into<Json>) -> Self {
        self.with.push((at.to_owned(), value.into()));
        self
    }

    /// The same, with the problem shown somewhere else.
    pub(super) fn shown_at(mut self, at: &str) -> Self {
        at.clone_into(&mut self.problems[0].0);
        self
    }

    /// The same with one more problem.
    pub(super) fn and(mut self, at: &str, says: &str) -> Self {
        self.problems.push((at.to_owned(), says.to_owned()));
        self
    }

    /// The same, where without it something else is wrong.
    pub(super) fn needed(mut self) -> Self {
        self.is_needed = true;
        self
    }

    /// The same, where it is not the value that is wrong.
    pub(super) fn anyway(mut self) -> Self {
        self.is_wrong_anyway = true;
        self
    }

    /// Whether it is about this value.
    pub(super) fn is_of(&self, value: &str) -> bool {
        self.value == value
    }

    fn complaints(&self, name: &str, reply: &Reply) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut left: Vec<&Problem> = reply.errors();
        for (path, says) in &self.problems {
            let is_it = |problem: &&Problem| problem.path == *path && problem.says(&[says]);
            match left.iter().position(is_it) {
                Some(at) => drop(left.remove(at)),
                None => complaints.push(format!("{name}: nothing at {path} says {says:?}")),
            }
        }
        complaints.extend(unwanted(name, &left));
        complaints
    }

    fn on(&self, good: &Json, value: Json) -> Value {
        let mut config = good.clone();
        for (at, value) in &self.with {
            put(&mut config, at, value.clone());
        }
        put(&mut config, &self.at, value);
        with_unknowns(Value::from(&config))
    }
}

impl Table {
    /// Tries every row in every block, and says what does not hold: what is wrong is told, all of it and nothing else;
    /// and what is unknown, or not set, passes.
    pub(super) async fn complaints(&self, plugin: &Plugin) -> Vec<String> {
        let mut complaints = Vec::new();
        for kind in &self.kinds {
            let reply = kind.validate(plugin, &Value::from(&self.good)).await;
            complaints.extend(unwanted(&format!("{kind:?}"), &reply.problems.iter().collect::<Vec<_>>()));
            for row in &self.rows {
                let name = format!("{kind:?} {} = {}", row.at, row.value);
                let reply = kind.validate(plugin, &row.on(&self.good, row.value.clone())).await;
                complaints.extend(row.complaints(&name, &reply));
                complaints.extend(self.of_nothing(&name, plugin, kind, row).await);
            }
        }
        complaints
    }

    /// The same row with a value that is unknown, or null.
    async fn of_nothing(&self, name: &str, plugin: &Plugin, kind: &Kind, row: &Row) -> Vec<String> {
        let mut complaints = Vec::new();
        if row.is_wrong_anyway {
            return complaints;
        }
        for unknown in [UNKNOWN, REFINED] {
            let reply = kind.validate(plugin, &row.on(&self.good, unknown.into())).await;
            let about_it: Vec<_> = reply.problems.iter().filter(|problem| problem.path == row.at).collect();
            complaints.extend(unwanted(&format!("{name}, but unknown"), &about_it));
        }
        let is_needed =
            row.is_needed || self.rows.iter().any(|other| other.at == row.at && other.value.is_null());
        if !is_needed && row.problems.len() == 1 {
            let reply = kind.validate(plugin, &row.on(&self.good, Json::Null)).await;
            complaints
                .extend(unwanted(&format!("{name}, but null"), &reply.problems.iter().collect::<Vec<_>>()));
        }
        complaints
    }

    /// The attributes that have a row, without the indexes and keys on their ways.
    fn attributes(&self) -> BTreeSet<String> {
        self.rows.iter().map(|row| general(&row.at)).collect()
    }
}

impl Kind {
    async fn validate(&self, plugin: &Plugin, config: &Value) -> Reply {
        match self {
            Kind::Data(name) => plugin.validate_data(name, config).await,
            Kind::Ephemeral(name) => plugin.validate_ephemeral(name, config).await,
            Kind::Provider => plugin.validate_provider(config).await,
        }
    }

    /// Every block that the schemas have.
    pub(super) async fn all() -> Vec<Kind> {
        let schemas = schema::all().await;
        let data = schemas.data_source_schemas.keys().cloned().map(Kind::Data);
        let ephemeral = schemas.ephemeral_resource_schemas.keys().cloned().map(Kind::Ephemeral);
        data.chain(ephemeral).chain([Kind::Provider]).collect()
    }

    pub(super) async fn block(&self) -> &'static Block {
        match self {
            Kind::Data(name) => schema::data(name).await,
            Kind::Ephemeral(name) => schema::ephemeral(name).await,
            Kind::Provider => schema::all().await.provider.as_ref().unwrap().block.as_ref().unwrap(),
        }
    }
}

fn unwanted(name: &str, problems: &[&Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|Problem { path, summary, detail, .. }| format!("{name}: at {path}: {summary}: {detail}"))
        .collect()
}

/// The attributes that somebody can set and that have no row, as `KIND: a.b`.
pub(super) async fn without_a_row(tables: &[Table]) -> Vec<String> {
    let mut missing = Vec::new();
    for kind in Kind::all().await {
        let of_kind = tables.iter().filter(|table| table.kinds.contains(&kind));
        let tried: BTreeSet<String> = of_kind.flat_map(Table::attributes).collect();
        let mut all = Vec::new();
        settable(kind.block().await, "", &mut all);
        let left = all.into_iter().filter(|name| !tried.contains(name));
        missing.extend(left.map(|name| format!("{kind:?}: {name}")));
    }
    missing
}

/// The attributes without further ones in them.
fn settable(block: &Block, within: &str, found: &mut Vec<String>) {
    of_attributes(&block.attributes, within, found);
    for nested in &block.block_types {
        let inner = nested.block.as_ref().unwrap();
        settable(inner, &format!("{within}{}.", nested.type_name), found);
    }
}

fn of_attributes(attributes: &[Attribute], within: &str, found: &mut Vec<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.required || attribute.optional) {
        let name = format!("{within}{}", attribute.name);
        match &attribute.nested_type {
            Some(nested) => of_attributes(&nested.attributes, &format!("{name}."), found),
            None => found.push(name),
        }
    }
}

/// `a[0].b["c"].d` without its indexes and keys: `a.b.d`.
fn general(at: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '[') - i32::from(*c == ']');
        depth == 0 && *c != ']'
    };
    at.chars().filter(outside).collect()
}

/// Puts a value at `a[0].b["c"].d`.
fn put(config: &mut Json, at: &str, value: Json) {
    let way = at.replace("[\"", ".").replace("\"]", "").replace('[', ".#").replace(']', "");
    let mut here = config;
    for step in way.split('.') {
        here = if let Some(index) = step.strip_prefix('#') {
            &mut here[index.parse::<usize>().unwrap()]
        } else {
            if here.is_null() {
                *here = Json::Object(Map::new());
            }
            &mut here[step]
        };
    }
    *here = value;
}

/// JSON has no unknown values, so texts stand for them.
fn with_unknowns(value: Value) -> Value {
    match value {
        Value::Text(text) if text == UNKNOWN => Value::unknown(),
        Value::Text(text) if text == REFINED => Value::unknown_with_prefix("h"),
        Value::List(items) => Value::List(items.into_iter().map(with_unknowns).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, with_unknowns(value))).collect())
        }
        other => other,
    }
}

/// Rows of one attribute that all are problems there.
pub(super) fn rows<const N: usize>(at: &str, wrong: [(Json, &str); N]) -> Vec<Row> {
    wrong.into_iter().map(|(value, says)| row(at, value, says)).collect()
}

/// What is wrong with every text: it is empty, or has something at its ends or in it that nobody means.
pub(super) fn text(at: &str) -> Vec<Row> {
    let wrong = [
        (json!(""), "empty"),
        (json!("  "), "empty"),
        (json!(" a"), "white space"),
        (json!("a\nb"), "line break"),
        (json!("a\u{7}b"), "control character"),
    ];
    rows(at, wrong)
}

/// What is wrong with every secret, which may have blanks anywhere.
pub(super) fn secret(at: &str) -> Vec<Row> {
    rows(at, [(json!(""), "empty"), (json!("planted\n"), "line break")])
}

pub(super) fn duration(at: &str) -> Vec<Row> {
    let wrong = [
        (json!(""), "empty"),
        (json!("15"), "\"15s\""),
        (json!("1h30"), "\"1h30m\""),
        (json!("-5m"), "negative"),
        (json!("15 minutes"), "\"15m\""),
        (json!("2d"), "\"48h\""),
        (json!("2w"), "`w` is no unit"),
        (json!("soon"), "as in \"90s\""),
    ];
    rows(at, wrong)
}

pub(super) fn positive_duration(at: &str) -> Vec<Row> {
    let mut rows = duration(at);
    rows.push(row(at, "0s", "longer than zero, as in"));
    rows
}

pub(super) fn flag(at: &str) -> Vec<Row> {
    rows(at, [(json!("maybe"), "bool")])
}

pub(super) fn url(at: &str) -> Vec<Row> {
    let wrong = [
        (json!(""), "empty"),
        (json!("host.example/api"), "not a URL"),
        (json!("https://"), "host"),
        (json!("https:///api"), "host"),
        (json!("ftp://host.example/"), "scheme must be https"),
        (json!("http://host.example/"), "allow_http"),
        (json!("https://planted:word@host.example/"), "user name or password"),
        (json!("https://host.example/?a=b"), "`?`"),
        (json!("https://host.example/#a"), "`#`"),
        (json!("https://host.example:99999/"), "port"),
        (json!("https://host.example:0/"), "port"),
    ];
    rows(at, wrong)
}

const UNKNOWN: &str = "<unknown>";
const REFINED: &str = "<unknown, but with a prefix>";
