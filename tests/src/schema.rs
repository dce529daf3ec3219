//! What the provider says about its configurations, asked once for all tests, and configurations completed by
//! it: a host sends every attribute, null where nothing is set.

use std::collections::{BTreeMap, HashMap};

use tfplugin_proto::tfplugin6::schema::nested_block::NestingMode as BlockNesting;
use tfplugin_proto::tfplugin6::schema::object::NestingMode;
use tfplugin_proto::tfplugin6::schema::{Attribute, Block, NestedBlock};
use tfplugin_proto::tfplugin6::{Schema, get_provider_schema};
use tokio::sync::OnceCell;

use crate::launch::Launch;
use crate::value::Value;

static SCHEMAS: OnceCell<get_provider_schema::Response> = OnceCell::const_new();

/// All schemas of the provider.
pub async fn all() -> &'static get_provider_schema::Response {
    SCHEMAS
        .get_or_init(|| async {
            let plugin = Launch::new().start().await;
            let request = get_provider_schema::Request {};
            plugin.connection.provider().get_provider_schema(request).await.expect("schemas").into_inner()
        })
        .await
}

/// The attributes and blocks of the data source `kind`.
pub async fn data(kind: &str) -> &'static Block {
    block_of(&all().await.data_source_schemas, kind)
}

/// The attributes and blocks of the ephemeral resource `kind`.
pub async fn ephemeral(kind: &str) -> &'static Block {
    block_of(&all().await.ephemeral_resource_schemas, kind)
}

/// The attributes and blocks of the action `kind`.
pub async fn action(kind: &str) -> &'static Block {
    let schema = all().await.action_schemas.get(kind).and_then(|action| action.schema.as_ref());
    let block = schema.and_then(|schema| schema.block.as_ref());
    block.unwrap_or_else(|| panic!("there is no `{kind}`"))
}

/// A provider block with all that it may have.
pub async fn complete_provider(config: &Value) -> Value {
    let schema = all().await.provider.as_ref().expect("a schema of the provider block");
    complete(schema.block.as_ref().expect("a block in the schema"), config)
}

/// A data block with all that it may have.
pub async fn complete_data(kind: &str, config: &Value) -> Value {
    complete(data(kind).await, config)
}

/// An ephemeral block with all that it may have.
pub async fn complete_ephemeral(kind: &str, config: &Value) -> Value {
    complete(ephemeral(kind).await, config)
}

/// The configuration of an action with all that it may have.
pub async fn complete_action(kind: &str, config: &Value) -> Value {
    complete(action(kind).await, config)
}

fn block_of<'a>(schemas: &'a HashMap<String, Schema>, kind: &str) -> &'a Block {
    let schema = schemas.get(kind).unwrap_or_else(|| panic!("there is no `{kind}`"));
    schema.block.as_ref().expect("a block in the schema")
}

fn complete(block: &Block, config: &Value) -> Value {
    let Value::Object(given) = config else { return config.clone() };
    let mut members = complete_attributes(&block.attributes, given);
    for nested in &block.block_types {
        let empty = without_blocks(nested);
        members.insert(nested.type_name.clone(), given.get(&nested.type_name).cloned().unwrap_or(empty));
    }
    assert!(given.keys().all(|name| members.contains_key(name)), "the schema lacks one of {given:?}");
    Value::Object(members)
}

fn complete_attributes(attributes: &[Attribute], given: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    attributes
        .iter()
        .map(|attribute| (attribute.name.clone(), complete_attribute(attribute, given)))
        .collect()
}

fn complete_attribute(attribute: &Attribute, given: &BTreeMap<String, Value>) -> Value {
    match (given.get(&attribute.name), &attribute.nested_type) {
        (None, _) => Value::Null,
        (Some(Value::Object(inner)), Some(object)) if object.nesting() == NestingMode::Single => {
            let complete = complete_attributes(&object.attributes, inner);
            assert!(
                inner.keys().all(|name| complete.contains_key(name)),
                "the schema lacks one of {inner:?}"
            );
            Value::Object(complete)
        }
        (Some(value), _) => value.clone(),
    }
}

fn without_blocks(nested: &NestedBlock) -> Value {
    match nested.nesting() {
        BlockNesting::List | BlockNesting::Set => Value::List(Vec::new()),
        BlockNesting::Map | BlockNesting::Group => Value::Object(BTreeMap::new()),
        BlockNesting::Single | BlockNesting::Invalid => Value::Null,
    }
}
