//! Schemas in the form of the protocol.

use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::schema as pb_schema;

use super::{Attribute, AttributeKind, NestedBlock, Nesting, Presence, Schema};

impl Schema {
    pub(crate) fn to_proto(&self) -> pb::Schema {
        pb::Schema { version: 0, block: Some(self.to_block()) }
    }

    fn to_block(&self) -> pb_schema::Block {
        pb_schema::Block {
            version: 0,
            attributes: self.attributes.iter().map(Attribute::to_proto).collect(),
            block_types: self.blocks.iter().map(NestedBlock::to_proto).collect(),
            description: self.description.clone(),
            description_kind: pb::StringKind::Markdown.into(),
            deprecated: self.deprecation.is_some(),
            deprecation_message: self.deprecation.clone().unwrap_or_default(),
            computed: false,
        }
    }
}

impl Attribute {
    fn to_proto(&self) -> pb_schema::Attribute {
        let (ty, nested_type) = match &self.kind {
            AttributeKind::Plain(ty) => (ty.to_json().to_string().into_bytes(), None),
            AttributeKind::Nested(nesting, attributes) => {
                (Vec::new(), Some(nested_object(*nesting, attributes)))
            }
        };
        pb_schema::Attribute {
            name: self.name.clone(),
            r#type: ty,
            nested_type,
            description: self.description.clone(),
            description_kind: pb::StringKind::Markdown.into(),
            required: self.presence == Presence::Required,
            optional: matches!(self.presence, Presence::Optional | Presence::OptionalComputed),
            computed: self.presence.is_computed(),
            sensitive: self.sensitive,
            deprecated: self.deprecation.is_some(),
            deprecation_message: self.deprecation.clone().unwrap_or_default(),
            write_only: false,
        }
    }
}

fn nested_object(nesting: Nesting, attributes: &[Attribute]) -> pb_schema::Object {
    use pb_schema::object::NestingMode;
    let nesting = match nesting {
        Nesting::List => NestingMode::List,
        Nesting::Map => NestingMode::Map,
        Nesting::Set => NestingMode::Set,
        Nesting::Single => NestingMode::Single,
    };
    pb_schema::Object {
        attributes: attributes.iter().map(Attribute::to_proto).collect(),
        nesting: nesting.into(),
        ..pb_schema::Object::default()
    }
}

impl NestedBlock {
    fn to_proto(&self) -> pb_schema::NestedBlock {
        use pb_schema::nested_block::NestingMode;
        let nesting = match self.nesting {
            Nesting::List => NestingMode::List,
            Nesting::Map => NestingMode::Map,
            Nesting::Set => NestingMode::Set,
            Nesting::Single => NestingMode::Single,
        };
        pb_schema::NestedBlock {
            type_name: self.name.clone(),
            block: Some(self.block.to_block()),
            nesting: nesting.into(),
            min_items: self.min_items.into(),
            max_items: self.max_items.into(),
        }
    }
}
